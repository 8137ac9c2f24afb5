"""Who may call, and what there is: accounts with their keys and roles, and the services of each account and region."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from streamwatch.reference.aws import sigv4
from streamwatch.reference.aws.dynamodb import DynamoDb
from streamwatch.reference.aws.firehose import Firehose
from streamwatch.reference.aws.lambdas import Lambda
from streamwatch.reference.aws.msk import Msk
from streamwatch.reference.http import Asked
from streamwatch.reference.kinesis.account import AccountLimits, Kinesis
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import MINUTE, Metrics
from streamwatch.reference.timers import Timers

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
_SESSION_SECONDS: Final = 3600.0


class Beside(Protocol):
    """A service of one account and region that runs something beside streams and topics."""

    def __init__(self, account: str, region: str, metrics: Metrics, /) -> None:
        """Begin with nothing."""

    def mend(self) -> None:
        """Let all be well."""


S = TypeVar("S", bound=Beside)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What an access key is good for."""

    secret: str
    account: str
    arn: str
    token: str | None = None
    until: float = float("inf")


@dataclass(frozen=True, slots=True)
class Role:
    """A role that may be assumed by whoever knows its external id."""

    arn: str
    external_id: str | None = None

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.arn.split(":")[4]


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """Who calls, where."""

    account: str
    region: str
    service: str
    arn: str


@dataclass(slots=True)
class CloudFaults:
    """What is broken on purpose, for every service."""

    expired: bool = False
    """All credentials have expired."""
    throttled: set[str] = field(default_factory=set)
    """Operations that are refused for their rate."""
    denied: set[str] = field(default_factory=set)
    """Operations that nobody may call."""
    slow: float = 0.0
    """Seconds that every answer takes longer."""
    answers: str = ""
    """``garbage``, ``truncated``, ``empty`` or ``error``: what comes instead of the answers."""
    spoilt: str | None = None
    """The only operation of which that is so; None where it is so of all."""


class Cloud:
    """Everything that is behind one endpoint."""

    def __init__(
        self, logins: dict[str, AccessKey] | None = None, quotas: AccountLimits | None = None, minute: int = MINUTE
    ) -> None:
        """Make an empty cloud; without logins every signature is let in, as account 123456789012.

        Args:
            logins: access keys, by their ids.
            quotas: of an account.
            minute: how many seconds a minute of CloudWatch's is: fewer, where a rehearsal is in a hurry.

        """
        self.logins = dict(logins or {})
        self.is_open = not self.logins
        self.roles: dict[str, Role] = {}
        self.broken = CloudFaults()
        self.timers = Timers()
        self.quotas = quotas or AccountLimits()
        self._kinesis: dict[tuple[str, str], Kinesis] = {}
        self._msk: dict[tuple[str, str], Msk] = {}
        self._dynamodb: dict[tuple[str, str], DynamoDb] = {}
        self._lambdas: dict[tuple[str, str], Lambda] = {}
        self._firehose: dict[tuple[str, str], Firehose] = {}
        self._beside: dict[tuple[type, str, str], Any] = {}
        self._metrics: dict[tuple[str, str], Metrics] = {}
        self._minute = minute

    def metrics(self, account: str = ACCOUNT, region: str = REGION) -> Metrics:
        """Return what CloudWatch knows there."""
        return self._metrics.setdefault((account, region), Metrics(self._minute))

    def all_metrics(self) -> list[Metrics]:
        """Return what CloudWatch knows anywhere."""
        return list(self._metrics.values())

    def kinesis(self, account: str = ACCOUNT, region: str = REGION) -> Kinesis:
        """Return the Kinesis there."""
        key = (account, region)
        if key not in self._kinesis:
            self._kinesis[key] = Kinesis(account, region, self.metrics(account, region), self.quotas)
        return self._kinesis[key]

    def msk(self, account: str = ACCOUNT, region: str = REGION) -> Msk:
        """Return the MSK there."""
        key = (account, region)
        if key not in self._msk:
            self._msk[key] = Msk(account, region, self.metrics(account, region))
        return self._msk[key]

    def dynamodb(self, account: str = ACCOUNT, region: str = REGION) -> DynamoDb:
        """Return the tables there."""
        key = (account, region)
        if key not in self._dynamodb:
            self._dynamodb[key] = DynamoDb(account, region)
        return self._dynamodb[key]

    def lambdas(self, account: str = ACCOUNT, region: str = REGION) -> Lambda:
        """Return the event source mappings there."""
        return self._lambdas.setdefault((account, region), Lambda(account, region))

    def firehose(self, account: str = ACCOUNT, region: str = REGION) -> Firehose:
        """Return the delivery streams there."""
        key = (account, region)
        if key not in self._firehose:
            self._firehose[key] = Firehose(account, region, self.metrics(account, region))
        return self._firehose[key]

    def firehoses(self) -> list[Firehose]:
        """Return the delivery streams of everywhere."""
        return list(self._firehose.values())

    def beside(self, kind: type[S], account: str = ACCOUNT, region: str = REGION) -> S:
        """Return a service there that runs something beside streams and topics."""
        key = (kind, account, region)
        if key not in self._beside:
            self._beside[key] = kind(account, region, self.metrics(account, region))
        found: S = self._beside[key]
        return found

    def every(self, kind: type[S]) -> list[S]:
        """Return such a service of everywhere."""
        return [one for one in self._beside.values() if isinstance(one, kind)]

    def mend(self) -> None:
        """Let all such services be well."""
        for one in self._beside.values():
            one.mend()

    def msks(self) -> list[Msk]:
        """Return every MSK that there is."""
        return list(self._msk.values())

    def kinesis_accounts(self) -> list[Kinesis]:
        """Return every Kinesis that there is."""
        return list(self._kinesis.values())

    def pass_time(self, now: float) -> None:
        """Let everything happen that is due."""
        self.timers.run(now)
        for kinesis in self._kinesis.values():
            kinesis.timers.run(now)

    def enter(self, asked: Asked, now: float) -> CallerIdentity:
        """Return who calls.

        Raises:
            Refused: the signature, the key or its session is not right.

        """
        parameters = sigv4.parse(asked)
        if self.broken.expired:
            raise ServiceError("ExpiredTokenException", "The security token included in the request is expired")
        login = self.logins.get(parameters.key)
        if login is None and self.is_open:
            return CallerIdentity(
                ACCOUNT, parameters.region, parameters.service, f"arn:aws:iam::{ACCOUNT}:user/{parameters.key}"
            )
        if login is None or login.token != parameters.token:
            why = "The security token included in the request is invalid."
            raise ServiceError("UnrecognizedClientException", why, 403)
        if now > login.until:
            raise ServiceError("ExpiredTokenException", "The security token included in the request is expired")
        at = sigv4.signed_at(parameters)
        if at is None or not -sigv4.MOST_SKEW_SECONDS <= now - at <= parameters.seconds:
            raise ServiceError(
                "InvalidSignatureException", "Signature expired: the clocks differ by more than 5 min.", 403
            )
        if not sigv4.is_right(asked, parameters, login.secret):
            why = (
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret"
                " Access Key and signing method. Consult the service documentation for details."
            )
            raise ServiceError("InvalidSignatureException", why, 403)
        return CallerIdentity(login.account, parameters.region, parameters.service, login.arn)

    def assume(
        self, caller: CallerIdentity, arn: str, name: str, external_id: str | None, now: float
    ) -> tuple[str, AccessKey]:
        """Return a new access key and what it is good for.

        Raises:
            Refused: there is no such role, or it wants another external id.

        """
        role = self.roles.get(arn)
        if role is None or (role.external_id is not None and role.external_id != external_id):
            why = f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
            raise ServiceError("AccessDenied", why, 403)
        key = f"ASIA{secrets.token_hex(8).upper()}"
        who = f"arn:aws:sts::{role.account}:assumed-role/{arn.rpartition('/')[2]}/{name}"
        login = AccessKey(secrets.token_hex(20), role.account, who, secrets.token_hex(32), now + _SESSION_SECONDS)
        self.logins[key] = login
        return key, login

"""One boto3 session an account, shared by all sources; its calls are paced and counted, its errors understood."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
import botocore.session
from botocore import xform_name
from botocore.config import Config as BotoConfig
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from streamwatch.clock import Clock
from streamwatch.errors import SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.model.kinesis import CallCount
from streamwatch.sources.aws.config import Access
from streamwatch.sources.aws.errors import understood

RATES: Final = {
    "ListStreams": 2.0,
    "DescribeLimits": 0.5,
    "DescribeStreamSummary": 10.0,
    "ListStreamConsumers": 2.0,
    "ListShards": 50.0,
    "GetMetricData": 20.0,
    "GetResources": 2.0,
    "ListTopics": 2.0,
    "DescribeTopicPartitions": 10.0,
}
"""Calls a second that the agent makes at most, an account and region: half of what AWS allows, or less. Of MSK's topic
calls AWS does not say how many it allows."""
_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 8.0
_ATTEMPTS: Final = 2
_CONNECTIONS: Final = 10
_MOST_PAGES: Final = 100
_ROLE_SESSION: Final = "streamwatch"


class Pace:
    """Spaces calls evenly; may be used from any thread."""

    def __init__(self, rate: float, clock: Clock) -> None:
        self._gap = 1 / rate
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    def turn(self, deadline: float) -> float | None:
        """Return how long to wait for one's turn; None where it does not come before the deadline (monotonic)."""
        with self._lock:
            now = self._clock.monotonic()
            at = max(self._next, now)
            if at >= deadline:
                return None
            self._next = at + self._gap
            return at - now


@dataclass(slots=True)
class _Count:
    calls: int = 0
    failures: int = 0
    throttled: int = 0
    seconds: float = 0.0


class Account:
    """One identity at AWS. May be used from any thread."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access = access
        self._clock = clock
        self._lock = threading.Lock()
        self._session: boto3.session.Session | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._paces: dict[tuple[str, str], Pace] = {}

    def client(self, service: str, region: str) -> Any:  # noqa: ANN401 - botocore makes its class as it runs
        """Return the client of a service in a region, made once."""
        with self._lock:
            if (service, region) not in self._clients:
                if self._session is None:
                    self._session = self._begin()
                options = BotoConfig(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
                    max_pool_connections=_CONNECTIONS,
                    user_agent_appid="streamwatch",
                )
                self._clients[service, region] = self._session.client(
                    service, region_name=region, endpoint_url=self._access.endpoint_url, config=options
                )
            return self._clients[service, region]

    def pace(self, region: str, operation: str) -> Pace | None:
        """Return what spaces the calls of an operation; None where nothing does."""
        rate = RATES.get(operation)
        if rate is None:
            return None
        with self._lock:
            return self._paces.setdefault((region, operation), Pace(rate, self._clock))

    def credentials(self) -> Any:  # noqa: ANN401 - botocore has no types
        """Return the credentials of now, which renew themselves.

        Raises:
            NoCredentialsError: there are none.

        """
        with self._lock:
            if self._session is None:
                self._session = self._begin()
            found = self._session.get_credentials()
        if found is None:
            raise NoCredentialsError
        return found

    def _begin(self) -> boto3.session.Session:
        access = self._access
        secret = access.secret_access_key.reveal() if access.secret_access_key else None
        session = boto3.session.Session(
            aws_access_key_id=access.access_key_id, aws_secret_access_key=secret, profile_name=access.profile
        )
        return session if access.role_arn is None else self._assume(session, access.role_arn)

    def _assume(self, session: boto3.session.Session, role_arn: str) -> boto3.session.Session:
        """Return a session of the role, whose credentials are renewed before they expire."""
        inner = session._session  # noqa: SLF001 - boto3 offers no other way to renew an assumed role

        def client(service: str, **options: Any) -> Any:  # noqa: ANN401
            region = options.pop("region_name", None) or session.region_name or "us-east-1"
            options.pop("config", None)
            return inner.create_client(service, region_name=region, endpoint_url=self._access.endpoint_url, **options)

        extra = {"RoleSessionName": _ROLE_SESSION}
        if self._access.external_id is not None:
            extra["ExternalId"] = self._access.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=client, source_credentials=session.get_credentials(), role_arn=role_arn, extra_args=extra
        )
        assumed = botocore.session.Session()
        assumed._credentials = DeferredRefreshableCredentials(  # noqa: SLF001 - as botocore's own chain sets it
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )
        return boto3.session.Session(botocore_session=assumed)


class Accounts:
    """The accounts that sources share: those of equal access have one session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Access, Account] = {}

    def get(self, access: Access) -> Account:
        """Return the account of this access."""
        with self._lock:
            return self._known.setdefault(access, Account(access, self._clock))


class Caller:
    """The calls of one source, counted."""

    def __init__(self, account: Account, clock: Clock, wait: Callable[[float], object]) -> None:
        """Count from zero.

        Args:
            account: who calls.
            clock: for deadlines and durations.
            wait: waits for so many seconds, or less when the source is closed.

        """
        self._account = account
        self._clock = clock
        self.wait = wait
        """Waits for so many seconds, or less when the source is closed."""
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str, str], _Count] = {}

    def call(  # noqa: PLR0913 - who, where, what, until when
        self,
        service: str,
        region: str,
        operation: str,
        given: Mapping[str, Any],
        *,
        wants: Collection[str] = (),
        deadline: float,
    ) -> dict[str, Any]:
        """Call an operation, in its turn.

        Args:
            service: as boto3 calls it.
            region: where.
            operation: as the API calls it.
            given: its parameters.
            wants: what the answer must hold; botocore takes garbage for an answer without anything.
            deadline: by the clock's ``monotonic``; a call that would begin later is not made.

        Raises:
            SourceError: what happened, and what to do.

        """
        what = f"{service} {operation} in {region}"
        pace = self._account.pace(region, operation)
        delay = pace.turn(deadline) if pace is not None else 0.0
        if delay is None or self._clock.monotonic() >= deadline:
            raise SourceUnavailable(f"{what}: no answer before the deadline of the read: it was not its turn yet")
        if delay:
            self.wait(delay)
        begun = self._clock.monotonic()
        count = self._count(region, service, operation)
        try:
            answer: dict[str, Any] = getattr(self._account.client(service, region), xform_name(operation))(**given)
            self._check(answer, wants, what)
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError) as error:
            ours = understood(error, what)
            with self._lock:
                count.failures += 1
                count.throttled += isinstance(ours, SourceThrottled)
            raise ours from error
        except SourceMisread:
            with self._lock:
                count.failures += 1
            raise
        finally:
            with self._lock:
                count.calls += 1
                count.seconds += self._clock.monotonic() - begun
        return answer

    def pages(  # noqa: PLR0913 - as call
        self,
        service: str,
        region: str,
        operation: str,
        given: Mapping[str, Any],
        *,
        wants: Collection[str] = (),
        deadline: float,
        following: str = "NextToken",
        most: int = _MOST_PAGES,
    ) -> Iterator[dict[str, Any]]:
        """Call an operation again and again until no next page follows, ``most`` times at most; else as ``call``."""
        page = dict(given)
        for _ in range(most):
            answer = self.call(service, region, operation, page, wants=wants, deadline=deadline)
            yield answer
            if not answer.get(following):
                return
            page[following] = answer[following]

    def counts(self) -> tuple[CallCount, ...]:
        """Return the totals."""
        with self._lock:
            return tuple(
                CallCount(*key, one.calls, one.failures, one.throttled, one.seconds)
                for key, one in sorted(self._counts.items())
            )

    def _count(self, region: str, service: str, operation: str) -> _Count:
        with self._lock:
            return self._counts.setdefault((region, service, operation), _Count())

    @staticmethod
    def _check(answer: dict[str, Any], wants: Collection[str], what: str) -> None:
        missing = [name for name in wants if name not in answer]
        if missing:
            raise SourceMisread(f"{what}: the answer has no {missing[0]}: is something between the agent and AWS?")

"""One login an account, shared by all sources; its calls are paced and counted, its errors understood."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import boto3
from botocore import xform_name
from botocore.config import Config as BotoConfig
from botocore.exceptions import ClientError

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceMisread, SourceThrottled
from streamwatch.model.kinesis import CallCount
from streamwatch.sources.aws.botocore_sessions import new_session
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.credentials import CredentialSession, LoginKeeper
from streamwatch.sources.aws.errors import NotInTurn, is_stale, understood
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.soundness import Form

RATES: Final = {
    "ListStreams": 2.0,
    "DescribeLimits": 0.5,
    "DescribeAccountSettings": 1.0,
    "DescribeStreamSummary": 10.0,
    "ListStreamConsumers": 2.0,
    "ListShards": 50.0,
    "GetMetricData": 20.0,
    "GetResources": 2.0,
    "ListTopics": 2.0,
    "DescribeTopicPartitions": 10.0,
    "ListTables": 2.0,
    "DescribeTable": 5.0,
    "Scan": 20.0,
    "ListEventSourceMappings": 2.0,
    "ListDeliveryStreams": 2.0,
    "DescribeDeliveryStream": 2.0,
    "ListConnectors": 2.0,
    "ListApplications": 1.0,
    "DescribeApplication": 1.0,
    "ListPipes": 2.0,
    "DescribePipe": 2.0,
    "DescribeEndpoints": 1.0,
    "DescribeReplicationTasks": 1.0,
    "DescribeReplications": 1.0,
    "DescribeReplicationInstances": 1.0,
    "DescribeConnector": 2.0,
    "ListReplicators": 2.0,
    "DescribeReplicator": 2.0,
    "ExecuteStatement": 2.0,
    "DescribeStatement": 5.0,
    "GetStatementResult": 5.0,
}
"""Calls a second that the agent makes at most, an account and region: half of what AWS allows, or less. How many it
allows of MSK's topic and replicator calls, of MSK Connect, Pipes and Managed Flink AWS does not say."""
_LARGE: Final = "GetMetricData"
"""Its answers hold thousands of numbers; who reads them looks at each."""
_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 8.0
_ATTEMPTS: Final = 2
_CONNECTIONS: Final = 10


@cache
def operations_of(service: str) -> frozenset[str]:
    """Return the operations of a service that the botocore that is installed knows."""
    return frozenset(new_session().get_service_model(service).operation_names)


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

    def __init__(self, access: AwsAccess, clock: Clock, attempts: int = _ATTEMPTS) -> None:
        """Prepare; nothing is resolved before the first call.

        Args:
            access: who the agent is.
            clock: spaces calls, and attempts to have credentials.
            attempts: how often botocore makes a call that fails, in all.

        """
        self._access = access
        self._clock = clock
        self._attempts = attempts
        self._lock = threading.Lock()
        self._keeper = LoginKeeper(access, clock)
        self._used: CredentialSession | None = None
        """What the clients were made with."""
        self._clients: dict[tuple[str, str], Any] = {}
        self._forms: dict[tuple[str, str], Form | None] = {}
        self._paces: dict[tuple[str, str], Pace] = {}

    def ask(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation with the credentials of now; where AWS refuses them, once more with those that follow.

        Raises:
            NoCredentials: there are none now, and what each provider answered.
            Exception: whatever botocore raises.

        """
        client, login = self._client(service, region)
        try:
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            if not is_stale(error):
                raise
            with self._lock:
                if not self._keeper.renew(login, region):
                    raise
            client, _ = self._client(service, region)
            answer = getattr(client, xform_name(operation))(**parameters)
        with self._lock:
            self._keeper.answered()
        return answer

    def form(self, service: str, region: str, operation: str) -> Form | None:
        """Return the form of an operation's answers; None where it has none, and before the service is called."""
        with self._lock:
            if (service, operation) not in self._forms:
                client = self._clients.get((service, region))
                if client is None:
                    return None
                shape = client.meta.service_model.operation_model(operation).output_shape
                self._forms[service, operation] = None if shape is None else Form(shape)
            return self._forms[service, operation]

    def renew(self) -> None:
        """Resolve credentials anew at the next call."""
        with self._lock:
            self._keeper.drop()

    @property
    def provider(self) -> str:
        """What the credentials come from, in botocore's words; empty before the first call."""
        with self._lock:
            return "" if self._used is None else self._used.provider

    def _client(self, service: str, region: str) -> tuple[Any, CredentialSession]:
        """Return the client of a service in a region, made once for a login."""
        with self._lock:
            login = self._keeper.login(region)
            if login is not self._used:
                self._used = login
                self._clients.clear()
            if (service, region) not in self._clients:
                options = BotoConfig(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": self._attempts},
                    max_pool_connections=_CONNECTIONS,
                    user_agent_appid="streamwatch",
                )
                session = boto3.session.Session(botocore_session=login.session)
                self._clients[service, region] = session.client(
                    service, region_name=region, endpoint_url=self._access.endpoint_url, config=options
                )
            return self._clients[service, region], login

    def pace(self, region: str, operation: str) -> Pace | None:
        """Return what spaces the calls of an operation; None where nothing does."""
        rate = RATES.get(operation)
        if rate is None:
            return None
        with self._lock:
            return self._paces.setdefault((region, operation), Pace(rate, self._clock))

    def login(self, region: str) -> CredentialSession:
        """Return the login of now, for who signs by itself.

        Args:
            region: where STS is asked, if a role is to be assumed.

        Raises:
            NoCredentials: there is none, and what each provider answered.

        """
        with self._lock:
            return self._keeper.login(region)

    def refused(self, login: CredentialSession) -> None:
        """Resolve credentials anew at the next call: who was shown these does not take them."""
        with self._lock:
            self._keeper.refused(login)


class Accounts:
    """The accounts that sources share: those of equal access have one session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[AwsAccess, Account] = {}

    def get(self, access: AwsAccess) -> Account:
        """Return the account of this access."""
        with self._lock:
            return self._known.setdefault(access, Account(access, self._clock))

    def renew(self) -> None:
        """Resolve all credentials anew at the next call of each."""
        with self._lock:
            known = list(self._known.values())
        for account in known:
            account.renew()


class SourceCalls:
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
        parameters: Mapping[str, Any],
        *,
        wants: Collection[str] = (),
        deadline: float,
    ) -> dict[str, Any]:
        """Call an operation, in its turn.

        Args:
            service: as boto3 calls it.
            region: where.
            operation: as the API calls it.
            parameters: its parameters, by AWS's names.
            wants: what the answer must hold; botocore takes garbage for an answer without anything.
            deadline: by the clock's ``monotonic``; a call that would begin later is not made.

        Raises:
            SourceError: what happened, and what to do.

        """
        what = f"{service} {operation} in {region}"
        pace = self._account.pace(region, operation)
        delay = pace.turn(deadline) if pace is not None else 0.0
        if delay is None or self._clock.monotonic() >= deadline:
            raise NotInTurn(f"{what}: no answer before the deadline of the read: it was not its turn yet")
        if delay:
            self.wait(delay)
        started = self._clock.monotonic()
        count = self._count(region, service, operation)
        try:
            answer = self._account.ask(service, region, operation, parameters)
            self._check(answer, wants, what)
            if operation != _LARGE:
                self._check_form(service, region, operation, answer)
        except SourceMisread:
            with self._lock:
                count.failures += 1
            raise
        except Exception as error:  # a provider of credentials may raise anything; what leaves is ours
            ours = understood(error, what)
            with self._lock:
                count.failures += 1
                count.throttled += isinstance(ours, SourceThrottled)
            raise ours from error
        finally:
            with self._lock:
                count.calls += 1
                count.seconds += self._clock.monotonic() - started
        return answer

    @property
    def provider(self) -> str:
        """What the credentials come from; empty before the first call."""
        return self._account.provider

    def pages(  # noqa: PLR0913 - as call
        self,
        service: str,
        region: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        wants: Collection[str] = (),
        deadline: float,
        following: str = "NextToken",
    ) -> Iterator[dict[str, Any]]:
        """Call an operation again and again until no next page follows; else as ``call``."""
        page = dict(parameters)
        tokens = PageTokens(f"{service} {operation} in {region}")
        while True:
            answer = self.call(service, region, operation, page, wants=wants, deadline=deadline)
            yield answer
            if not answer.get(following):
                return
            tokens.follow(answer[following])
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

    def _check_form(self, service: str, region: str, operation: str, answer: dict[str, Any]) -> None:
        form = self._account.form(service, region, operation)
        odd = None if form is None else form.misfit(answer)
        if odd is not None:
            raise SourceMisread(f"{service} {operation} in {region}: {odd} is not what AWS documents it to be")

    @staticmethod
    def _check(answer: dict[str, Any], wants: Collection[str], what: str) -> None:
        missing = [name for name in wants if name not in answer]
        if missing:
            raise SourceMisread(f"{what}: the answer has no {missing[0]}: is something between the agent and AWS?")

"""What is the same for everything that AWS runs beside a stream or a topic: what a kind has to say, and its reader.

A kind (``firehose`` for example) lists and describes what its service has, and says which CloudWatch series answer
which question. What follows from them is the same for all: a ``Reader``.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from streamwatch.model.cloudwatch import Reading, Series
from streamwatch.model.reader import Kind, Position, Reader, RetryPolicy, State, Work
from streamwatch.sources.aws.page_tokens import PageTokens
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.msk.naming import MskName
from streamwatch.sources.readers.clusters import WatchedClusters

Answer = dict[str, Any]
Field = Literal[
    "lag_seconds", "lag_records", "freshness_seconds", "success_ratio", "backpressured", "records", "failed_records",
    "throttled_calls", "tasks", "failed_tasks", "records_per_second",
    "source_lag_seconds",
    "executions", "failed_executions", "throttled_executions", "restarts",
    "failed_checkpoints", "checkpoint_seconds", "downtime_seconds", "uptime_seconds",
    "failures", "auth_errors", "offset_sync_failures", "reachable", "throttle_seconds", "bytes_per_second",
]  # fmt: skip
"""What a series says: of the position, or of the work."""
_COUNTED: Final[frozenset[Field]] = frozenset(
    {
        "records", "failed_records", "throttled_calls", "executions", "failed_executions", "throttled_executions",
        "failures", "auth_errors", "offset_sync_failures",
    }
)  # fmt: skip
_WORST_IS_LEAST: Final[frozenset[Field]] = frozenset({"success_ratio", "reachable"})
_FRESH_SECONDS: Final = 300.0
"""CloudWatch is up to three minutes late; older points say nothing of now."""

_SETTLED_SECONDS: Final = 120.0
"""A job that has run for less may be one that fails and starts, again and again; its lag is of what it reads anew."""
_CALL_SHARE: Final = 0.2
"""Firehose and Pipes poll a shard about once a second, of its five calls: inferred, AWS does not say."""
_POLLERS: Final[frozenset[Kind]] = frozenset({"firehose", "pipes"})


class Api:
    """The calls of one service in one region."""

    def __init__(self, service: str, region: str, caller: SourceCalls, deadline: float) -> None:
        self._service, self._caller, self._deadline = service, caller, deadline
        self.region = region

    def call(self, operation: str, parameters: Mapping[str, Any], *wants: str) -> Answer:
        """Call an operation; as ``SourceCalls.call``."""
        return self._caller.call(
            self._service, self.region, operation, parameters, wants=wants, deadline=self._deadline
        )  # fmt: skip

    def pages(self, operation: str, parameters: Mapping[str, Any], wants: str, following: tuple[str, str]) -> list[Any]:
        """Return what all pages of an operation hold.

        Args:
            operation: as the API calls it.
            parameters: of the first page.
            wants: the member of the answer that holds a list.
            following: the member that says where the next page begins, and the parameter that takes it.

        """
        found: list[Any] = []
        page = dict(parameters)
        tokens = PageTokens(f"{self._service} {operation} in {self.region}")
        while True:
            answer = self.call(operation, page, wants)
            found += answer[wants]
            if not answer.get(following[0]):
                break
            tokens.follow(answer[following[0]])
            page[following[1]] = answer[following[0]]
        return found


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing says of one."""

    name: str
    version: str = ""
    """It is described anew where this changes: its state, for example."""
    answer: Any = None
    """As it came."""
    arn: str = ""
    """Where several may have one name."""

    @property
    def key(self) -> str:
        """What tells it apart from all others of its kind in its region."""
        return self.arn or self.name


def distinct(listed: Iterable[Listed]) -> list[Listed]:
    """Return them so that no two have the same name: the last part of the ARN is in those that would."""
    every = list(listed)
    counts = Counter(one.name for one in every)
    return [
        replace(one, name=f"{one.name} ({re.split('[:/]', one.arn)[-1]})") if one.arn and counts[one.name] > 1 else one
        for one in every
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One of a kind, as its service describes it."""

    name: str
    account: str
    state: State
    reason: str
    stream: str | None = None
    stream_arn: str = ""
    """Where it is said as such, and not only in properties that its code may read."""
    stream_account: str = ""
    """Whose the stream is, where its ARN is not said as such."""
    cluster: MskName | None = None
    topic: str | None = None
    topics: str = ""
    """Of one that may have several, what its settings say: a list, a pattern or a prefix."""
    group: str | None = None
    target: MskName | None = None
    """The Kafka cluster that it writes, where it replicates one."""
    dimensions: tuple[tuple[str, str], ...]
    """Of its CloudWatch series."""
    outlet: str = ""
    """What CloudWatch's names say of where it delivers to."""
    buffer_seconds: float | None = None
    aliases: tuple[str, ...] = ()
    """How CloudWatch calls the clusters that it works with."""
    retries: RetryPolicy | None = None
    calls_limit_ratio: float | None = None
    """Share of a shard's calls that it makes, where it says so; else its kind's."""
    is_bound: bool = True
    """Whether its lag is of what it has worked off, and not of what it has read."""
    is_writer: bool = False
    """Whether it writes the stream or topic, and does not read it."""
    unknown: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The account in which its stream is; its own where that is not said, or it has none."""
        return self.stream_account or account_of(self.stream_arn) or self.account


@dataclass(frozen=True, slots=True)
class Measure:
    """A series of CloudWatch, and what it says. Several that say the same are added up, or the worst of them counts."""

    field: Field
    name: str
    statistic: str
    scale: float = 1.0
    vital: bool = False
    """Whether it is asked for at every read."""
    of: tuple[tuple[str, str], ...] = ()
    """Dimensions besides those of all its series."""

    @property
    def is_counter(self) -> bool:
        """Whether its minutes are added up."""
        return self.field in _COUNTED


class Attachable(Protocol):
    """One kind."""

    kind: Kind
    service: str
    """As boto3 calls it."""
    namespace: str
    """Of its CloudWatch series."""

    def listed(self, api: Api) -> list[Listed]:
        """Return all that there are."""

    def described(self, api: Api, listed: Listed) -> Described | None:
        """Return one as it is; None for one that reads no stream and no topic."""

    def measures(self, described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""


def series_of(kind: Attachable, described: Described, measure: Measure) -> Series:
    """Return the series that a measure asks for."""
    dimensions = tuple(sorted((*described.dimensions, *measure.of)))
    return Series(kind.namespace, measure.name, measure.statistic, dimensions)


def numbers(kind: Attachable, described: Described, known: Callable[[Series], Reading | None]) -> dict[Field, float]:
    """Return what CloudWatch says of one; left out where it has no point, or none of the last minutes."""
    values: dict[Field, list[float]] = {}
    for measure in kind.measures(described):
        reading = known(series_of(kind, described, measure))
        if reading is None:
            continue
        if measure.is_counter:
            values.setdefault(measure.field, []).append(reading.total * measure.scale)
        elif reading.is_news(_FRESH_SECONDS) and reading.value >= 0:  # -1 is how Flink says: not yet
            values.setdefault(measure.field, []).append(reading.value * measure.scale)
    return {field: _together(field, found) for field, found in values.items()}


def _together(field: Field, values: Iterable[float]) -> float:
    if field in _COUNTED:
        return sum(values)
    return min(values) if field in _WORST_IS_LEAST else max(values)


def reader(  # noqa: PLR0913, PLR0917 - one of a kind, and what others know of it
    kind: Kind,
    region: str,
    of: Described,
    now: Mapping[Field, float],
    retention: float | None,
    clusters: WatchedClusters,
) -> Reader:
    """Return the reader that one is, with what CloudWatch says of it."""
    lag, records = now.get("lag_seconds"), now.get("lag_records")
    uptime, unknown = now.get("uptime_seconds"), of.unknown
    if uptime is not None and uptime < _SETTLED_SECONDS:
        lag = records = None
        unknown = (*unknown, f"lag: its job has run for {uptime:.0f} s: what it had read before it may read again")
    position = Position(
        part="", worker="", method="unknown" if lag is None else "reported", lag_seconds=lag,
        bound_seconds=lag if of.is_bound else None, lag_records=records,
    )  # fmt: skip
    state, reason = of.state, of.reason
    if state == "running" and now.get("failed_tasks"):
        state, reason = "partly", f"{now['failed_tasks']:g} of its tasks have failed"
    return Reader(
        kind=kind,
        name=of.name,
        owner=of.name,
        account=of.place,
        region=region,
        stream=of.stream,
        cluster=clusters.called(of.cluster),
        topic=of.topic,
        topics=of.topics,
        group=of.group,
        target=clusters.called(of.target),
        state=state,
        reason=reason,
        positions=() if lag is None and records is None else (position,),
        calls_limit_ratio=_calls(kind, of, state),
        work=Work(
            freshness_seconds=now.get("freshness_seconds"),
            buffer_seconds=of.buffer_seconds,
            success_ratio=now.get("success_ratio"),
            backpressured=_is_so(now.get("backpressured")),
            records=now.get("records"),
            failed_records=now.get("failed_records"),
            throttled_calls=now.get("throttled_calls"),
            tasks=now.get("tasks"),
            failed_tasks=now.get("failed_tasks"),
            records_per_second=now.get("records_per_second"),
            source_lag_seconds=now.get("source_lag_seconds"),
            executions=now.get("executions"),
            failed_executions=now.get("failed_executions"),
            throttled_executions=now.get("throttled_executions"),
            restarts=now.get("restarts"),
            failed_checkpoints=now.get("failed_checkpoints"),
            checkpoint_seconds=now.get("checkpoint_seconds"),
            downtime_seconds=now.get("downtime_seconds"),
            failures=now.get("failures"),
            auth_errors=now.get("auth_errors"),
            offset_sync_failures=now.get("offset_sync_failures"),
            reachable=_is_so(now.get("reachable")),
            throttle_seconds=now.get("throttle_seconds"),
            bytes_per_second=now.get("bytes_per_second"),
        ),
        retries=of.retries,
        retention_seconds=retention,
        unknown=unknown,
    )


def _is_so(value: float | None) -> bool | None:
    return None if value is None else value > 0


def unread(kind: Kind, name: str, region: str, account: str, why: str) -> Reader:
    """Return the reader of which nothing is known but that it is there."""
    return Reader(
        kind=kind, name=name, owner=name, account=account, region=region, state="unknown", reason=why, positions=(),
        unknown=(why,),
    )  # fmt: skip


def _calls(kind: Kind, of: Described, state: State) -> float | None:
    """Return the share of a shard's calls that a reader makes; None where that is not known."""
    share = _CALL_SHARE if kind in _POLLERS else of.calls_limit_ratio
    if of.stream is None or state == "unknown" or share is None:
        return None
    return share if state == "running" else 0.0


def without_its_stream(of: Described, region: str, names: Collection[str]) -> Described:
    """Return one as it is where its stream may not be there: its service says that it runs all the same.

    Args:
        of: as its service describes it.
        region: where it is.
        names: of all streams of its account in that region.

    """
    is_near = of.stream_arn.split(":")[3:5] == [region, of.account]
    if of.state != "running" or not is_near or of.stream is None or of.stream in names:
        return of
    return replace(of, state="stopped", reason=f"there is no stream {of.stream} (any more): {of.reason}")


def stream_of(arn: str) -> str | None:
    """Return the name of the Kinesis stream of an ARN, of its own or of a consumer's; None where it is no stream."""
    service, _, resource = _resource(arn)
    return resource.split("/")[1] if service == "kinesis" and resource.startswith("stream/") else None


def account_of(arn: str) -> str:
    """Return the account of an ARN; empty where it has none."""
    return _resource(arn)[1]


def _resource(arn: str) -> tuple[str, str, str]:
    parts = arn.split(":", 5)
    return (parts[2], parts[4], parts[5]) if len(parts) == 6 and parts[0] == "arn" else ("", "", "")  # noqa: PLR2004 - of an ARN

"""From an event source mapping, and what CloudWatch says of it and of its function, to a reader."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.model.cloudwatch import Reading, Series
from streamwatch.model.reader import PROBLEM, Method, Outcomes, Position, Reader, State
from streamwatch.sources.readers.lambda_rows import MappingRow

NEWS_SECONDS: Final = 300.0
"""CloudWatch is up to three minutes late: a minute that ended so long ago is still the newest."""
DEAD_SECONDS: Final = 600.0
"""A poller sends a count at every poll: one that sent none for so long does not poll."""
_MINUTE: Final = 60.0
_STANDS_SECONDS: Final = 120.0
_STANDS_SHARE: Final = 1 / 6
"""What moves by less than so much of the time that passes stands: its age rises by 50 s a minute."""
_CHANGING: Final = frozenset({"Creating", "Enabling", "Updating"})
_STOPPED: Final = frozenset({"Disabled", "Disabling", "Deleting"})
_SILENT: Final = "Disabled"
"""Who is being disabled or deleted may still poll."""
_CALL_SHARE: Final = 0.2
"""A mapping without enhanced fan-out polls each shard once a second: one of its five calls."""

_AGE: Final = ("IteratorAge", "Maximum")
_OFFSETS: Final = ("OffsetLag", "Maximum")
_TOTALS: Final = ("Invocations", "Errors", "Throttles", "DestinationDeliveryFailures")
_DETAILS: Final = frozenset({"Invocations", "Errors"})
"""No alert rests on them."""
_EVENTS: Final = ("DroppedEventCount", "OnFailureDestinationDeliveredEventCount")
_UNCOUNTED: Final = "a batch that is given up goes nowhere, and nothing counts it: set EventCount in its MetricsConfig"
_POLLED: Final = ("PolledEventCount", "Sum")
_FAILED: Final = ("FailedInvokeEventCount", "Sum")
_OWN_OFFSETS: Final = ("SumOffsetLag", "Maximum")
_STREAMS: Final = frozenset({"kinesis", "dynamodb"})
_KAFKA: Final = frozenset({"msk", "kafka"})

Readings = Mapping[Series, Reading]


@dataclass(frozen=True, slots=True)
class MappingSeries:
    """A series, and how it is asked for."""

    series: Series
    is_counter: bool
    is_vital: bool


def of_function(function: str, name: str, statistic: str = "Sum") -> Series:
    """Return a series of a function."""
    return Series("AWS/Lambda", name, statistic, (("FunctionName", function),))


def of_mapping(uuid: str, name: str, statistic: str = "Sum") -> Series:
    """Return a series of a mapping."""
    return Series("AWS/Lambda", name, statistic, (("EventSourceMappingUUID", uuid),))


def series(row: MappingRow, *, is_alone: bool, has_group_lag: bool = False) -> Iterator[MappingSeries]:
    """Yield what is asked of CloudWatch for a mapping; not how far its group is behind, where brokers say it."""
    function = row.function
    if row.source == "kinesis":
        yield MappingSeries(of_function(function, *_AGE), is_counter=False, is_vital=True)
    elif has_group_lag:
        pass
    elif "KafkaMetrics" in row.measured:
        yield MappingSeries(of_mapping(row.uuid, *_OWN_OFFSETS), is_counter=False, is_vital=True)
    elif not row.is_queue:
        yield MappingSeries(of_function(function, *_OFFSETS), is_counter=False, is_vital=True)
    for name in _TOTALS:
        if name != _TOTALS[-1] or row.retries.destination:
            yield MappingSeries(of_function(function, name), is_counter=True, is_vital=name not in _DETAILS)
    if "EventCount" in row.measured:
        yield MappingSeries(of_mapping(row.uuid, *_POLLED), is_counter=False, is_vital=True)
        for name in _EVENTS:
            yield MappingSeries(of_mapping(row.uuid, name), is_counter=True, is_vital=True)
        if row.source == "kinesis" and not is_alone:
            yield MappingSeries(of_mapping(row.uuid, *_FAILED), is_counter=False, is_vital=True)


@dataclass(slots=True)
class MappingHistory:
    """What is remembered of a mapping from read to read."""

    since: float
    """When it was first asked for in the state that it has."""
    state: str = ""
    problems: int = 0
    """Reads in a row whose last result was a problem."""
    problem_at: float = -math.inf
    """When the last result was last seen to be a problem: shards overwrite each other's."""
    _moved_minute: float = math.nan
    _moved_to: float = math.nan
    _stands: bool = False
    _minute: float = math.nan

    def take(self, row: MappingRow, now: float) -> None:
        """Take what was listed."""
        if row.state != self.state:
            self.state, self.since = row.state, now
        if row.result.startswith(PROBLEM):
            self.problems, self.problem_at = self.problems + 1, now
        else:
            self.problems = 0

    def standing_since(self, age: Reading | None) -> float | None:
        """Return since when what is handed over has been the same, by the newest age; None where it moves."""
        if age is None or not age.is_news(NEWS_SECONDS):
            self._moved_minute, self._stands = math.nan, False
            return None
        if age.minute != self._minute:
            self._minute = age.minute
            arrival, passed = age.minute - age.value / 1000, age.minute - self._moved_minute
            if math.isnan(passed) or arrival - self._moved_to > passed * _STANDS_SHARE:
                self._moved_minute, self._moved_to, self._stands = age.minute, arrival, False
            else:
                self._stands = passed >= _STANDS_SECONDS * age.period / _MINUTE
        return self._moved_minute + age.period if self._stands else None


@dataclass(frozen=True, slots=True)
class Shared:
    """Of how many mappings a function's own metrics are."""

    streams: Mapping[str, int]
    kafka: Mapping[str, int]

    def is_alone(self, row: MappingRow) -> bool:
        """Whether the age that a function tells is of the stream of this mapping."""
        return self.streams.get(row.function, 0) <= 1


def shared(rows: Iterable[MappingRow]) -> Shared:
    """Return how many mappings that may call it each function has."""
    active = [one for one in rows if one.state != _SILENT]
    return Shared(
        Counter(one.function for one in active if one.source in _STREAMS),
        Counter(one.function for one in active if one.source in _KAFKA),
    )


def judged(  # noqa: PLR0913, PLR0917 - what is known of one mapping
    row: MappingRow,
    region: str,
    following: MappingHistory,
    readings: Readings | None,
    among: Shared,
    retention: float | None,
    cluster: str | None,
    now: float,
) -> Reader:
    """Return the reader that a mapping is.

    Args:
        row: the mapping.
        region: where it is.
        following: what was before.
        readings: what CloudWatch said; None where it is not asked.
        among: how many mappings a function has.
        retention: how long its stream keeps records; None where that is not known.
        cluster: what the agent calls its Kafka cluster.
        now: when.

    """
    known = readings or {}
    state, reason = _state(row, following, known, now)
    position, unknown = _position(row, following, known, among, now)
    is_kafka = row.source in _KAFKA
    return Reader(
        kind="lambda",
        name=row.name,
        owner=row.function,
        account=row.account if is_kafka else row.stream_account,
        region=region,
        stream=row.stream or None,
        cluster=cluster if is_kafka else None,
        topic=row.topic or None,
        group=row.group or None,
        is_share_group=row.is_queue,
        state=state,
        reason=reason,
        last_result=row.result if row.state == "Enabled" else row.state_reason or row.result,
        positions=(position,),
        outcomes=_outcomes(row, known),
        retries=row.retries,
        calls_limit_ratio=None if is_kafka else 0.0 if row.consumer or state == "stopped" else _CALL_SHARE,
        retention_seconds=retention,
        unknown=(
            *unknown,
            *(("metrics: CloudWatch is not asked",) if readings is None else ()),
            *((f"lost records: {_UNCOUNTED}",) if row.loses_silently else ()),
        ),
    )


def _state(row: MappingRow, following: MappingHistory, known: Readings, now: float) -> tuple[State, str]:
    if row.state in _CHANGING:
        return "changing", f"the mapping is {row.state}"
    if row.state in _STOPPED:
        return "stopped", f"the mapping is {row.state}: {row.state_reason or 'no reason is given'}"
    if row.state != "Enabled":
        return "unknown", f"the mapping is {row.state or 'in no state'}, which the agent does not know"
    is_failing = following.problems > 1
    polled = known.get(of_mapping(row.uuid, *_POLLED))
    is_silent = polled is not None and now - following.since > DEAD_SECONDS and not polled.is_news(DEAD_SECONDS)
    # While a batch is tried again nothing is polled: then the calls of the function say that its poller lives.
    if is_silent and not (is_failing and _is_called(row, known)):
        return "stopped", "the mapping is enabled, and its poller counts no poll: it does not run"
    return ("failing", row.result) if is_failing else ("running", "the mapping is enabled")


def _is_called(row: MappingRow, known: Readings) -> bool:
    """Whether the function is called, or refuses it; somebody else's calls count, where it has any."""
    signs = [known.get(of_function(row.function, *one)) for one in (_AGE, ("Throttles", "Sum"))]
    return any(one is not None and one.is_news(DEAD_SECONDS) for one in signs)


def _position(
    row: MappingRow, following: MappingHistory, known: Readings, among: Shared, now: float
) -> tuple[Position, Sequence[str]]:
    if row.source in _KAFKA:
        records, why = _records(row, known, among)
        place = Position(
            part="", worker="", method="unknown", lag_seconds=None, bound_seconds=None, lag_records=records
        )
        return place, why
    if row.state == _SILENT:
        why = "lag: the mapping is Disabled, and what the function tells is of others, or of before"
        return Position(part="", worker="", method="unknown", lag_seconds=None, bound_seconds=None), (why,)
    age = known.get(of_function(row.function, *_AGE))
    newest = _last(age)
    seconds = None if newest is None else newest / 1000
    is_alone = among.is_alone(row)
    since = following.standing_since(age)
    if not is_alone and not _fails_calls(row, following, known, now):
        since = None
    why = []
    if seconds is None and _reads_nothing(row, known):
        return Position(part="", worker="", method="idle", lag_seconds=0.0, bound_seconds=0.0), ()
    if seconds is None:
        why.append("lag: the function was not called, and whether there was anything to read is not known")
    elif not is_alone:
        why.append("lag: the age is of all streams that the function reads: it is at most so far behind")
    is_moving = is_alone and seconds is not None
    method: Method = "standing" if since is not None else "moving" if is_moving else "unknown"
    lag = seconds if is_alone else None
    return Position(
        part="", worker="", method=method, lag_seconds=lag, bound_seconds=seconds, standing_since=since
    ), why  # fmt: skip


def _fails_calls(row: MappingRow, following: MappingHistory, known: Readings, now: float) -> bool:
    """Whether it is this mapping of the function whose batches fail."""
    if "EventCount" in row.measured:
        return bool(_last(known.get(of_mapping(row.uuid, *_FAILED))))
    return now - following.problem_at <= DEAD_SECONDS


def _records(row: MappingRow, known: Readings, among: Shared) -> tuple[float | None, Sequence[str]]:
    own = known.get(of_mapping(row.uuid, *_OWN_OFFSETS))
    if own is not None:
        return _last(own), ()
    if row.is_queue:
        return None, ("lag: a share group has none: the Kafka source says what it has left",)
    if among.kafka.get(row.function, 0) > 1:
        return None, ("lag: the function reads several topics, and its offset lag is not of one: see the group",)
    offsets = _last(known.get(of_function(row.function, *_OFFSETS)))
    return offsets, () if offsets is not None else ("lag: see kafka_group_topic_lag of the group",)


def _outcomes(row: MappingRow, known: Readings) -> Outcomes:
    def total(one: Series) -> float | None:
        reading = known.get(one)
        return None if reading is None else reading.total

    calls, errors, throttles, deliveries = (total(of_function(row.function, name)) for name in _TOTALS)
    dropped, delivered = (total(of_mapping(row.uuid, name)) for name in _EVENTS)
    return Outcomes(
        calls=calls,
        failed_calls=errors,
        refused_calls=throttles,
        lost_records=dropped,
        set_aside_records=delivered,
        failed_deliveries=deliveries,
    )


def _last(reading: Reading | None) -> float | None:
    return reading.value if reading is not None and reading.is_news(NEWS_SECONDS) else None


def _reads_nothing(row: MappingRow, known: Readings) -> bool:
    """Whether polls were empty, and no batch waits: a shard that waits is not polled, and others may be empty."""
    if row.result.startswith(PROBLEM):
        return False
    refused = _last(known.get(of_function(row.function, "Throttles")))
    return not refused and _last(known.get(of_mapping(row.uuid, *_POLLED))) == 0

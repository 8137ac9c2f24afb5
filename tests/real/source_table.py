"""The same metrics from every source, side by side: what docs/msk-sources.md is made of."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import msk as m
from streamwatch.model.metric import Metric, Samples

KINDS: Final = {
    "kafka": "protocol",
    "pages": "JMX, node exporter",
    "topics": "MSK's topic calls",
    "cloudwatch": "CloudWatch",
}
Told = Mapping[str, Sequence[Samples]]
"""Samples by kind of source."""
Rows = dict[tuple[str, ...], float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    """CloudWatch's, where it has one."""
    metric: Metric
    where: tuple[str, ...] = ()
    """The labels after the broker's of the series it is about; all series without."""
    moves: str = ""
    """Why sources differ though none is wrong; without, they must be equal."""
    silent: str = ""
    """Why nobody tells it, where that may be."""
    least: float = 0.0
    most: float = float("inf")
    """What a value must be within, where it moves."""


_AGE: Final = "it moves, and CloudWatch's minute is over"
_OWN_BEGINNING: Final = "JMX counts from the broker's start, CloudWatch from the agent's"
_MEAN: Final = "JMX's mean is since the broker's start; CloudWatch's is that, a minute ago"
_ROOT: Final = "the node exporter leaves out what is kept for root"
_SPAN: Final = "each measures its own last minute"
_FOLLOWER: Final = "the reference's followers make no requests"
_UNMODELLED: Final = "the reference has no such thing"

THIRTEEN: Final = (
    Line("ActiveControllerCount", k.ACTIVE_CONTROLLERS),
    Line("OfflinePartitionsCount", k.OFFLINE_PARTITIONS),
    Line("GlobalPartitionCount", k.PARTITIONS),
    Line("GlobalTopicCount", k.TOPICS),
    Line("KafkaAppLogsDiskUsed", b.APP_LOGS_DISK, moves=_ROOT, most=1),
    Line("KafkaDataLogsDiskUsed", b.DATA_DISK, moves=_AGE, most=1),
    Line("RootDiskUsed", b.ROOT_DISK, moves=_ROOT, most=1),
    Line("PartitionCount", k.BROKER_PARTITIONS),
    Line("LeaderCount", k.BROKER_LEADERS),
    Line("UnderMinIsrPartitionCount", k.BROKER_UNDER_MIN_ISR),
    Line("UnderReplicatedPartitions", k.BROKER_UNDER_REPLICATED),
    Line("FetchConsumerTotalTimeMsMean", b.REQUEST_MEAN, ("FetchConsumer", "total"), _MEAN, most=60),
    Line("ProduceTotalTimeMsMean", b.REQUEST_MEAN, ("Produce", "total"), _MEAN, most=60),
)
MORE: Final = (
    *(
        Line(
            f"{request}, {what}", metric, (request,), _MEAN, most=60, silent=_FOLLOWER if "Follower" in request else ""
        )
        for request in ("Produce", "FetchConsumer", "FetchFollower")
        for what, metric in (("means", b.REQUEST_MEAN), ("quantiles", b.REQUEST_QUANTILE))
    ),
    Line("request queue", b.REQUEST_QUEUE, moves=_AGE),
    Line("response queue", b.RESPONSE_QUEUE, moves=_AGE),
    Line("RequestHandlerAvgIdlePercent", b.HANDLER_IDLE, moves=_SPAN, most=1.1),
    Line("NetworkProcessorAvgIdlePercent", b.PROCESSOR_IDLE, moves=_SPAN, silent=_UNMODELLED, most=1.1),
    Line("NetworkRxPackets, NetworkTxPackets", b.PACKETS, moves=_OWN_BEGINNING),
    Line("NetworkRxDropped, NetworkTxDropped", b.PACKETS_DROPPED, moves=_OWN_BEGINNING),
    Line("NetworkRxErrors, NetworkTxErrors", b.PACKET_ERRORS, moves=_OWN_BEGINNING),
    Line("BytesInPerSec", b.BYTES_IN, moves=_OWN_BEGINNING),
    Line("BytesOutPerSec", b.BYTES_OUT, moves=_OWN_BEGINNING),
    Line("MessagesInPerSec", b.MESSAGES_IN, moves=_OWN_BEGINNING),
    Line("ReplicationBytesInPerSec", b.REPLICATED_IN, moves=_OWN_BEGINNING),
    Line("ReplicationBytesOutPerSec", b.REPLICATED_OUT, moves=_OWN_BEGINNING),
    Line("connections", b.CONNECTIONS, moves=_AGE),
    Line("ConnectionCreationRate", b.CONNECTIONS_CREATED, moves=_OWN_BEGINNING),
    Line("ConnectionCloseRate", b.CONNECTIONS_CLOSED, moves=_OWN_BEGINNING),
    Line("ISR shrinks", b.ISR_SHRINKS, moves=_OWN_BEGINNING),
    Line("ISR expansions", b.ISR_EXPANDS, moves=_OWN_BEGINNING),
    Line("garbage collection", b.GC_SECONDS, moves=_OWN_BEGINNING, silent=_UNMODELLED),
    Line("file descriptors", b.OPEN_FILES, moves=_AGE),
    Line("CpuUser, CpuSystem, CpuIdle, CpuIoWait", b.CPU, moves=_SPAN, most=1),
    Line("MemoryFree", b.MEMORY_FREE, moves=_AGE),
    Line("MemoryCached", b.MEMORY_CACHED, moves=_AGE),
    Line("HeapMemoryAfterGC", b.HEAP_AFTER_GC, moves=_SPAN, silent=_UNMODELLED, most=1),
    Line("ProduceThrottleTime, FetchThrottleTime", m.THROTTLE, moves=_AGE, silent="nothing was throttled"),
    Line("SumOffsetLag", g.GROUP_TOPIC_LAG),
    Line("MaxOffsetLag", g.GROUP_TOPIC_MAX_LAG),
)


class Unexplained(AssertionError):
    """Sources differ where they must not."""


def table(told: Told, lines: Iterable[Line], dead: str | None) -> Iterator[str]:
    """Yield the lines of a table; ``dead`` is a broker that is down.

    Raises:
        Unexplained: two sources differ, and nothing says why.

    """
    kinds = [kind for kind in KINDS if kind in told]
    yield f"| metric | {' | '.join(KINDS[kind] for kind in kinds)} | |"
    yield "|---" * (len(kinds) + 2) + "|"
    for line in lines:
        rows = {kind: found for kind in kinds if (found := _rows(told[kind], line, dead))}
        cells = [_cell(line, rows[kind]) if kind in rows else "" for kind in kinds]
        yield f"| {line.name} | {' | '.join(cells)} | {_verdict(line, rows, dead)} |"


def _rows(samples: Sequence[Samples], line: Line, dead: str | None) -> Rows:
    """Return what a source tells; nothing where that is all about a broker that is down."""
    found = {
        row[1:]: value
        for one in samples
        if one.metric is line.metric
        for row, value in one.known().items()
        if not line.where or row[2 : 2 + len(line.where)] == line.where
    }
    return {} if {row[:1] for row in found} == {(dead,)} else found


def _cell(line: Line, rows: Rows) -> str:
    """Return the sum where the values stand still, else who tells one."""
    brokers = sorted({row[0] for row in rows}) if "broker" in line.metric.labels else []
    of = f" of {len(brokers)} brokers" if brokers else ""
    wrong = {row: value for row, value in rows.items() if line.moves and not line.least <= value <= line.most}
    if wrong:
        raise Unexplained(f"{line.name}: {wrong}: not between {line.least:g} and {line.most:g}")
    parts = {row[2:] for row in rows} if len(line.where) == 1 else {()}
    known = "known" if len(parts) == 1 else f"{len(parts)} known"
    return f"{known}{of}" if line.moves else f"{sum(rows.values()):g}{of}"


def _verdict(line: Line, rows: Mapping[str, Rows], dead: str | None) -> str:
    if len(rows) < 2:
        if not rows and not line.silent:
            raise Unexplained(f"{line.name}: nobody tells it")
        return "one source" if rows else line.silent
    shared = set.intersection(*(set(some) for some in rows.values()))
    differing = {row for row in shared if len({some[row] for some in rows.values()}) > 1}
    if differing and not line.moves:
        raise Unexplained(f"{line.name}: {[{kind: some[row] for kind, some in rows.items()} for row in differing]}")
    missing = set.union(*(set(some) for some in rows.values())) - shared
    if missing and line.moves:
        return line.moves
    if missing and {row[0] for row in missing} != {dead}:
        raise Unexplained(f"{line.name}: not known by all: {missing}")
    why = f"broker {dead} is down: it tells nothing itself" if missing else ""
    return line.moves or why or "equal"

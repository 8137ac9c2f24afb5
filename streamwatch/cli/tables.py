"""Tables for people: a snapshot and the catalogue, drawn with rich."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_controllers as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as n
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.catalogue import msk as m
from streamwatch.catalogue.cloudwatch_names import cloudwatch_names
from streamwatch.cli.connect_tables import connect_tables
from streamwatch.core.words import printable_lines
from streamwatch.model.comparison import Line
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Metric, Samples
from streamwatch.model.snapshot import Problem, Snapshot

_PADDING = 3
_BORDER = 1
"""Characters around a column, and at the end of a line."""
_PROSE = 30
"""A text of several words that is longer may have several lines."""
_ROWS = 20
"""Of topics and of groups, at most so many are shown: the largest."""

Named = tuple[str, Metric]

_UP = {True: Text("up", style="green"), False: Text("down", style="bold red"), None: Text("?")}
"""A broker that nobody has connected to is neither."""


def show(*tables: RenderableType) -> None:
    """Print to the terminal, as wide as it is; as wide as needed into a file or pipe. Nothing is cut.

    A table whose words have no room side by side is printed as several, each with the names of its rows.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    for table in tables:
        for part in _parts(table, console) if isinstance(table, Table) else (_as_it_is(table),):
            console.print(part)


def _parts(table: Table, console: Console) -> Iterator[Table]:
    """Yield a table in parts in which no word is folded that has room in a line of its own; prose is."""
    room = console.width - _BORDER
    cells = [list(map(_as_it_is, column.cells)) for column in table.columns]
    rows = list(zip(*cells, strict=True))
    longest = [_widths((column.header, *own), console) for column, own in zip(table.columns, cells, strict=True)]
    first = min(longest[0][0], room // 2)
    widths = [first, *(min(need, room - first - 2 * _PADDING) for need, _ in longest[1:])]
    groups: list[list[int]] = [[0]]
    for at in range(1, len(widths)):
        if sum(widths[other] + _PADDING for other in (*groups[-1], at)) > room and len(groups[-1]) > 1:
            groups.append([0])
        groups[-1].append(at)
    for group in groups:
        part = Table(title_justify="left", show_header=table.show_header)
        part.title = table.title if group is groups[0] else None
        part.caption = table.caption if group is groups[-1] else None
        left = room - sum(widths[at] + _PADDING for at in group)
        for at in group:
            more = max(0, min(left, longest[at][1] - widths[at]))
            left -= more
            column = table.columns[at]
            part.add_column(column.header, width=max(1, widths[at] + more), overflow="fold", justify=column.justify)
        for row in rows:
            part.add_row(*(row[at] for at in group))
        yield part


def _as_it_is(cell: RenderableType) -> RenderableType:
    """Return a cell in which neither rich nor the terminal obeys anything: names are other people's."""
    if isinstance(cell, str):
        return Text(printable_lines(cell))
    if isinstance(cell, Text):
        cell = cell.copy()
        cell.plain = printable_lines(cell.plain)
    return cell


def _widths(cells: Sequence[RenderableType], console: Console) -> tuple[int, int]:
    """Return how wide a column must be, and how wide it could be: words are whole, prose has lines."""
    measured = [Measurement.get(console, console.options, cell) for cell in cells]
    words, all_of_it = (max(width, default=1) for width in zip(*measured, strict=True))
    return max(words, min(all_of_it, _PROSE)), all_of_it


def metrics_table(metrics: Sequence[Metric]) -> Table:
    """Return the catalogue as a table."""
    table = Table("metric", "kind", "unit", "labels", "what it is", "CloudWatch")
    for metric in metrics:
        mappings = "\n".join(map(str, cloudwatch_names(metric)))
        table.add_row(metric.name, metric.kind, metric.unit, ", ".join(metric.labels), metric.help, mappings)
    return table


def tables(now: Snapshot, samples: Sequence[Samples], problems: Sequence[Problem]) -> list[RenderableType]:
    """Return what one read saw, by the main source and the others, and what none of them could read."""
    if isinstance(now, ClusterSnapshot):
        return cluster_tables(now, samples, problems)
    if isinstance(now, ConnectSnapshot):
        return connect_tables(now)
    return stream_tables(now, samples) if isinstance(now, StreamsSnapshot) else []


def cluster_tables(
    now: ClusterSnapshot, samples: Sequence[Samples], problems: Sequence[Problem]
) -> list[RenderableType]:
    """Return what was seen: the cluster in a line, its brokers, topics and groups, and what could not be read."""
    known = {one.metric: one.known() for one in samples if one.metric is not g.GROUP_TOPIC_LAG_METHOD}
    lines = dict.fromkeys(f"{p.reason}: {p.detail}" for p in problems)  # two sources may have the same
    problem_lines = [Text(line, style="red") for line in lines]
    if now.topology is None:
        blind = Text(f"cluster {now.cluster} cannot be read", style="bold red")
        # MSK may know it, and CloudWatch what it was a minute ago.
        others = [_cluster(now, known), _brokers(now, known)] if m.CLUSTER_STATE in known else []
        return [blind, *others, *problem_lines]
    return [_cluster(now, known), _brokers(now, known), *_topics(known), *_groups(now, known), *problem_lines]


def _cluster(now: ClusterSnapshot, known: dict[Metric, dict[tuple[str, ...], float]]) -> Table:
    table = Table(title=f"cluster {now.cluster}", show_header=False, title_justify="left")
    rows: list[Named] = [
        ("active controllers", k.ACTIVE_CONTROLLERS),
        ("brokers", k.BROKERS),
        ("topics", k.TOPICS),
        ("partitions", k.PARTITIONS),
        ("offline partitions", k.OFFLINE_PARTITIONS),
        ("unreachable partitions", k.UNREACHABLE_PARTITIONS),
        ("being reassigned", k.REASSIGNING_PARTITIONS),
        ("not led by the preferred", k.NON_PREFERRED_LEADERS),
        ("groups", k.GROUPS),
    ]
    for name, metric in rows:
        table.add_row(name, _cell(metric, known.get(metric, {}).get((now.cluster,))))
    for _, version, metadata in known.get(c.VERSION_INFO, {}):
        table.add_row("Kafka", f"{version or '?'}, metadata version {metadata}" if metadata else version)
    controller = known.get(c.CONTROLLER_ID, {}).get((now.cluster,))
    if controller is not None:
        table.add_row("active controller", f"{controller:.0f}")
    for name, metric in (("MSK says", m.CLUSTER_STATE), ("it is busy with", m.OPERATIONS)):
        if known.get(metric):
            table.add_row(name, ", ".join(row[1] for row in known[metric]))
    for name, words in _upgrade(now.cluster, known):
        table.add_row(name, words)
    return table


def _upgrade(cluster: str, known: dict[Metric, dict[tuple[str, ...], float]]) -> Iterator[tuple[str, str]]:
    """Yield what MSK says about an upgrade to Express brokers."""
    for _, state, target in known.get(m.REASSIGNMENT_STATE, {}):
        done, total = (known.get(one, {}).get((cluster,)) for one in (m.REASSIGNMENT_COMPLETED, m.REASSIGNMENT_TOPICS))
        far = "" if done is None or total is None else f", {done:.0f} of {total:.0f} topics"
        yield "MSK moves topics to", f"{target}: {state}{far}"
    found = known.get(m.ASSESSMENT_FINDINGS)
    if found:
        findings = sorted((severity, category, count) for (_, category, severity), count in found.items())
        yield (
            "MSK's assessment",
            ", ".join(f"{count:.0f} {severity} {category}" for severity, category, count in findings),
        )


def _brokers(now: ClusterSnapshot, known: dict[Metric, dict[tuple[str, ...], float]]) -> Table:
    columns: list[Named] = [
        ("partitions", k.BROKER_PARTITIONS),
        ("leaders", k.BROKER_LEADERS),
        ("under-replicated", k.BROKER_UNDER_REPLICATED),
        ("under min ISR", k.BROKER_UNDER_MIN_ISR),
        ("out of sync", k.BROKER_OUT_OF_SYNC),
        ("log", k.BROKER_LOG_BYTES),
        ("disk used", b.DATA_DISK),
    ]
    table = Table("broker", "", "address", "rack", *(name for name, _ in columns), title="brokers")
    table.title_justify = "left"
    for broker in now.brokers:
        key = (now.cluster, str(broker.id))
        table.add_row(
            str(broker.id),
            _UP[broker.up],
            f"{broker.host}:{broker.port}" if broker.port else broker.host or "?",
            broker.rack or "",
            *(_cell(metric, known.get(metric, {}).get(key)) for _, metric in columns),
        )
    return table


def _topics(known: dict[Metric, dict[tuple[str, ...], float]]) -> list[Table]:
    columns: list[Named] = [
        ("partitions", k.TOPIC_PARTITIONS),
        ("replicas", k.TOPIC_REPLICATION),
        ("min ISR", k.TOPIC_MIN_ISR),
        ("offline", k.TOPIC_OFFLINE),
        ("under-replicated", k.TOPIC_UNDER_REPLICATED),
        ("end offset", k.TOPIC_END_OFFSET),
        ("size", k.TOPIC_LOG_BYTES),
        ("retention", k.TOPIC_RETENTION_SECONDS),
    ]
    return _largest("topic", columns, (k.TOPIC_OFFLINE, k.TOPIC_UNDER_REPLICATED, k.TOPIC_END_OFFSET), known)


def _groups(now: ClusterSnapshot, known: dict[Metric, dict[tuple[str, ...], float]]) -> list[Table]:
    states = Table("group", "type", "state", "members", "without partitions", "lag", "lag age", title="groups")
    states.title_justify = "left"
    lags = known.get(g.GROUP_LAG, {})
    ordered = sorted(now.groups.groups, key=lambda group: -lags.get((now.cluster, group.name), 0.0))
    for one in ordered[:_ROWS]:
        key = (now.cluster, one.name)
        cells = (g.GROUP_MEMBERS, g.GROUP_IDLE_MEMBERS, g.GROUP_LAG, g.GROUP_LAG_SECONDS)
        states.add_row(
            one.name, one.type, one.state, *(_cell(metric, known.get(metric, {}).get(key)) for metric in cells)
        )
    if len(ordered) > _ROWS:
        states.caption = f"and {len(ordered) - _ROWS} more"
    columns: list[Named] = [
        ("lag", g.GROUP_TOPIC_LAG),
        ("worst partition", g.GROUP_TOPIC_MAX_LAG),
        ("uncommitted", g.GROUP_TOPIC_UNCOMMITTED),
        ("without a member", g.GROUP_TOPIC_UNASSIGNED),
        ("lost", g.GROUP_TOPIC_LOST),
    ]
    return [states, *_largest("group  topic", columns, (g.GROUP_TOPIC_LAG, g.GROUP_TOPIC_UNCOMMITTED), known)]


def stream_tables(now: StreamsSnapshot, samples: Sequence[Samples]) -> list[RenderableType]:
    """Return what was seen of streams: each in a line, the busiest first, their shards and consumers, and problems."""
    known = {one.metric: one.known() for one in samples}
    problems = [Text(f"{p.reason}: {p.detail}", style="red") for p in now.problems]
    if now.streams is None:
        return [Text(f"{now.source}: no region can be read", style="bold red"), *problems]
    columns: list[Named] = [
        ("shards", n.OPEN_SHARDS),
        ("closed", n.CLOSED_SHARDS),
        ("kept", n.RETENTION),
        ("age", n.ITERATOR_AGE),
        ("until loss", n.TIME_TO_LOSS),
        ("being read", n.BEING_READ),
        ("records in", n.WRITE_RECORDS_USE),
        ("bytes in", n.WRITE_BYTES_USE),
        ("bytes out", n.READ_BYTES_USE),
        ("reads", n.READ_CALLS_USE),
        ("skew", h.SHARD_SKEW),
        ("consumers", n.CONSUMERS),
    ]
    streams = _largest("account  region  stream", columns, (n.ITERATOR_AGE, n.OPEN_SHARDS), known, whole=True)
    consumers: list[Named] = [("behind", h.CONSUMER_LAG), ("events", h.CONSUMER_SUCCESS)]
    shards: list[Named] = [
        ("age", h.SHARD_AGE),
        ("records in", h.SHARD_WRITE_RECORDS_USE),
        ("bytes in", h.SHARD_WRITE_BYTES_USE),
        ("bytes out", h.SHARD_READ_BYTES_USE),
        ("oldest record", h.SHARD_OLDEST),
        ("newest record", h.SHARD_NEWEST),
    ]
    split = known.get(h.SPLIT, {})
    hot = [Text(f"stream {row[2]}: split {row[3]} at {row[4]}: {use:.0%} of its limit") for row, use in split.items()]
    return [
        *streams,
        *(Text(f"{now.source}: {note}", style="yellow") for note in now.notes()),
        *_largest("account  region  stream  consumer", consumers, (h.CONSUMER_LAG,), known, whole=True),
        *_largest("account  region  stream  shard", shards, (h.SHARD_WRITE_BYTES_USE,), known, whole=True),
        *hot,
        *problems,
    ]


def compared_table(lines: Sequence[Line]) -> Table:
    """Return what several sources say of the same."""
    kinds = sorted({kind for line in lines for kind in line.values})
    table = Table("metric", "of", *kinds, "verdict")
    styles = {"equal": "green", "explained": "yellow", "differs": "bold red"}
    for line in lines:
        values = ["" if kind not in line.values else f"{line.values[kind]:g}" for kind in kinds]
        verdict = f"{line.verdict}: {line.reason}" if line.reason else line.verdict
        table.add_row(line.name, "  ".join(line.labels.values()), *values, Text(verdict, style=styles[line.verdict]))
    return table


def comparison_summary(lines: Sequence[Line]) -> str:
    """Return in a sentence how many series are compared, and how many are equal, explained or different."""
    counts = Counter(line.verdict for line in lines)
    differing = sorted({line.name for line in lines if line.verdict == "differs"})
    names = f": {', '.join(differing)}" if differing else ""
    return (
        f"{len(lines)} series have more than one source: {counts['equal']} equal, {counts['explained']} explained,"
        f" {counts['differs']} different{names}"
    )


def _largest(
    what: str,
    columns: list[Named],
    by: tuple[Metric, ...],
    known: dict[Metric, dict[tuple[str, ...], float]],
    *,
    whole: bool = False,
) -> list[Table]:
    """Return a table of the entities of which any column is known, the largest by these metrics first."""
    every = {row for _, metric in columns for row in known.get(metric, {})}
    rows = sorted(every, key=lambda row: ([-known.get(metric, {}).get(row, 0.0) for metric in by], row))
    if not rows:
        return []
    table = Table(what, *(name for name, _ in columns))
    for row in rows[:_ROWS]:
        table.add_row(
            "  ".join(row if whole else row[1:]),
            *(_cell(metric, known.get(metric, {}).get(row)) for _, metric in columns),
        )
    if len(rows) > _ROWS:
        table.caption = f"and {len(rows) - _ROWS} more"
    return [table]


def _cell(metric: Metric, value: float | None) -> str:
    """Write a value as a person reads it; what is not known is a question mark."""
    if value is None:
        return "?"
    if math.isinf(value):
        return "no limit"
    if metric.unit == "ratio":
        return f"{value:.1%}"
    if metric.unit == "seconds":
        return _duration(value)
    if metric.unit == "bytes":
        return _size(value)
    return f"{value:,.0f}"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f}{unit}".replace(".0", "")
    return f"{seconds:.1f}s"


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - a kibibyte
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TiB"

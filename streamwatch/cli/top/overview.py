"""The overview: everything that is watched in a line each, what is worst first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import agent as o
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_connect as f
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as n
from streamwatch.catalogue import readers as r
from streamwatch.cli.top.listing import Listing, TopColumn
from streamwatch.cli.top.queries import COLUMN, Series, number, union
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.units import UNKNOWN, Unit, plain, written
from streamwatch.export.web_page.words import WORST_FIRST, Health, counted, listed, worst

Values = Mapping[str, float | None]
Statements = Iterator[tuple[Health, str]]

_C, _A, _K = "kafka_cluster", "aws_account, aws_region", "connect_cluster"
_NOT_CONNECT: Final = 'kind!="kafka_connect"'
"""A Connect cluster has a row of its own."""
_DOWN, _STANDS, _WHY = "down", "stands", "why"
_STANDING: Final = f'{g.GROUP_TOPIC_STATE.name}{{state=~"stalled|uncommitted|ahead"}} > 0'
"""Partitions in which a group does not move, though somebody reads them."""
_STALE_INTERVALS: Final = 3
_FULL, _LATE, _HOT = 0.85, 600.0, 0.8
_TARGETS: Final = {
    "source up": o.SOURCE_UP.name,
    "age": f"time() - {o.SOURCE_LAST_SUCCESS.name}",
    "interval": o.SOURCE_INTERVAL_SECONDS.name,
    "problems": f"sum by (source) ({o.SOURCE_PROBLEMS.name})",
    _WHY: f"topk by (source) (1, sum by (source, reason) ({o.SOURCE_PROBLEMS.name}))",
    "brokers": f"count by ({_C}) ({k.BROKER_UP.name})",
    "up": f"sum by ({_C}) ({k.BROKER_UP.name})",
    _DOWN: f"topk(5, {k.BROKER_UP.name} == 0)",
    "controllers": k.ACTIVE_CONTROLLERS.name,
    "offline": k.OFFLINE_PARTITIONS.name,
    "unreachable": k.UNREACHABLE_PARTITIONS.name,
    "under min ISR": f"sum by ({_C}) ({k.BROKER_UNDER_MIN_ISR.name})",
    "under-replicated": f"sum by ({_C}) ({k.BROKER_UNDER_REPLICATED.name})",
    "topics": k.TOPICS.name,
    "partitions": k.PARTITIONS.name,
    "groups": k.GROUPS.name,
    "behind": f"topk by ({_C}) (1, {g.GROUP_LAG_SECONDS.name})",
    "stuck": f"count by ({_C}) (count by ({_C}, group) ({_STANDING}))",
    _STANDS: f"topk by ({_C}) (3, count by ({_C}, group) ({_STANDING}))",
    "disk": f"max by ({_C}) ({k.LOG_DIR_USED.name}) or max by ({_C}) ({b.DATA_DISK.name})",
    "streams": f"count by ({_A}) ({n.STREAM_UP.name})",
    "not read": f"count by ({_A}) ({n.BEING_READ.name} == 0)",
    "reading known": f"count by ({_A}) ({n.BEING_READ.name})",
    "blind": f"count by ({_A}) ({n.STREAM_UP.name} == 0)",
    "hot": f'count by ({_A}) ({{__name__=~"{n.WRITE_BYTES_USE.name}|{n.WRITE_RECORDS_USE.name}"}} >= {_HOT})',
    "stream behind": f"max by ({_A}) ({n.ITERATOR_AGE.name})",
    "readers": f"count by (kind) ({r.STATE.name}{{{_NOT_CONNECT}}})",
    "readers down": f"count by (kind) ({r.UP.name}{{{_NOT_CONNECT}}} == 0)",
    "failing": f'count by (kind) ({r.STATE.name}{{{_NOT_CONNECT},state=~"failing|partly"}})',
    "reader behind": f"max by (kind) ({r.LAG.name})",
    "workers": f"count by ({_K}) ({f.WORKER_UP.name})",
    "workers up": f"sum by ({_K}) ({f.WORKER_UP.name})",
    "failed tasks": f'sum by ({_K}) ({f.CONNECTOR_TASKS.name}{{state="FAILED"}})',
}


@dataclass(frozen=True, slots=True)
class TroubleNames:
    """What statements name, by the cluster."""

    down: dict[str, list[str]]
    """Brokers that do not answer."""
    stuck: dict[str, list[str]]
    """Groups that stand still."""
    late: dict[str, str]
    """The group that is most behind."""
    why: dict[str, str]
    """By source, the commonest reason why something could not be read."""


OVERVIEW: Final = Listing(
    title="overview",
    keys=("target",),
    there=o.SOURCE_UP,
    columns=(
        TopColumn(title="kind", rank=2, is_text=True),
        TopColumn(title="how it is", is_text=True, least=50),
        TopColumn(title="behind", unit="seconds", rank=1),
        TopColumn(title="read", unit="seconds", rank=2),
        TopColumn(title="every", unit="seconds", rank=4),
        TopColumn(title="problems", rank=4),
        TopColumn(title="brokers", rank=3),
        TopColumn(title="topics", rank=5),
        TopColumn(title="partitions", rank=5),
        TopColumn(title="groups", rank=5),
        TopColumn(title="disk", unit="ratio", rank=6),
    ),
)
_SAYS: Final = ("what is the matter", "summary")
"""What incidents and alerts say of themselves."""
_UNITS: Final[Mapping[str, Unit]] = {column.title: column.unit for column in OVERVIEW.columns}


def questions() -> dict[str, str]:
    """Return what is asked: two expressions, as one may not have more than 300 operators."""
    names = list(_TARGETS)
    half = len(names) // 2
    return {
        "first": union({name: _TARGETS[name] for name in names[:half]}),
        "second": union({name: _TARGETS[name] for name in names[half:]}),
    }


def targets(answers: Mapping[str, Series]) -> list[TopRow]:
    """Return everything that is watched, the worst first."""
    known: dict[tuple[str, str], dict[str, float | None]] = {}
    names, every = TroubleNames({}, {}, {}, {}), [series for answer in answers.values() for series in answer]
    accounts = {series["metric"]["aws_account"] for series in every if "aws_account" in series["metric"]}
    for each in every:
        labels = {name: plain(value) for name, value in each["metric"].items()}
        column, value = labels[COLUMN], number(each["value"][1])
        kind, name = _target(labels, with_account=len(accounts) > 1)
        if column in {_DOWN, _STANDS}:
            named, label = (names.down, "broker") if column == _DOWN else (names.stuck, "group")
            named.setdefault(name, []).append(labels[label])
            continue
        if column == _WHY:
            names.why[name] = labels["reason"]
            continue
        known.setdefault((kind, name), {})[column] = value
        if column == "behind":
            names.late[name] = labels.get("group", "")
    rows = [_row(kind, name, values, known, names) for (kind, name), values in known.items() if kind != "source"]
    covered = {row.key[-1] for row in rows if row.cells["kind"].text in {"cluster", "connect"}}
    rows += [
        _row(kind, name, values, known, names)
        for (kind, name), values in known.items()
        if kind == "source" and name not in covered
    ]
    return sorted(rows, key=lambda row: (row.rank, row.cells["kind"].text == "source", row.key))


def headline(rows: Sequence[TopRow], firing: Sequence[TopRow] = ()) -> tuple[Health, str]:
    """Return how everything is, in a sentence; the incidents or alerts that fire may be about what is in no row."""
    if not rows:
        return "unknown", "nothing is watched, or nothing was read yet"
    level = min((row.health for row in rows), key=WORST_FIRST.index)
    worst_rows = [row for row in rows if row.health == level]
    fires = next((row for row in firing if row.health != "good"), None)
    if level == "good" and fires is not None:
        return fires.health, next(fires.cells[title].text for title in _SAYS if title in fires.cells)
    if level == "good":
        return level, f"all is well: {listed([row.key[-1] for row in rows])}"
    if len(worst_rows) == 1:
        return level, f"{worst_rows[0].key[-1]}: {worst_rows[0].cells['how it is'].text}"
    words = {"bad": "trouble", "unknown": "not known", "warn": "worth a look"}
    return level, f"{words[level]}: {listed([row.key[-1] for row in worst_rows])}"


def _target(labels: Mapping[str, str], *, with_account: bool) -> tuple[str, str]:
    """Return the kind and the name of what a series is about."""
    for label, kind in (("source", "source"), ("connect_cluster", "connect"), ("kind", "readers")):
        if label in labels:
            return kind, labels[label]
    if "kafka_cluster" in labels:
        return "cluster", labels["kafka_cluster"]
    region = labels.get("aws_region", "")
    return "streams", f"{region} {labels.get('aws_account', '')}" if with_account else region


def _row(kind: str, name: str, values: Values, known: Mapping[tuple[str, str], Values], names: TroubleNames) -> TopRow:
    source = known.get(("source", name), values) if kind in {"cluster", "connect", "source"} else {}
    about = {"cluster": _cluster, "streams": _streams, "readers": _readers, "connect": _connect}.get(kind)
    why = names.why.get(name, "")
    statements = [*_source(source, why), *(about(values, name, names) if about else ()), *_problems(source, why)]
    statements.sort(key=lambda each: WORST_FIRST.index(each[0]))
    health = worst(level for level, _ in statements)
    words = "; ".join(text for _, text in statements[:3]) or _well(kind, values)
    shown: dict[str, float | None] = {**source, **values}
    shown["read"] = shown.get("age")
    shown["every"] = shown.get("interval")
    shown["behind"] = next((shown[title] for title in (*_BEHIND, "behind") if title in shown), None)
    shown["problems"] = shown.get("problems", 0.0 if "source up" in shown else None)
    cells = {title: _cell(title, shown, kind) for title in _UNITS}
    cells |= {"kind": Cell(kind), "how it is": Cell(words, None, health)}
    opens, labels = _OPENS.get(kind, ("", ()))
    about_it = dict(zip(labels, name.split(" ") if kind == "streams" else [name], strict=False))
    return TopRow((kind, name), cells, health, opens, about_it)


_BEHIND: Final = ("stream behind", "reader behind")
_OF_KIND: Final = dict.fromkeys(("brokers", "topics", "partitions", "groups", "disk"), "cluster")
_OPENS: Final = {
    "cluster": ("brokers", ("kafka_cluster",)),
    "streams": ("streams", ("aws_region", "aws_account")),
    "readers": ("readers", ("kind",)),
}


def _cell(title: str, shown: Values, kind: str) -> Cell:
    if _OF_KIND.get(title, kind) != kind or (title == "behind" and kind in {"source", "connect"}):
        return Cell("")
    if title in {"read", "every", "problems"} and kind in {"streams", "readers"}:
        return Cell("")
    value = shown.get(title)
    if title == "brokers":
        up = shown.get("up")
        text = f"{UNKNOWN if up is None else f'{up:.0f}'} of {written(value, 'count')}"
        return Cell(text if value is not None else UNKNOWN, value)
    return Cell(written(value, _UNITS[title]), value)


def _source(values: Values, why: str) -> Statements:
    """Yield what is wrong with reading it."""
    if not values:
        return
    age, interval = values.get("age"), values.get("interval")
    is_up = values.get("source up")
    if is_up is None:
        yield "unknown", "not read yet"
    elif not is_up:
        since = "" if age is None else f" for {written(age, 'seconds')}"
        yield "bad", f"cannot be read{since}{f': {why}' if why else ''}"
    elif age is not None and interval is not None and age > _STALE_INTERVALS * max(interval, 1.0):
        yield "unknown", f"stale: read {written(age, 'seconds')} ago"


def _problems(values: Values, why: str) -> Statements:
    if (count := values.get("problems")) and values.get("source up"):
        yield "warn", f"{counted(count, 'thing')} could not be read{f' ({why})' if why else ''}"


def _cluster(values: Values, name: str, names: TroubleNames) -> Statements:
    gone = names.down.get(name, [])
    if gone:
        brokers, do = ("brokers", "do") if len(gone) > 1 else ("broker", "does")
        yield "bad", f"{brokers} {listed(sorted(gone))} {do} not answer"
    if values.get("controllers") == 0:
        yield "bad", "no active controller"
    elif values.get("offline") is None or values.get("under-replicated") is None:
        yield "unknown", "leaders and replicas are not known"
    for title, health, word in (
        ("offline", "bad", "without a leader"),
        ("unreachable", "bad", "whose leader does not answer"),
        ("under min ISR", "bad", "under min ISR"),
        ("under-replicated", "warn", "under-replicated"),
    ):
        count = values.get(title)
        if count:
            yield _HEALTH[health], f"{counted(count, 'partition')} {word}"
    if count := values.get("stuck"):
        groups = sorted(names.stuck.get(name, []))
        which = f": {', '.join(groups)}{' ...' if count > len(groups) else ''}" if groups else ""
        yield "bad", f"{counted(count, 'group stands', 'groups stand')} still{which}"
    late = values.get("behind")
    if late is not None and late >= _LATE:
        yield "warn", f"group {names.late.get(name, UNKNOWN)} is {written(late, 'seconds')} behind"
    disk = values.get("disk")
    if disk is not None and disk >= _FULL:
        yield "warn", f"a disk is {disk:.0%} full"


_HEALTH: Final[Mapping[str, Health]] = {"bad": "bad", "warn": "warn"}


def _streams(values: Values, _: str, __: TroubleNames) -> Statements:
    if count := values.get("not read"):
        yield "bad", f"nobody reads {counted(count, 'stream')}"
    if count := values.get("blind"):
        yield "unknown", f"{counted(count, 'stream')} could not be described"
    if unknown := (values.get("streams") or 0) - (values.get("reading known") or 0):
        yield "unknown", f"of {counted(unknown, 'stream')} it is not known whether anybody reads"
    if count := values.get("hot"):
        yield "warn", f"{counted(count, 'stream is', 'streams are')} near the limit of writes"
    late = values.get("stream behind")
    if late is not None and late >= _LATE:
        yield "warn", f"a reader is {written(late, 'seconds')} behind"


def _readers(values: Values, _: str, __: TroubleNames) -> Statements:
    if count := values.get("readers down"):
        yield "bad", f"{counted(count, 'reader does', 'readers do')} not run"
    if count := values.get("failing"):
        yield "bad", counted(count, "reader fails", "readers fail")
    late = values.get("reader behind")
    if late is not None and late >= _LATE:
        yield "warn", f"{written(late, 'seconds')} behind"


def _connect(values: Values, _: str, __: TroubleNames) -> Statements:
    count, up = values.get("workers"), values.get("workers up")
    if count is not None and up is not None and up < count:
        yield "bad", f"{counted(count - up, 'worker does', 'workers do')} not answer"
    if failed := values.get("failed tasks"):
        yield "bad", f"{counted(failed, 'task has', 'tasks have')} failed"


def _well(kind: str, values: Values) -> str:
    match kind:
        case "cluster":
            count = values.get("brokers")
            return "read" if count is None else f"all {counted(count, 'broker')} answer, every replica is in sync"
        case "streams":
            return f"{counted(values.get('streams') or 0, 'stream')}, written within their limits, and read"
        case "readers":
            return counted(values.get("readers") or 0, "reader runs", "readers run")
        case _:
            return "it is read"

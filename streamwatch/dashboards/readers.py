"""What is on the dashboard of readers: the same questions for every kind."""

from collections.abc import Sequence
from typing import Final

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.dashboards.panel import Dashboard, On, Panel, Query, Row, dedup

_r = On("aws_region", "kind", "reader")
_ROW: Final = "kind, reader, stream, topic"
_WHO: Final = "{{kind}} {{reader}} {{stream}}{{topic}}"
_STREAM: Final = ("aws_account", "aws_region", "stream")
_READER: Final = ("kind", "aws_account", "aws_region", "reader")


def _joined(expr: str, label: str, parts: Sequence[str]) -> str:
    """Return an expression with a label that holds several others."""
    quoted = ", ".join(f'"{one}"' for one in parts)
    return f'label_join({expr}, "{label}", "/", {quoted})'


def _known(matcher: str) -> str:
    """Return the lag of readers of streams; NaN where it is not known."""
    some = f'aws_region=~"$aws_region", kind=~"$kind", reader=~"$reader", stream!="", {matcher}'
    lag = dedup(r.LAG, f"{r.LAG.name}{{{some}}}")
    there = f"max by ({', '.join(r.LAG.labels)}) ({r.STATE.name}{{{some}}})"
    return f"({lag} or {there} * NaN)"


def _edges() -> Query:
    """Return who reads which stream, and a task of DMS that writes one."""
    read = _joined(_joined(_known('kind!="dms"'), "source", _STREAM), "target", _READER)
    written = _joined(_joined(_known('kind="dms"'), "source", _READER), "target", _STREAM)
    return Query(_joined(f"({read} or {written})", "id", ("source", "target")), metric=r.LAG)


def _nodes() -> Query:
    """Return streams, each with the worst lag of its readers, and readers."""
    known = _known('kind!=""')
    streams = _joined(f"max by ({', '.join(_STREAM)}) ({known})", "id", _STREAM)
    readers = _joined(f"max by ({', '.join(_READER)}) ({known})", "id", _READER)
    streams = _joined(_joined(streams, "title", ("stream",)), "subTitle", ("aws_region",))
    readers = _joined(_joined(readers, "title", ("reader",)), "subTitle", ("kind",))
    return Query(f"{streams} or {readers}", metric=r.LAG)


READERS: Final = Dashboard(
    "streamwatch-readers",
    "Readers",
    "Who reads streams and topics on somebody's behalf: applications, functions, and what AWS runs beside them.",
    (
        Row(
            "Is it up?",
            (
                Panel(
                    "Every reader",
                    "Which is it?",
                    (
                        _r.now(r.UP, "is", f"min by ({_ROW})").in_words("stopped", "running"),
                        _r.now(r.LAG, "behind", f"max by ({_ROW})"),
                        _r.now(r.BOUND, "at most", f"max by ({_ROW})"),
                        _r.now(r.STANDING, "standing for", f"max by ({_ROW})").red(above=300),
                        _r.now(r.TIME_TO_LOSS, "data lost in", f"min by ({_ROW})").left().red(below=14_400),
                        _r.now(r.LOST, "lost", f"max by ({_ROW})").red(above=0.01),
                        _r.now(a.FAILED_TASKS, "failed tasks", f"max by ({_ROW})").red(above=1),
                        _r.only_1(r.STATE),
                    ),
                    "table",
                    24,
                    8,
                    labels=("kind", "reader", "stream", "topic", "state"),
                    links={"stream": "streamwatch-kinesis", "topic": "streamwatch-topics"},
                    sort=("-behind", "reader"),
                ),
                Panel(
                    "What each says of its last work",
                    "Can it not log in, or does what it calls fail?",
                    (_r.only_1(r.LAST_RESULT),),
                    "table",
                    12,
                    labels=("kind", "reader", "result"),
                    sort=("reader",),
                ),
                Panel(
                    "Why it does not run",
                    "What does its service say?",
                    (_r.only_1(a.REASON),),
                    "table",
                    12,
                    labels=("kind", "reader", "reason"),
                    sort=("reader",),
                ),
                Panel("Tasks that run", "Is a part of it missing?", (_r.now(a.TASKS, _WHO),), width=12),
                Panel(
                    "Tasks that have failed",
                    "Which says RUNNING, and does only a part of its work?",
                    (_r.now(a.FAILED_TASKS, _WHO).red(above=0),),
                    width=12,
                ),
            ),
        ),
        Row(
            "Who reads what?",
            (
                Panel(
                    "Streams and their readers",
                    "Who is behind which stream?",
                    (_edges(), _nodes()),
                    "nodeGraph",
                    24,
                    12,
                ),
            ),
        ),
        Row(
            "How far behind?",
            (
                Panel("Lag of readers", "Who is late?", (_r.top(15, _r.now(r.LAG, _WHO)),)),
                Panel("Lag at most", "How bad can it be?", (_r.top(15, _r.now(r.BOUND, _WHO)),)),
                Panel("Lag in records", "How much is left to do?", (_r.top(15, _r.now(r.LAG_RECORDS, _WHO)),)),
                Panel(
                    "Freshness of what is delivered",
                    "Is it later than its buffer makes it?",
                    (_r.now(a.FRESHNESS, _WHO), _r.now(a.BUFFER, f"{_WHO}: its buffer")),
                    width=12,
                ),
                Panel(
                    "Behind the database", "Is the source slow, or the stream?", (_r.now(a.SOURCE_LAG, _WHO),), width=12
                ),
            ),
        ),
        Row(
            "What did it lose?",
            (
                Panel("Expired unread", "How much is lost?", (_r.now(r.LOST, _WHO).red(above=0),), width=12),
                Panel(
                    "Deliveries that succeed",
                    "Does the target take it?",
                    (_r.now(a.SUCCESS, _WHO).red(below=0.95),),
                    width=12,
                ),
            ),
        ),
        Row(
            "What stands still, since when?",
            (
                Panel(
                    "Standing still",
                    "Which shard is stuck, and for how long?",
                    (_r.top(50, _r.now(r.STANDING, "for")).red(above=300),),
                    "table",
                    12,
                    labels=("kind", "reader", "stream", "shard"),
                    links={"stream": "streamwatch-kinesis"},
                    sort=("-for", "reader"),
                ),
                Panel(
                    "What becomes of a batch that fails",
                    "Does a bad record block its shard, or is it lost?",
                    (_r.only_1(r.RETRY_POLICY),),
                    "table",
                    12,
                    labels=("kind", "reader", "attempts", "record_age", "bisects", "on_failure"),
                    sort=("reader",),
                ),
                Panel("Records read", "Does it read?", (_r.rate(a.RECORDS, _WHO),), width=12),
            ),
        ),
    ),
    (("aws_region", r.UP), ("kind", r.UP), ("reader", r.UP)),
)

"""What holds of every call of Kafka Connect's API: what it does not tell is unknown and named, and all else is told."""

from typing import Final

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka_connect as c
from streamwatch.collectors.connect import ConnectCollector
from streamwatch.collectors.connect_readers import ConnectReaderCollector
from streamwatch.model.connect import ConnectSnapshot
from streamwatch.model.metric import Metric
from tests.sources.connect.service import Reply, Service, running, served
from tests.sources.connect.test_progress import COPIES, DEBEZIUM, as_source, copied, offsets, tasks
from tests.sources.connect.test_source import source

Told = dict[tuple[Metric, tuple[str, ...]], float]
MISHAPS: Final[dict[str, Reply]] = {
    "refused": (403, b""),
    "throttled": (429, b""),
    "garbage": (200, b"\x00\xff"),
    "truncated": (200, b'{"offsets": [{"partition": {'),
    "empty": (200, b""),
    "error": (503, b""),
    "nonsense": (200, b"[7]"),
}
_WORKERS: Final = frozenset({c.WORKER_UP, c.WORKER_INFO})
_COPIES: Final = frozenset({c.MIRROR_PARTITIONS, c.MIRROR_COPIED_PARTITIONS, c.MIRROR_OFFSET, a.TOPICS})
OWN: Final = {
    "/": _WORKERS,
    "/connectors/db/offsets": frozenset({c.CHANGE_TIMESTAMP}),
    "/connectors/m/tasks": _COPIES,
    "/connectors/m/offsets": _COPIES,
}
"""What each call says of the workers, or of the connector that it names, and no other does."""
LISTING: Final = "/connectors"
"""Says all but what is of workers."""


def service() -> Service:
    """A sink, Debezium and a MirrorMaker, all of them well."""
    answers = {
        "/connectors/db/offsets": lambda: offsets(({"server": "db"}, {"ts_ms": 5000})),
        "/connectors/m/tasks": lambda: tasks(task_assigned_partitions="orders-0"),
        "/connectors/m/offsets": lambda: offsets(copied("orders", 0, 9)),
    }
    return Service(
        {"out": running("RUNNING"), "db": as_source(**DEBEZIUM), "m": as_source(**COPIES)}, answers=answers
    )  # fmt: skip


def told(now: ConnectSnapshot) -> Told:
    """Everything that is known."""
    every = (*ConnectCollector().collect(now), *ConnectReaderCollector().collect(now))
    return {(one.metric, row): value for one in every for row, value in one.known().items()}


def is_own(path: str, metric: Metric, row: tuple[str, ...]) -> bool:
    """Whether only this call tells it."""
    if path in {"/", LISTING}:
        return (metric in _WORKERS) == (path == "/")
    name = path.split("/")[2]
    return metric in OWN[path] and bool({name, f"c/{name}"} & set(row))


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("path", [*OWN, LISTING])
def test_what_a_call_does_not_tell_is_unknown_and_named_and_all_else_stays(path: str, mishap: str) -> None:
    of = service()
    with served(of) as url:
        reads = source([url])
        well = told(reads.read())
        before = of.answers.copy()
        of.answers[path] = lambda: MISHAPS[mishap]
        now = reads.read()
        of.answers = before
        again = reads.read()

    stays = {key for key in well if not is_own(path, *key)}
    assert now.problems, "it is named"
    assert told(now) == {key: well[key] for key in stays}
    assert (told(again), again.problems) == (well, ())


def test_every_path_that_is_asked_stands_in_the_table() -> None:
    of = service()
    with served(of) as url:
        found = told(source([url]).read())
    assert {path.partition("?")[0] for path in of.asked} == {*OWN, LISTING}
    assert {one for some in OWN.values() for one in some} <= {metric for metric, _ in found}

"""What workers of Kafka Connect answer."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streamwatch.agent.config import parse
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import ManualClock
from streamwatch.model.snapshot import Problem
from streamwatch.sources.connect import rest
from tests.fuzz.aws import collect
from tests.fuzz.parser import Parser
from tests.fuzz.spoiling import spoilt_json
from tests.sources.connect.service import CLUSTER_ID, running
from tests.sources.connect.test_progress import CHECKS, COPIES, DEBEZIUM, as_source

_NOW: Final = 1_800_000_000.0
_CONNECT: Final = "connect: [{name: c, kafka_cluster: k, urls: ['http://worker:8083'], clusters: {east: shop}}]"
_ANSWERS: Final[Mapping[str, Any]] = {
    "/": {"version": "4.3.0", "kafka_cluster_id": CLUSTER_ID},
    "/connectors": {
        "out": running("RUNNING", "FAILED", **{"errors.tolerance": "all", "database.password": "hunter2"}),
        "db": as_source(**DEBEZIUM),
        "east": as_source(**COPIES),
        "checks": as_source(**CHECKS),
    },
    "/connectors/db/offsets": {"offsets": [{"partition": {"server": "db"}, "offset": {"ts_ms": 1_800_000_000_000}}]},
    "/connectors/east/offsets": {
        "offsets": [{"partition": {"cluster": "east", "topic": "a", "partition": 0}, "offset": {"offset": 7}}]
    },
    "/connectors/east/tasks": [{"id": {"task": 0}, "config": {"task.assigned.partitions": "a-0,a-1"}}],
    "/connectors/checks/tasks": [{"id": {"task": 0}, "config": {"task.assigned.groups": "billing"}}],
}


class _Worker:
    """A worker whose answers are these bytes."""

    address = "worker:8083"

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        self._bodies = bodies

    def get(self, path: str, _seconds: float | None = None) -> rest.Answer:
        body = self._bodies.get(path.partition("?")[0])
        return rest.Answer(rest.NOT_FOUND) if body is None else rest.Answer(rest.OK, rest._parsed(path, body))


def read_connect(path: str, body: bytes) -> list[Problem]:
    """Read a Connect cluster of which one answer is these bytes; return what could not be learnt."""
    bodies = {there: json.dumps(one).encode() for there, one in _ANSWERS.items()}
    target = TargetFactory(ManualClock(_NOW)).targets(parse(_CONNECT, "fuzz", Path()).connect[0], lambda: None)[0]
    source: Any = target.source
    source._rests = [_Worker({**bodies, path: body})]
    snapshot = source.read()
    collect(target, snapshot)
    return list(snapshot.problems)


def _feed_connect(data: bytes) -> None:
    path, _, body = data.partition(b"\n")
    read_connect(path.decode("utf-8", "replace"), body)


def parser() -> Parser:
    """Return what reads workers of Kafka Connect."""
    seeds = (f"{path}\n{json.dumps(one)}".encode() for path, one in _ANSWERS.items())
    return Parser(tuple(seeds), _feed_connect, (), spoilt_json)

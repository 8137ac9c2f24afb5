"""What services beside AWS answer: workers of Kafka Connect, and the homes of a pair's lease."""

import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from streamwatch.agent.config import parse
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import LeaseError
from streamwatch.model.snapshot import Problem
from streamwatch.pair.lease.dynamodb import Config as DynamoDb
from streamwatch.pair.lease.dynamodb import DynamoDbHome
from streamwatch.pair.lease.kubernetes import ANNOTATION, KubernetesHome
from streamwatch.pair.lease.kubernetes import Config as Kubernetes
from streamwatch.pair.lease.record import Home, LeaseRecord, RecordLease, to_text
from streamwatch.pair.lease.s3 import Config as S3Config
from streamwatch.pair.lease.s3 import S3Home
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


def connect() -> Parser:
    """Return what reads workers of Kafka Connect."""
    seeds = (f"{path}\n{json.dumps(one)}".encode() for path, one in _ANSWERS.items())
    return Parser(tuple(seeds), _feed_connect, (), spoilt_json)


class _Aws:
    """What is asked of AWS for a lease is answered so."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def ask(self, operation: str, *_: object) -> Any:
        return self._answer() if operation.startswith("Get") else {"ETag": "b"}


class _Kubernetes(KubernetesHome):
    """A home whose API server answers these bytes."""

    def __init__(self, body: bytes, clock: ManualClock) -> None:
        super().__init__(Kubernetes(namespace="shop"), clock)
        self._body = body

    def _ask(self, *_: object) -> tuple[int, dict[str, Any]]:
        return 200, self._answered(self._body)


def _dynamodb(body: bytes, clock: ManualClock) -> Home:
    home: Any = DynamoDbHome(DynamoDb(table="t", region="r"), clock)
    home._calls = _Aws(lambda: {"Item": {"lease": {"S": body.decode("utf-8", "replace")}, "version": {"S": "a"}}})
    return home  # type: ignore[no-any-return]


def _s3(body: bytes, clock: ManualClock) -> Home:
    home: Any = S3Home(S3Config(bucket="b", region="r"), clock)
    home._calls = _Aws(lambda: {"Body": BytesIO(body), "ETag": "a"})
    return home  # type: ignore[no-any-return]


_HOMES: Final[Mapping[bytes, Callable[[bytes, ManualClock], Home]]] = {
    b"dynamodb": _dynamodb,
    b"s3": _s3,
    b"kubernetes": _Kubernetes,
}


def _feed_lease(data: bytes) -> None:
    """The first line says in which home the rest stands; whoever wants the lease takes it over."""
    name, _, body = data.partition(b"\n")
    if name in _HOMES:
        clock = ManualClock(_NOW)
        holder = RecordLease(_HOMES[name](body, clock), "a", "1", 6.0, clock)
        float(holder.step(wants=True).term)
        clock.advance(400)
        float(holder.step(wants=True).term)


def _leases() -> Iterator[bytes]:
    record = to_text(LeaseRecord("b", "2", 6.0, 3, 17))
    metadata = {"name": "streamwatch", "resourceVersion": "5", "annotations": {ANNOTATION: record, "other": "x"}}
    spec = {"holderIdentity": "b", "leaseTransitions": 3, "acquireTime": "2027-01-15T08:00:00.000000Z"}
    yield b"dynamodb\n" + record.encode()
    yield b"s3\n" + record.encode()
    yield b"kubernetes\n" + json.dumps({"metadata": metadata, "spec": spec}).encode()


def lease() -> Parser:
    """Return what reads the lease of several agents."""
    return Parser(tuple(_leases()), _feed_lease, (LeaseError,), spoilt_json)

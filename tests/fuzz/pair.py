"""What a pair of agents reads: the lease in each of its homes, and what a peer says."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import LeaseError
from streamwatch.model.notification import Notification
from streamwatch.model.notification import to_text as notification_text
from streamwatch.notify import outbox
from streamwatch.notify.channels import webhook
from streamwatch.notify.silence import Silence
from streamwatch.notify.text import Links, plain_text, plain_title
from streamwatch.pair import adopt, document
from streamwatch.pair.adopt import Adopter
from streamwatch.pair.lease.dynamodb import Config as DynamoDb
from streamwatch.pair.lease.dynamodb import DynamoDbHome
from streamwatch.pair.lease.kubernetes import ANNOTATION, KubernetesHome
from streamwatch.pair.lease.kubernetes import Config as Kubernetes
from streamwatch.pair.lease.record import Home, LeaseRecord, RecordLease, to_text
from streamwatch.pair.lease.s3 import Config as S3Config
from streamwatch.pair.lease.s3 import S3Home
from tests.fuzz.parser import Parser
from tests.fuzz.spoiling import spoilt, spoilt_json
from tests.notify.alerts import alert
from tests.notify.house import House, Service

_NOW: Final = 1_800_000_000.0


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


def _document() -> bytes:
    """Return what a peer says that notified of an alert, and has a silence."""
    house = House(group_interval=60.0)
    house.fire(alert(), alert(broker="1"))
    house.deliver()
    (entry,) = house.state.read(outbox.entries)
    content = notification_text(entry.content)
    house.state.close()
    told = document.Notified(entry.row.target, entry.row.key, entry.row.delivered, 1000.0, maybe=True, content=content)
    silence = Silence(7, ('team="data"',), 5000.0, "me", "work", 900.0, 950.0)
    head = document.Head("a", "1", 1000.0, True, False, 3, True, False, "d")  # noqa: FBT003 - fields
    return document.document(head, document.body_text([alert()], ["0a"], [told], [silence]))


def _spoilt(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a document of which some is spoilt: its head, or one of the texts of JSON within."""
    try:
        said = json.loads(chance.choice(seeds))
        body = json.loads(said["body"])
        places = [(said, "body"), (said, "body"), (body, "alerts"), (body["notified"][0], 5)]
        within, at = chance.choice(places)
        within[at] = spoilt_json(chance, [within[at].encode()]).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return spoilt(chance, seeds)
    if within is not said:
        said["body"] = json.dumps(body)
    return json.dumps(said).encode() if chance.randrange(4) else spoilt_json(chance, seeds)


class _Reader(Service):
    """A service that people read: what cannot be put into words for them is kept, and raised by who looks."""

    error: Exception | None = None

    def send(self, some: Sequence[Notification]) -> None:
        super().send(some)
        try:
            for one in some:
                webhook.payload(one, "hook", "http://agent")
                plain_title(one)
                plain_text(one, Links())
        except Exception as error:  # noqa: BLE001 - it would be logged, and tried again for ever
            self.error = error


def feed_peer(data: bytes) -> list[str]:
    """Hear what a peer says, take it for one's own, and notify; return what was delivered."""
    try:
        head, body = document.read(data)
    except ValueError:
        return []
    house = House(group_interval=60.0)
    reader = _Reader(house.clock)
    house.services["pager"] = reader
    house.open()
    try:
        house.fire(alert())
        if body is not None:
            who, ahead = Adopter(house.names, sends=False, over={}), house.clock.now() - head.now
            house.state.write(lambda c: adopt.adopt(c, body.notified, who, ahead))
            house.state.write(lambda c: adopt.adopt_silences(c, body.silences, house.clock.now()))
        house.decide()
        house.deliver()
        house.end(alert())
        house.wait(120, 30)
    finally:
        house.state.close()
    if reader.error is not None:
        raise reader.error
    return reader.said


def peer() -> Parser:
    """Return what reads, and believes, a peer."""
    return Parser((_document(),), feed_peer, (), _spoilt)

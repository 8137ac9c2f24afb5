"""Questions to a broker, one frame each, and its answers as plain values: the same for a real one and the reference."""

import socket
import struct
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from streamwatch.reference.kafka import wire
from tests.waiting import wait_for

_SECONDS: Final = 30.0
_NAMES: Final = ("name", "topic", "group_id", "user", "transactional_id", "partition_index", "partition_id", "key")
_HUNG_UP: Final = "hung up"
_FIRST_KEYS: Final = 4
"""The version of FindCoordinator from which on it has several keys."""
_FIRST_METADATA: Final = 9
"""A version of Metadata that 2.8 has, and 4.3."""
CLUSTERS_OWN: Final = frozenset({"min.insync.replicas", "segment.index.bytes"})
"""What differs by how a cluster was made: by the feature eligible.leader.replicas.version, and by its properties."""
NO_ID: Final = uuid.UUID(int=0)
_NO_IDS: Final = (None, NO_ID)
"""How kafka-python decodes the id that is none."""

Answer = dict[str, Any]
Transcript = list[tuple[str, Any]]


class Asker:
    """A client that asks what it is given; every named answer is kept, without what differs by nature.

    Topic ids become ``an id`` or ``no id``, the time for which a client is throttled is left out.
    """

    def __init__(self, bootstrap: str) -> None:
        self.transcript: Transcript = []
        self._addresses = {1: _address(bootstrap.split(",", maxsplit=1)[0])}
        self._sockets: dict[int, socket.socket] = {}
        brokers = self.raw(1, 3, _FIRST_METADATA, topics=[])["brokers"]
        self._drop(1)
        self._addresses = {one["node_id"]: (one["host"], one["port"]) for one in brokers}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for broker in tuple(self._sockets):
            self._drop(broker)

    def __call__(
        self, what: str, key: int, version: int, *, at: int = 1, but: Collection[str] = (), **body: Any
    ) -> Any:
        """Ask the broker ``at``, and keep the answer without the fields in ``but``; return all of it."""
        try:
            answer: Any = self.raw(at, key, version, **body)
        except ConnectionError:
            answer = _HUNG_UP
        self.transcript.append((what, _plain(answer, but)))
        return answer

    def note(self, what: str, found: Any) -> None:
        """Keep something else that is to be the same."""
        self.transcript.append((what, found))

    def raw(self, at: int, key: int, version: int, **body: Any) -> Answer:
        """Ask, and return the whole answer; ConnectionError where the broker hangs up."""
        request, response = wire._CLASSES[key]
        message = wire._built(request, request._struct, body, version)
        message.with_header(correlation_id=1, client_id="asker")
        if at not in self._sockets:
            self._sockets[at] = socket.create_connection(self._addresses[at], timeout=_SECONDS)
        self._sockets[at].sendall(bytes(message.encode(header=True, framed=True)))
        size = struct.unpack(">i", self._received(at, 4))[0]
        answer: Answer = response.decode(self._received(at, size), version=version, header=True).to_dict()
        return answer

    def until(self, right: Callable[[Answer], bool], key: int, version: int, *, at: int = 1, **body: Any) -> None:
        """Ask again and again, until the answer is right: brokers hear of a change a moment later."""
        wait_for(lambda: right(self.raw(at, key, version, **body)), _SECONDS, f"the answer to API {key}")

    def make(self, name: str, *replicas: list[int], **settings: str) -> None:
        """Make a topic, its replicas chosen for each partition, and wait until it is led everywhere."""
        rows = [{"partition_index": i, "broker_ids": one} for i, one in enumerate(replicas)]
        configs = [{"name": key.replace("_", "."), "value": value} for key, value in settings.items()]
        made = {"name": name, "num_partitions": -1, "replication_factor": -1, "assignments": rows, "configs": configs}
        answer = self.raw(1, 19, 7, topics=[made], timeout_ms=10_000, validate_only=False)
        assert [one["error_code"] for one in answer["topics"]] == [0], answer

        def is_led(answer: Answer) -> bool:
            found = {one["partition_index"]: one["leader_id"] for one in answer["topics"][0]["partitions"]}
            return found == {i: one[0] for i, one in enumerate(replicas)}

        topic = {"name": name, "topic_id": NO_ID}
        for broker in self._addresses:
            self.until(is_led, 3, 12, at=broker, topics=[topic], allow_auto_topic_creation=False)

    def forget(self, prefix: str) -> None:
        """Delete the topics whose names begin so."""
        found = self.raw(1, 3, 12, topics=None)["topics"]
        names = [one["name"] for one in found if one["name"].startswith(prefix)]
        gone = [{"name": name, "topic_id": NO_ID} for name in names]
        self.raw(1, 20, 6, topics=gone, topic_names=[], timeout_ms=10_000)
        self.until(
            lambda answer: not any(one["name"].startswith(prefix) for one in answer["topics"]), 3, 12, topics=None
        )

    def coordinator(self, name: str, *, of_transactions: bool = False) -> int:
        """The broker that coordinates a group or a transactional id."""
        body: Any = {"coordinator_keys": [name], "key_type": int(of_transactions)}
        self.until(lambda answer: answer["coordinators"][0]["node_id"] >= 0, 10, _FIRST_KEYS, **body)
        return int(self.raw(1, 10, _FIRST_KEYS, **body)["coordinators"][0]["node_id"])

    def topic_id(self, name: str) -> uuid.UUID:
        """The id of a topic."""
        found = self.raw(1, 3, 12, topics=[{"name": name, "topic_id": NO_ID}], allow_auto_topic_creation=False)
        return uuid.UUID(str(found["topics"][0]["topic_id"]))

    def _received(self, at: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._sockets[at].recv(size - len(data))
            if not more:
                self._drop(at)
                raise ConnectionError(_HUNG_UP)
            data += more
        return data

    def _drop(self, broker: int) -> None:
        with suppress(OSError):
            self._sockets.pop(broker).close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _id(value: Any) -> str:
    return "no id" if value in _NO_IDS else "an id"


def _plain(value: Any, but: Collection[str]) -> Any:
    if isinstance(value, dict):
        left_out = {"throttle_time_ms", *but}
        return {
            name: _id(one) if name == "topic_id" else _plain(one, but)
            for name, one in value.items()
            if name not in left_out
        }
    if isinstance(value, list | tuple):
        return sorted((_plain(one, but) for one in value), key=_place)
    return value


def _place(value: Any) -> str:
    """Where a value belongs in a list whose order means nothing: by its name, if it has one; numbers stay in order."""
    if not isinstance(value, dict):
        return ""
    return str(next((value[name] for name in _NAMES if name in value), ""))

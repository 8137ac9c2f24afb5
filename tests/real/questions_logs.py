"""Questions about what is in logs: what is acknowledged, offsets by time, epochs, transactions."""

import re
from dataclasses import dataclass
from typing import Any, Final

from tests.real.asking import Asker
from tests.reference.batches import records

_TOPIC, _NAME, _NOBODY = "asked.log", "asked-transaction", "asked-nobody"
_LATEST, _EARLIEST, _LARGEST, _LOCAL, _TIERED, _PENDING = -1, -2, -3, -4, -5, -6
_SPECIAL: Final = (_LATEST, _EARLIEST, _LARGEST, _LOCAL, _TIERED, _PENDING, -7)
_COUNTED: Final = ("last_timestamp", "transaction_start_time_ms", "producer_id", "producer_epoch", "coordinator_epoch")
"""What depends on the time, or on what was before."""
_A_MOMENT_AGO: Final = 10**12
"""Timestamps above are of now: the records' own are a few thousand."""
_FILTERS: Final[tuple[dict[str, Any], ...]] = (
    {"state_filters": ["Ongoing"]},
    {"state_filters": ["CompleteCommit", "CompleteAbort"]},
    {"state_filters": ["Thinking", "ongoing", "Ongoing"]},
    {"producer_id_filters": [2**40]},
    {"duration_filter": 10**9},
    {"duration_filter": 0, "state_filters": ["Ongoing"]},
    {"transactional_id_pattern": "asked-.*"},
    {"transactional_id_pattern": "sked", "state_filters": ["Ongoing"]},
    {"transactional_id_pattern": "("},
    {"transactional_id_pattern": "", "state_filters": ["Ongoing"]},
)


@dataclass(frozen=True)
class To:
    """Where something is produced to, and when it is acknowledged."""

    topic: str = _TOPIC
    index: int = 0
    broker: int = 1
    acks: int = -1


_HERE: Final = To()


def _put(ask: Asker, what: str, data: bytes, to: To = _HERE, transaction: str | None = None) -> None:
    """Produce a batch, and keep the answer."""
    body: Any = {"transactional_id": transaction, "acks": to.acks, "timeout_ms": 5000}
    topic = {"name": to.topic, "partition_data": [{"index": to.index, "records": data}]}
    ask(what, 0, 9, at=to.broker, but=("log_append_time_ms",), topic_data=[topic], **body)


def _offsets(ask: Asker, what: str, *timestamps: int, to: To = _HERE, **more: int) -> None:
    """Ask for offsets by time; more is isolation_level, current_leader_epoch, version."""
    version, epoch = more.get("version", 11), more.get("current_leader_epoch", -1)
    body: Any = {"replica_id": -1, "isolation_level": more.get("isolation_level", 0), "timeout_ms": 5000}
    for timestamp in timestamps:
        row = {"partition_index": to.index, "current_leader_epoch": epoch, "timestamp": timestamp}
        topics = [{"name": to.topic, "partitions": [row]}]
        ask(f"{what}: the offset at {timestamp}, {more}", 2, version, at=to.broker, topics=topics, **body)


def producing(ask: Asker) -> None:
    """What is acknowledged, and what is not."""
    ask.make("asked.one", [1], min_insync_replicas="2")
    ask.make("asked.two", [1, 2], min_insync_replicas="3")
    ask.make(_TOPIC, [1, 2])
    one = records(b"a")
    _put(ask, "one replica and min.insync.replicas=2", one, To("asked.one"))
    _put(ask, "two replicas and min.insync.replicas=3", one, To("asked.two"))
    for acks in (1, 2, -2):
        _put(ask, f"acks={acks}", one, To("asked.one", acks=acks))
    _put(ask, "to a follower", one, To(broker=2))
    _put(ask, "to nobody", one, To(broker=3))
    _put(ask, "no such partition", one, To(index=7))
    _put(ask, "no such topic", one, To("asked.nothing"))
    _put(ask, "an illegal topic", one, To("a b"))
    _put(ask, "too large", records(b"a" * 2_000_000))
    for what, data in (("nothing", b""), ("rubbish", b"x" * 100), ("a wrong checksum", _broken())):
        topic = {"name": _TOPIC, "partition_data": [{"index": 0, "records": data}]}
        body: Any = {"transactional_id": None, "acks": -1, "timeout_ms": 5000, "topic_data": [topic]}
        ask(what, 0, 9, but=("error_message", "log_append_time_ms"), **body)


def _broken() -> bytes:
    data = bytearray(records(b"a", b"b"))
    data[-1] ^= 1
    return bytes(data)


def by_time(ask: Asker) -> None:
    """ListOffsets by time, and the special ones; DeleteRecords; OffsetForLeaderEpoch."""

    def delete(what: str, offset: int) -> None:
        row = {"partition_index": 0, "offset": offset}
        ask(what, 21, 2, timeout_ms=5000, topics=[{"name": _TOPIC, "partitions": [row]}])

    ask.make(_TOPIC, [1, 2])
    _offsets(ask, "empty", *_SPECIAL, 0, 1000)
    for timestamp, values in ((5000, "abc"), (2000, "de"), (9000, "f"), (3000, "gh")):
        _put(ask, f"{values} at {timestamp}", records(*(one.encode() for one in values), timestamp=timestamp))
    times = (0, 1000, 2000, 2001, 2002, 5000, 5001, 5002, 5003, 8999, 9000, 9001, 10**15)
    _offsets(ask, "out of order", *_SPECIAL, *times)
    _offsets(ask, "at a follower", _LATEST, to=To(broker=2))
    _offsets(ask, "at nobody's", _LATEST, to=To(broker=3))
    _offsets(ask, "of a partition that is not there", _LATEST, 5, to=To(index=7))
    _offsets(ask, "of a topic that is not there", _LATEST, to=To("asked.nothing"))
    _offsets(ask, "in an old epoch", _LATEST, current_leader_epoch=0)
    _offsets(ask, "in a new epoch", _LATEST, current_leader_epoch=7)
    for version in range(1, 12):
        _offsets(ask, "by version", *_SPECIAL, version=version)
    delete("deleted up to 4", 4)
    _offsets(ask, "after that", *_SPECIAL, 0, 2000, 5000, 9001)
    for offset in (3, 99, -2):
        delete(f"deleted up to {offset}", offset)
    delete("all deleted", -1)
    _offsets(ask, "with nothing left", *_SPECIAL, 0, 9000)
    for epoch, current in ((0, -1), (7, -1), (0, 7)):
        row = {"partition": 0, "current_leader_epoch": current, "leader_epoch": epoch}
        topics = [{"topic": _TOPIC, "partitions": [row]}]
        ask(f"the end of epoch {epoch}, as of epoch {current}", 23, 4, topics=topics, replica_id=-1)


def begun(ask: Asker, at: int) -> tuple[int, int]:
    """Begin to use a transactional id; return its producer id and epoch."""
    body: Any = {
        "transactional_id": _NAME,
        "transaction_timeout_ms": 60_000,
        "producer_id": -1,
        "producer_epoch": -1,
    }
    ask.until(lambda answer: not answer["error_code"], 22, 4, at=at, **body)  # it may have to end an old one first
    answer = ask.raw(at, 22, 4, **body)
    return int(answer["producer_id"]), int(answer["producer_epoch"])


def until_ended(ask: Asker, at: int, state: str) -> None:
    """Wait until a transaction is in a state."""

    def is_ended(answer: dict[str, Any]) -> bool:
        return bool(answer["transaction_states"][0]["transaction_state"] == state)

    ask.until(is_ended, 65, 0, at=at, transactional_ids=[_NAME])


def transacting(ask: Asker) -> None:
    """Transactions: open, committed, aborted; what is seen of them meanwhile."""
    ask.make(_TOPIC, [1, 2], [1, 3])
    at = ask.coordinator(_NAME, of_transactions=True)
    producer, epoch = begun(ask, at)
    who: Any = {"transactional_id": _NAME, "producer_id": producer}
    _look(ask, "before anything", at)
    _put(ask, "plain", records(b"1", b"2"))
    for sequence, commits in ((0, True), (2, False)):
        what = "to be committed" if commits else "to be aborted"
        mine = (producer, epoch, sequence)
        strange = records(b"x", producer=mine, is_transactional=True)
        _put(ask, f"{what}: not yet part of it", strange, To(index=1), _NAME)
        _add(ask, f"{what}: added", at, (producer, epoch))
        _look(ask, f"{what}: begun", at)
        data = records(b"3", b"4", producer=mine, timestamp=4000, is_transactional=True)
        _put(ask, f"{what}: written", data, _HERE, _NAME)
        _put(ask, f"{what}: plain after it", records(b"5", timestamp=3000))
        _look(ask, f"{what}: open", at)
        for said, number, commit in (
            ("by a fenced producer", epoch - 1, commits),
            ("", epoch, commits),
        ):
            ask(f"{what}: ended {said}", 26, 4, at=at, producer_epoch=number, committed=commit, **who)
        until_ended(ask, at, "CompleteCommit" if commits else "CompleteAbort")
        _look(ask, f"{what}: done", at)
        for commit in (commits, not commits):
            ask(f"{what}: ended again, {commit}", 26, 4, at=at, producer_epoch=epoch, committed=commit, **who)
    elsewhere = ask.coordinator(_NOBODY, of_transactions=True)
    nobody: Any = {"transactional_id": _NOBODY, "producer_id": 1, "producer_epoch": 0, "committed": True}
    ask("of an id that is not there", 26, 4, at=elsewhere, **nobody)
    ask("an id that is not there", 65, 0, at=elsewhere, transactional_ids=[_NOBODY], but=_COUNTED)
    ask("at another broker", 65, 0, at=at % 3 + 1, transactional_ids=[_NAME], but=_COUNTED)


def _add(ask: Asker, what: str, at: int, producer: tuple[int, int]) -> None:
    topics = [{"name": _TOPIC, "partitions": [0]}]
    body: Any = {
        "v3_and_below_transactional_id": _NAME,
        "v3_and_below_producer_id": producer[0],
        "v3_and_below_producer_epoch": producer[1],
    }
    ask(what, 24, 3, at=at, v3_and_below_topics=topics, **body)


def _look(ask: Asker, what: str, at: int) -> None:
    """Keep everything that can be seen of a transaction."""
    for isolation in (0, 1):
        _offsets(ask, what, _LATEST, _EARLIEST, 1000, 3000, 4000, 4001, isolation_level=isolation)
        ask.note(f"{what}: the largest, isolation {isolation}", _largest(ask, isolation))
    indexes = [{"name": _TOPIC, "partition_indexes": [0, 1, 7]}]
    ask(f"{what}: producers", 61, 0, topics=indexes, but=_COUNTED)
    ask(f"{what}: producers at a follower", 61, 0, at=2, topics=indexes, but=_COUNTED)
    ask(f"{what}: the transaction, twice", 65, 0, at=at, transactional_ids=[_NAME, _NAME], but=_COUNTED)
    for filters in _FILTERS:
        answer = ask.raw(at, 66, 2, **(_UNFILTERED | filters))
        mine = [one for one in answer["transaction_states"] if re.match("asked", one["transactional_id"])]
        shown = [(one["transactional_id"], one["transaction_state"]) for one in mine]
        ask.note(f"{what}: {filters}", (answer["error_code"], answer["unknown_state_filters"], shown))


_UNFILTERED: Final[dict[str, Any]] = {
    "state_filters": [],
    "producer_id_filters": [],
    "duration_filter": -1,
    "transactional_id_pattern": None,
}


def _largest(ask: Asker, isolation: int) -> tuple[int, bool]:
    """The offset of the largest timestamp, and whether that is a marker's."""
    rows = [{"partition_index": 0, "current_leader_epoch": -1, "timestamp": _LARGEST}]
    body: Any = {"replica_id": -1, "isolation_level": isolation, "timeout_ms": 5000}
    answer = ask.raw(1, 2, 11, topics=[{"name": _TOPIC, "partitions": rows}], **body)
    found = answer["topics"][0]["partitions"][0]
    return found["offset"], found["timestamp"] > _A_MOMENT_AGO

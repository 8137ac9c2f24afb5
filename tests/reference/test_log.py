"""Batches, the log of one replica, and what it remembers of producers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.memory_records import MemoryRecords

from streamwatch.reference.kafka.batch import BadBatch, RecordBatch, marker, parse, times
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.crc import crc32c, slow_crc32c
from streamwatch.reference.kafka.log import Log
from tests.reference.batches import records


def filled(*sizes: int, epoch: int = 0) -> Log:
    """Return a log with a batch of each number of records, a second apart."""
    log = Log()
    for i, size in enumerate(sizes):
        add(log, *[b"v"] * size, epoch=epoch, timestamp=1000 * i)
    return log


def add(
    log: Log, *values: bytes, epoch: int = 0, timestamp: int = 0, producer: tuple[int, int, int] = (-1, -1, -1)
) -> None:
    (batch,) = parse(records(*values, timestamp=timestamp, producer=producer))
    log.append([batch.placed(log.end, epoch, None)])


def values(log: Log) -> list[bytes]:
    data = b"".join(batch.data for batch in log.batches())
    found = MemoryRecords(data)
    read = []
    while found.has_next():
        read += [record.value for record in found.next_batch()]
    return read


@given(st.binary(max_size=300))
def test_both_checksums_are_the_same(data: bytes) -> None:
    assert slow_crc32c(data) == crc32c(data)


def test_the_checksum_is_that_of_the_standard() -> None:
    assert slow_crc32c(b"123456789") == 0xE3069283


def test_a_placed_batch_is_still_whole_to_an_independent_reader() -> None:
    (batch,) = parse(records(b"a", b"b"))
    placed = batch.placed(41, 7, None)
    read = MemoryRecords(placed.data).next_batch()

    assert read.validate_crc()
    assert [(r.offset, r.value) for r in read] == [(41, b"a"), (42, b"b")]


def test_append_time_is_written_into_the_batch() -> None:
    (batch,) = parse(records(b"a"))
    read = MemoryRecords(batch.placed(0, 0, 5555).data).next_batch()

    assert read.validate_crc()
    assert [(r.timestamp, r.timestamp_type) for r in read] == [(5555, 1)]


@pytest.mark.parametrize("at", [0, 5, 16, 17, 30, 61, 66])
def test_a_batch_with_a_wrong_byte_is_refused_or_the_same_records(at: int) -> None:
    data = bytearray(records(b"abcdef"))
    data[at] ^= 0xFF
    if at < 8:
        assert len(parse(bytes(data))) == 1  # the broker writes the offset itself
        return
    with pytest.raises(BadBatch):
        parse(bytes(data))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    if not data:
        assert parse(data) == []
        return
    with pytest.raises(BadBatch):
        parse(data)


def test_a_marker_is_a_control_batch_to_an_independent_reader() -> None:
    made = marker(9, 3, commit=True, coordinator_epoch=0, at_ms=77)
    read = MemoryRecords(made.data).next_batch()

    assert (read.is_control_batch, read.is_transactional, read.producer_id, read.producer_epoch) == (True, True, 9, 3)
    assert made.committed
    assert not marker(9, 3, commit=False, coordinator_epoch=0, at_ms=77).committed


def test_times_are_those_of_the_records() -> None:
    (batch,) = parse(records(b"a", b"b", b"c", timestamp=50))

    assert list(times(batch)) == [(0, 50), (1, 51), (2, 52)]


def test_a_read_begins_with_the_batch_that_holds_the_offset_and_ends_before_the_limit() -> None:
    log = filled(3, 3, 3)

    assert [b.base_offset for b in log.read(4, 9, 10_000)] == [3, 6]
    assert [b.base_offset for b in log.read(0, 6, 10_000)] == [0, 3]
    assert [b.base_offset for b in log.read(0, 9, 1)] == [0]
    assert log.read(9, 9, 10_000) == []


def test_a_follower_finds_where_it_parted_from_its_leader() -> None:
    leader, follower = filled(2, 2), filled(2, 2)
    add(leader, b"x", epoch=2)
    add(follower, b"lost", b"lost", epoch=1)

    assert follower.diverges_at(leader) == 4


def test_a_follower_that_is_only_behind_truncates_nothing() -> None:
    leader, follower = filled(2, 2, 2), filled(2, 2)

    assert follower.diverges_at(leader) == 4


@given(st.lists(st.sampled_from(["both", "leader", "follower"]), max_size=12))
def test_after_truncation_a_follower_is_a_prefix_of_its_leader(script: list[str]) -> None:
    leader, follower = Log(), Log()
    epoch = 0
    parted = False
    for i, who in enumerate(script):
        parted = parted or who != "both"
        if who == "both" and parted:
            continue
        epoch += 1
        for name, log in (("leader", leader), ("follower", follower)):
            if who in {"both", name}:
                own = epoch if who == "both" else epoch * 2 + (name == "leader")
                add(log, f"{who}-{i}".encode(), epoch=own + (1000 if who == "leader" else 0))
    follower.truncate(follower.diverges_at(leader))

    assert values(follower) == values(leader)[: follower.end]


def test_truncation_forgets_producers_and_epochs_too() -> None:
    log = filled(2)
    add(log, b"a", epoch=3, producer=(5, 0, 0))
    log.truncate(2)

    assert (log.end, log.epochs, log.producers.by_id) == (2, [(0, 0)], {})
    assert log.size == sum(len(b.data) for b in log.batches())


def test_retention_by_time_and_by_size_keeps_whole_batches() -> None:
    log = filled(2, 2, 2)

    assert log.retained_from(1500, None) == 4
    assert log.retained_from(None, log.size - 1) == 0
    assert log.retained_from(None, log.size // 3) == 4
    log.delete_before(3)
    assert (log.start, [b.base_offset for b in log.batches()]) == (3, [2, 4])


def test_offsets_are_found_by_time() -> None:
    log = filled(2, 2)

    assert log.at_time(1) == (1, 1)
    assert log.at_time(2) == (2, 1000)
    assert log.at_time(5000) is None
    assert log.newest() == (3, 1001)

    end = marker(1, 0, commit=True, coordinator_epoch=0, at_ms=5000)
    log.append([end.placed(log.end, 0, None)])
    assert log.at_time(2000) == (4, 5000), "a transaction's marker counts, as it does for Kafka"
    assert log.newest() == (4, 5000)


def batch(producer: tuple[int, int, int], count: int = 1) -> RecordBatch:
    return parse(records(*[b"v"] * count, producer=producer))[0]


def test_a_batch_that_comes_again_is_known() -> None:
    log = Log()
    add(log, b"a", b"b", producer=(1, 0, 0))
    add(log, b"c", producer=(1, 0, 2))

    assert log.producers.check(batch((1, 0, 0), 2)) == (Code.NONE, 0)
    assert log.producers.check(batch((1, 0, 2))) == (Code.NONE, 2)
    assert log.producers.check(batch((1, 0, 3))) == (Code.NONE, None)


@pytest.mark.parametrize(
    ("producer", "code"),
    [
        ((1, 0, 5), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        ((1, -1, 1), Code.INVALID_PRODUCER_EPOCH),
        ((1, 1, 4), Code.OUT_OF_ORDER_SEQUENCE_NUMBER),
        ((1, 1, 0), Code.NONE),
        ((2, 0, 9), Code.NONE),
    ],
)
def test_a_gap_or_an_old_epoch_is_refused(producer: tuple[int, int, int], code: Code) -> None:
    log = Log()
    add(log, b"a", producer=(1, 0, 0))

    assert log.producers.check(batch(producer))[0] == code

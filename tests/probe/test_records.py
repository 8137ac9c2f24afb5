"""The batch that is written, and the heads that are read."""

from kafka.record import MemoryRecords

from streamwatch.probe.records import Batch, batches, record_batch

TOKEN = b"0123456789abcdef"


def test_a_batch_is_one_that_kafkas_clients_read() -> None:
    records = MemoryRecords(record_batch(TOKEN, 1_700_000_000_000))
    batch = records.next_batch()
    assert batch.validate_crc()
    (record,) = list(batch)

    assert (record.key, record.value, record.timestamp) == (b"streamwatch", TOKEN, 1_700_000_000_000)


def test_heads_of_batches_are_read_and_one_that_is_cut_off_is_left_out() -> None:
    first, second = record_batch(TOKEN, 1), record_batch(b"another", 2)
    data = first + (5).to_bytes(8, "big") + second[8:]

    found = list(batches(data + first[:40]))

    assert [(each.first, each.last, each.may_hold(TOKEN)) for each in found] == [(0, 0, True), (5, 5, False)]
    assert list(batches(b"")) == []
    assert list(batches(b"\0" * 100)) == [], "a length that cannot be"


def test_a_topic_that_compresses_hides_the_token() -> None:
    assert Batch(0, 0, b"?", is_compressed=True).may_hold(TOKEN)

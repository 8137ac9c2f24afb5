"""What a lease table's rows and checkpoints say, and that what cannot be trusted says nothing."""

import pytest

from streamwatch.model.cloudwatch import Reading
from streamwatch.sources.readers.kcl_lag import Writes
from streamwatch.sources.readers.kcl_rows import Lease, Lock, MalformedItem, Version, decoded, read

GENUINE = 49590338271490256608559692538361571095921575989136588898
"""Of AWS's documentation, of shard 6; its record arrived at 1545084650.987."""
SHARD = "shardId-000000000006"
NOW = 1_800_000_000.0


def test_a_genuine_sequence_number_says_when_it_was_written() -> None:
    found = decoded(str(GENUINE), SHARD, NOW)

    assert found is not None
    assert 0.3 <= 1545084650.987 - found.at <= 2.5
    assert found.made <= found.at


@pytest.mark.parametrize(
    ("number", "shard"),
    [
        (str(GENUINE), "shardId-000000000007"),
        (str(GENUINE), "nonsense"),
        (str(GENUINE + 1), SHARD),
        (str(GENUINE + (1 << 4)), SHARD),
        (str(GENUINE + (1 << 72)), SHARD),
        (str(GENUINE + (1 << 144)), SHARD),
        (str(GENUINE + (1 << 184)), SHARD),
        (str(GENUINE + (1 << 71)), SHARD),
        (str(GENUINE - (GENUINE >> 36 & (2**36 - 1)) * (1 << 36)), SHARD),
        ("49545115243490985018280067714973144582180062593244200961", "shardId-000000000000"),
        ("TRIM_HORIZON", SHARD),
        ("", SHARD),
        ("1" * 5000, SHARD),
    ],
)
def test_a_number_of_another_form_says_nothing(number: str, shard: str) -> None:
    assert decoded(number, shard, NOW) is None


def test_a_number_of_a_time_to_come_says_nothing() -> None:
    assert decoded(str(GENUINE), SHARD, 1545084640.0) is None
    assert decoded(str(GENUINE), SHARD, 1545084646.0) is not None


def test_a_lease_of_one_of_several_streams_says_which() -> None:
    key = f"123456789012:orders:1500000000:{SHARD}"
    item = {"leaseKey": {"S": key}, "leaseCounter": {"N": "5"}, "checkpoint": {"S": "LATEST"}}
    found = read(item, NOW)

    assert isinstance(found, Lease)
    assert (found.stream, found.shard, found.owner, found.counter) == ("orders", SHARD, "", 5)


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"key": {"S": "Leader"}, "ownerName": {"S": "w"}, "recordVersionNumber": {"S": "v"}}, Lock),
        ({"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "recordVersionNumber": {"S": "v"}}, Lock),
        ({"key": {"S": "Migration3.0"}, "cv": {"S": "CLIENT_VERSION_2X"}}, Version),
        ({"leaseKey": {"S": "Migration3.0"}, "entityType": {"S": "CLIENT_VERSION_MIGRATION"}}, Version),
        ({"leaseKey": {"S": "w1"}, "entityType": {"S": "WORKER_METRIC_STATS"}}, type(None)),
        ({"leaseKey": {"S": "TableMigration3.5"}, "entityType": {"S": "TABLE_MIGRATION"}}, type(None)),
        ({"leaseKey": {"S": "x"}, "entityType": {"S": "SOMETHING_NEW"}}, type(None)),
    ],
)
def test_what_is_no_lease_is_not_taken_for_one(item: dict[str, dict[str, str]], kind: type) -> None:
    assert isinstance(read(item, NOW), kind)


def test_a_row_of_nothing_known_is_odd() -> None:
    with pytest.raises(MalformedItem, match="of no shard"):
        read({"leaseKey": {"S": "x"}}, NOW)


def reading(asked_at: float, minute: float) -> Reading:
    return Reading(asked_at, minute, 1.0, 1.0)


def test_nothing_was_written_only_where_every_minute_since_is_known() -> None:
    writes = Writes()
    assert writes.none_since(NOW) is None
    writes.take(reading(NOW + 300, float("nan")))
    assert writes.none_since(NOW) == NOW + 120
    assert writes.none_since(NOW - 3600) is None  # that is further back than CloudWatch was asked for
    writes.take(reading(NOW + 360, NOW + 120))
    assert writes.none_since(NOW) is None
    assert writes.has_since(NOW)
    writes.take(reading(NOW + 7200, NOW + 120))  # with a gap in what was asked
    assert writes.none_since(NOW + 130) is None

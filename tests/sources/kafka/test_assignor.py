"""Who assigns the partitions of a group: known while it is stable, and its members are consumers."""

from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.sources.kafka.members import from_classic, from_consumer


def described(**others: Any) -> SimpleNamespace:
    plain = {
        "group_id": "g", "group_state": "Stable", "protocol_type": "consumer", "protocol_data": "range", "members": [],
        "assignor_name": "uniform",
    }  # fmt: skip
    return SimpleNamespace(**plain | others)


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        ({}, "range"),
        ({"group_state": "PreparingRebalance", "protocol_data": ""}, ""),
        ({"group_state": "CompletingRebalance"}, ""),
        ({"protocol_type": "connect", "protocol_data": "sessioned"}, ""),
    ],
)
def test_a_classic_group(others: dict[str, Any], wanted: str) -> None:
    assert from_classic(described(**others), 1).assignor == wanted


def test_a_consumer_group() -> None:
    assert from_consumer(described(), 1).assignor == "uniform"

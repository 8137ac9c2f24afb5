"""Findings about groups that nobody runs."""

from dataclasses import replace
from typing import Final

from streamwatch.catalogue import kafka_groups as g
from streamwatch.model.kafka import ClusterSnapshot
from tests.audit.knowing import ANSWERED, DAY, NOW, WELL, Values, facts, observed, only, read, unknown
from tests.snapshots import group

PAIR: Final = ("shop", "billing", "orders")
POSITIONS: Final[Values] = {g.GROUP_TOPIC_COMMITTED: {PAIR: 10.0}, g.GROUP_LAG: {("shop", "billing"): 25.0}}


def empty(name: str = "billing", group_type: str = "classic") -> ClusterSnapshot:
    return read({"orders": [WELL]}, groups=[group(name, "Empty", members=0, type=group_type)])


def test_a_group_that_runs() -> None:
    runs = read({"orders": [WELL]}, groups=[group("billing", members=2)])
    assert observed("unused-group", facts(runs)) == observed("offsets-expiring", facts(runs)) == []
    wanted: Values = {**POSITIONS, g.GROUP_TOPIC_WANTED: {PAIR: 1.0}}
    assert observed("unused-group", facts(empty(), wanted)) == [], "its positions move, or did a moment ago"


def test_a_group_that_nobody_runs() -> None:
    found = only("unused-group", facts(empty(), POSITIONS))
    assert (found.severity, found.kind, found.target) == ("info", "group", "shop/billing")
    assert found.evidence == (
        "no member; positions in orders; 25 records unread",
        "seen in one read: whether its positions move is not known",
    )
    assert found.remedy == "kafka-consumer-groups.sh --bootstrap-server host1:9092 --delete --group billing"
    assert only("unused-group", facts(empty(group_type="share"))).remedy.startswith("kafka-share-groups.sh")
    found = only("unused-group", facts(empty(), POSITIONS, watched_since=NOW - DAY))
    assert found.evidence[1] == "so for as long as the agent looks, since 2027-01-14T08:00:00Z"


def test_a_name_is_quoted_in_commands() -> None:
    assert only("unused-group", facts(empty("a b; rm -rf"))).remedy.endswith("--group 'a b; rm -rf'")


def test_a_group_that_has_just_lost_its_last_member() -> None:
    (why,) = unknown("unused-group", facts(empty(), POSITIONS, empty_since={"billing": NOW - 60}))
    assert why == "1 group lost the last member within the last hour"


def test_offsets_that_are_about_to_expire() -> None:
    known = facts(empty(), POSITIONS, empty_since={"billing": NOW - 6 * DAY})
    found = only("offsets-expiring", known)
    assert (found.severity, found.target) == ("warning", "shop/billing")
    assert found.evidence[0] == (
        "no member since 2027-01-09T08:00:00Z; offsets.retention.minutes is 7 d: its positions are deleted in 1 d"
    )
    read_all: Values = {**POSITIONS, g.GROUP_LAG: {("shop", "billing"): 0.0}}
    known = facts(empty(), read_all, empty_since={"billing": NOW - 8 * DAY})
    found = only("offsets-expiring", known)
    assert found.severity == "info"
    assert found.evidence[0].endswith(" is 7 d: its positions may be deleted any minute")


def test_offsets_that_stay() -> None:
    known = facts(empty(), POSITIONS, empty_since={"billing": NOW - 2 * DAY})
    assert observed("offsets-expiring", known) == []


def test_expiry_that_is_not_known() -> None:
    (why,) = unknown("offsets-expiring", facts(empty(), POSITIONS))
    assert why.startswith("group billing: since when it has no member is not known")
    silent = replace(ANSWERED, brokers={})
    assert unknown("offsets-expiring", facts(empty(), settings=silent)) == ["offsets.retention.minutes is not known"]

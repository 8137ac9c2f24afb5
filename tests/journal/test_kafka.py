"""What a Kafka cluster's reads show to have changed: each once, and nothing of what a read could not see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamwatch.journal.kafka import step
from streamwatch.journal.kinds import Difference
from streamwatch.journal.seen import Seen, packed, unpacked
from streamwatch.model.kafka import NOT_SET, Broker, ClusterSnapshot, Quorum, Topology
from streamwatch.model.snapshot import Problem
from tests.snapshots import Partition, group, snapshot, topology

ALL = (1, 2, 3)
ORDERS: Sequence[Partition] = [(1, ALL, ALL), (2, ALL, ALL), (3, ALL, ALL)]
PLAIN: Mapping[str, Sequence[Partition]] = {"orders": ORDERS, "users": [(1, ALL, ALL)]}


def ids(shape: Topology, **others: int) -> Topology:
    """Give each topic an id made of its name, or of a number that is given."""
    return replace(
        shape, topic_ids=tuple(f"{name}{others.get(name, 0)}".ljust(16).encode()[:16] for name in shape.topics)
    )


def read(topics: Mapping[str, Sequence[Partition]] = PLAIN, at: float = 1000.0, **others: Any) -> ClusterSnapshot:
    plain: dict[str, Any] = {"taken_at": at, "of": ids(topology(topics)), "quorum": Quorum(1)}
    return snapshot(topics, **plain | others)


def differences(*reads: ClusterSnapshot, restart: bool = False, is_scope_new: bool = False) -> list[Difference]:
    """Return what the reads after the first show; with restarts, only what is on disk is known in between."""
    seen, found = Seen(), []
    for each in reads:
        seen, more = step(seen, each, is_scope_new=is_scope_new)
        found += more
        if restart:
            seen = Seen({name: unpacked(name, packed(part)) for name, part in seen.parts.items()})
    return found


def kinds(*reads: ClusterSnapshot, **others: bool) -> list[tuple[str, str]]:
    return [(each.kind, each.subject) for each in differences(*reads, **others)]


def gone(broker: int, down: Sequence[int] = (), **others: Any) -> ClusterSnapshot:
    """Return a read that finds a broker taken off the metadata."""
    found = read(down=(broker, *down), **others)
    brokers = tuple(replace(one, registered=one.id != broker) for one in found.brokers)
    return replace(found, brokers=brokers)


def settings(value: int, **others: Any) -> ClusterSnapshot:
    return read(retention_ms=np.array([value, 1000]), **others)


DENIED = Problem("topic", "denied", "topic 'new' and 0 others: their partitions: Metadata")
MORE: Mapping[str, Sequence[Partition]] = {**PLAIN, "new": [(1, ALL, ALL)]}
GROWN: Mapping[str, Sequence[Partition]] = {**PLAIN, "users": [(1, ALL, ALL), (2, ALL, ALL)]}
MOVED: Mapping[str, Sequence[Partition]] = {**PLAIN, "orders": [(2, ALL, ALL), (3, ALL, ALL), (3, ALL, ALL)]}
PLACED: Mapping[str, Sequence[Partition]] = {**PLAIN, "users": [(1, (1, 2, 4), (1, 2, 4))]}
TABLE: list[tuple[str, list[ClusterSnapshot], list[tuple[str, str]]]] = [
    ("a first read", [read()], []),
    ("nothing", [read(), read(), read()], []),
    ("a topic is made", [read(), read(MORE), read(MORE)], [("topic.created", "new")]),
    ("a topic is deleted", [read(MORE), read(), read(), read()], [("topic.deleted", "new")]),
    (
        "a broker that is behind does not know a topic yet",
        [read(), read(MORE), read(), read(MORE)],
        [("topic.created", "new")],
    ),
    ("another topic of that name", [read(), read(of=ids(topology(PLAIN), users=1))], [("topic.recreated", "users")]),
    ("partitions are added", [read(), read(GROWN), read(GROWN)], [("topic.partitions", "users")]),
    ("leaders move", [read(), read(MOVED), read(MOVED)], [("leaders.moved", "test")]),
    ("no leader is not another one", [read(), read({**PLAIN, "users": [(-1, ALL, ALL)]}), read()], []),
    (
        "replicas are elsewhere",
        [read(), read(PLACED), read(PLACED)],
        [("broker.added", "4"), ("topic.replicas", "users")],
    ),
    (
        "a reassignment",
        [read(), read(PLACED, reassigning=1.0), read(PLACED, reassigning=2.0), read(PLACED)],
        [
            ("reassignment.started", "test"),
            ("broker.added", "4"),
            ("reassignment.ended", "test"),
            ("topic.replicas", "users"),
        ],
    ),
    ("a setting", [settings(1), settings(2), settings(2)], [("topic.settings", "orders")]),
    (
        "a setting that is not known meanwhile",
        [settings(1), settings(NOT_SET), settings(2)],
        [("topic.settings", "orders")],
    ),
    ("a setting that could not be read", [settings(1), settings(NOT_SET), settings(1)], []),
    ("nothing could be read", [read(), replace(read(), topology=None, brokers=()), read()], []),
    ("the controller moves", [read(), read(quorum=None), read(quorum=Quorum(2))], [("controller.moved", "test")]),
    ("no controller: the metadata are old", [read(), read(MORE, controllers=0.0), read()], []),
    ("a broker is gone", [read(), gone(2), gone(2), gone(2)], [("broker.gone", "2")]),
    ("a broker is back", [read(), gone(2), gone(2), read()], [("broker.gone", "2"), ("broker.back", "2")]),
    ("a broker does not answer once", [read(), read(down=(2,)), read(), read(down=(2,)), read()], []),
    ("a broker does not answer", [read(), read(down=(2,)), read(down=(2,)), gone(2)], [("broker.gone", "2")]),
    (
        "another cluster",
        [read(), read(MORE, cluster_id="b"), read(MORE, cluster_id="b")],
        [("cluster.replaced", "test")],
    ),
    ("topics that may not be described", [read(MORE), *[read(problems=(DENIED,))] * 3], []),
    ("all topics at once: who may see them has changed", [read(), *[read({}, brokers=read().brokers)] * 3], []),
]


@pytest.mark.parametrize(("reads", "wanted"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_each_change_is_there_once(reads: list[ClusterSnapshot], wanted: list[tuple[str, str]]) -> None:
    assert kinds(*reads) == wanted


# With a restart after every read, what only two reads in a row can show takes one more.
NOT_OVER_RESTARTS = {"a topic is deleted", "a broker does not answer"}


@pytest.mark.parametrize(
    ("reads", "wanted"),
    [row[1:] for row in TABLE if row[0] not in NOT_OVER_RESTARTS],
    ids=[row[0] for row in TABLE if row[0] not in NOT_OVER_RESTARTS],
)
def test_each_change_is_there_once_over_restarts(reads: list[ClusterSnapshot], wanted: list[tuple[str, str]]) -> None:
    assert kinds(*reads, restart=True) == wanted


def test_a_deleted_topic_is_deleted_when_it_was_first_missing() -> None:
    found = differences(read(MORE, 1000.0), read(at=1010.0), read(at=1020.0))

    assert [(each.kind, each.at) for each in found] == [("topic.deleted", 1010.0)]


def test_a_change_says_what_was_and_what_is() -> None:
    found = differences(settings(3_600_000), settings(7_200_000))

    assert [(each.before, each.after) for each in found] == [("retention.ms=3600000 (1h)", "retention.ms=7200000 (2h)")]


def test_versions_of_brokers() -> None:
    before, after = {1: "4.1", 2: "4.1"}, {1: "4.3"}

    assert kinds(read(releases=before), read(releases=after), read(releases={1: "4.3", 2: "4.1"})) == [
        ("broker.version", "1")
    ]


def test_a_broker_at_another_address_was_replaced() -> None:
    there = tuple(Broker(i, f"host{i}" if i != 2 else "other", 9092, None, up=True, registered=True) for i in ALL)

    assert kinds(read(), read(brokers=there)) == [("broker.replaced", "2")]


STABLE, OTHER = group("g", members=3, assignor="range"), group("h", members=1, assignor="range")
BOTH = read(groups=[STABLE, OTHER])
AWAY = Problem("group", "moved", "looked for")
GROUPS: list[tuple[str, list[ClusterSnapshot], list[tuple[str, str]]]] = [
    ("a first read", [read(groups=[STABLE])], []),
    ("one is new", [read(), read(groups=[STABLE])], [("group.created", "g")]),
    ("one is deleted", [read(groups=[STABLE]), read(), read(), read()], [("group.deleted", "g")]),
    (
        "not every broker told its groups",
        [read(groups=[STABLE]), *[read(groups_complete=False)] * 3, read(groups=[STABLE])],
        [],
    ),
    (
        "one is looked for a little longer",
        [
            read(groups=[STABLE]),
            *[read(problems=(AWAY,))] * 3,
            read(groups=[STABLE]),
        ],
        [],
    ),
    (
        "it is deleted while another is looked for",
        [read(groups=[STABLE, OTHER]), *[read(problems=(AWAY,), sought_groups=frozenset({"h"}))] * 3, BOTH],
        [("group.deleted", "g"), ("group.created", "g")],
    ),
    (
        "another is looked for, and not every broker told its groups",
        [BOTH, *[read(problems=(AWAY,), sought_groups=frozenset({"h"}), groups_complete=False)] * 3, BOTH],
        [],
    ),
    ("members", [read(groups=[STABLE]), read(groups=[replace(STABLE, members=4)])], [("group.members", "g")]),
    (
        "it rebalances and is as before",
        [
            read(groups=[STABLE]),
            read(groups=[replace(STABLE, state="PreparingRebalance", members=1)]),
            read(groups=[STABLE]),
        ],
        [],
    ),
    (
        "it is left by all",
        [read(groups=[STABLE]), read(groups=[group("g", "Empty", members=0)])],
        [("group.state", "g")],
    ),
    (
        "its assignor",
        [read(groups=[STABLE]), read(groups=[replace(STABLE, assignor="sticky")])],
        [("group.assignor", "g")],
    ),
]


@pytest.mark.parametrize(("reads", "wanted"), [row[1:] for row in GROUPS], ids=[row[0] for row in GROUPS])
def test_groups(reads: list[ClusterSnapshot], wanted: list[tuple[str, str]]) -> None:
    assert kinds(*reads) == wanted


def looks_for(*names: str, **others: Any) -> ClusterSnapshot:
    """Return a read in which the source looks for these groups."""
    return read(problems=(AWAY,), sought_groups=frozenset(names), **others)


def test_groups_that_are_looked_for_are_there_from_the_first_read_on() -> None:
    reads = [looks_for("h", groups=[STABLE]), looks_for("h", groups=[STABLE]), BOTH, *[looks_for("h")] * 3]
    assert kinds(*reads) == [("group.deleted", "g")]


def test_a_group_that_is_looked_for_is_there_though_the_others_are_not_described() -> None:
    denied = read(groups=[STABLE], problems=(Problem("group", "denied", "h"),), sought_groups=frozenset({"h"}))
    assert kinds(BOTH, denied, denied, denied) == []


def test_a_scope_that_is_new_forgets_nothing_before_a_read_shows_all() -> None:
    seen, _ = step(Seen(), at(500), is_scope_new=False)
    seen, _ = step(seen, looks_for("z", groups=[OTHER]), is_scope_new=True)
    _, found = step(seen, at(100), is_scope_new=False)
    assert [(each.kind, each.subject) for each in found] == [("group.set_back", "g")]


def test_groups_that_the_configuration_looks_at_now_are_not_new() -> None:
    assert kinds(read(), read(groups=[STABLE]), read(), read(), is_scope_new=True) == []


EMPTY = group("g", "Empty", members=0)


def at(offset: int, one: Any = EMPTY, **others: Any) -> ClusterSnapshot:
    """Return a read of a group at this position, of 1000 records."""
    return read(groups=[one], commits={("g", "orders", 0): offset}, end={("orders", 0): 1000}, **others)


def unanswered() -> ClusterSnapshot:
    """Return a read in which nobody says what the group has committed."""
    found = read(groups=[EMPTY])
    return replace(found, commits=replace(found.commits, answered=np.zeros(1, dtype=bool)))


def elsewhere(offset: int, seconds: float) -> ClusterSnapshot:
    """Return a read some seconds after the first one, of the group at another coordinator."""
    return at(offset, replace(EMPTY, coordinator=2), taken_at=1000.0 + seconds)


POSITIONS: list[tuple[str, list[ClusterSnapshot], list[tuple[str, str]]]] = [
    ("it reads", [at(1, STABLE), at(5, STABLE), at(9, STABLE)], []),
    ("set back", [at(500), at(500), at(100), at(100)], [("group.set_back", "g")]),
    ("set back while it reads", [at(500, STABLE), at(100, STABLE)], [("group.set_back", "g")]),
    ("set forward", [at(100), at(100), at(1000), at(1000)], [("group.set_forward", "g")]),
    ("read by somebody who is no member", [at(100), at(200), at(300), at(400)], []),
    ("a position beyond the end is another log's", [at(2000), at(100)], []),
    (
        "nobody answers for it meanwhile",
        [at(500), unanswered(), at(100)],
        [("group.set_back", "g")],
    ),
    (
        "a coordinator that takes over has what was committed before, and a moment later all",
        [at(500), at(500), elsewhere(100, 10), elsewhere(500, 11), elsewhere(500, 30)],
        [],
    ),
    (
        "set back as another coordinator takes over",
        [at(500), elsewhere(100, 10), elsewhere(100, 15), elsewhere(100, 21), elsewhere(100, 30)],
        [("group.set_back", "g")],
    ),
    (
        "another coordinator in every read",
        [at(500), elsewhere(500, 1), at(100, taken_at=1002.0), elsewhere(100, 3), at(100, taken_at=1013.0)],
        [("group.set_back", "g")],
    ),
    (
        "the clock is set back after another one took over",
        [at(500), elsewhere(500, 10), elsewhere(100, -3600)],
        [("group.set_back", "g")],
    ),
    (
        "set back a while after another one took over",
        [at(500), elsewhere(500, 10), elsewhere(100, 20)],
        [("group.set_back", "g")],
    ),
]


@pytest.mark.parametrize(("reads", "wanted"), [row[1:] for row in POSITIONS], ids=[row[0] for row in POSITIONS])
def test_positions(reads: list[ClusterSnapshot], wanted: list[tuple[str, str]]) -> None:
    assert kinds(*reads) == wanted


def test_what_is_known_does_not_grow_while_groups_come_and_go_and_some_always_move() -> None:
    def one(number: int) -> ClusterSnapshot:
        names = [f"g{at}" for at in range(number, number + 5)]
        topics = {**PLAIN, **{f"t{at}": PLAIN["orders"] for at in range(number, number + 5)}}
        return read(
            topics, groups=[group(name, "Empty", members=0) for name in names], at=1000.0 + number,
            commits={(name, f"t{name[1:]}", 0): 5 for name in names}, problems=(AWAY,),
            sought_groups=frozenset({f"g{number + 5}", "away"}),
        )  # fmt: skip

    seen, _ = step(Seen(), read(groups=[OTHER]), is_scope_new=False)
    for number in range(100):
        seen, _ = step(seen, one(number), is_scope_new=False)
    assert seen.positions is not None
    assert len(seen.entities("groups") or {}) <= 8
    assert len(seen.coordinators) <= 7
    assert len(seen.positions.groups) <= 7
    assert len(seen.positions.topics) <= 12
    assert len(seen.positions.committed) <= 7


def test_positions_in_a_topic_that_was_made_again_are_others() -> None:
    again = ids(topology(PLAIN), orders=1)

    assert kinds(at(500), at(3, of=again)) == [("topic.recreated", "orders")]


def test_a_set_back_says_by_how_much() -> None:
    [found] = differences(at(500), at(100))

    assert found.after == "by 400 records in 1 partition of topic orders"

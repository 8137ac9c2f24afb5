"""Groups of the new protocol (KIP-848): nobody ever shares a partition, and in the end everybody has their part."""

import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_group import Beat, Beaten, ConsumerGroup, Slot
from streamwatch.reference.kafka.timers import Timers

ORDERS, CLICKS = uuid.UUID(int=1), uuid.UUID(int=2)


class House:
    """A group and its time."""

    def __init__(self, **sizes: int) -> None:
        self.now = 1000.0
        self.timers = Timers()
        self.topics = {"orders": (ORDERS, sizes.get("orders", 6)), "clicks": (CLICKS, sizes.get("clicks", 3))}
        self.group = ConsumerGroup("g", self.timers, lambda: self.topics, 45.0)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.timers.run(self.now)

    def beat(self, member: str, epoch: int, **changes: Any) -> Beaten:
        given: dict[str, Any] = {
            "member_id": member,
            "epoch": epoch,
            "instance_id": None,
            "rack": None,
            "client_id": "test",
            "host": "/127.0.0.1",
            "rebalance_seconds": None,
            "topics": ("orders",) if epoch == 0 else None,
            "pattern": None,
            "assignor": None,
            "owned": frozenset() if epoch == 0 else None,
        }
        return self.group.beat(Beat(**given | changes), self.now)


class Actor:
    """A member as clients write them."""

    def __init__(self, house: House, name: str, topics: tuple[str, ...] = ("orders",)) -> None:
        self.house, self.name, self.topics = house, name, topics
        self.epoch = 0
        self.owned: frozenset[Slot] = frozenset()
        self.is_dead = False

    def turn(self) -> None:
        if self.is_dead:
            return
        changes: dict[str, Any] = {"topics": self.topics} if self.epoch == 0 else {}
        found = self.house.beat(self.name, self.epoch, owned=self.owned, **changes)
        if found.code is not Code.NONE:
            self.epoch, self.owned = 0, frozenset()
            return
        self.epoch = found.epoch
        if found.assignment is not None:
            self.owned = found.assignment

    def leave(self) -> None:
        self.is_dead, self.owned = True, frozenset()
        self.house.beat(self.name, -1)


def test_the_first_member_gets_everything_at_once() -> None:
    house = House()
    found = house.beat("a", 0)

    assert found.assignment == frozenset((ORDERS, i) for i in range(6))
    assert house.group.state == "Stable"


def test_a_second_member_gets_its_half_when_the_first_gave_it_back() -> None:
    house = House()
    one, two = Actor(house, "a"), Actor(house, "b")
    one.turn()
    two.turn()
    assert two.owned == frozenset()
    one.turn()  # is told to give back
    two.turn()
    assert two.owned == frozenset()
    one.turn()  # confirms
    two.turn()

    assert (len(one.owned), len(two.owned), house.group.state) == (3, 3, "Stable")


def test_an_epoch_that_is_not_ones_own_is_fenced() -> None:
    house = House()
    first = house.beat("a", 0)

    assert house.beat("a", first.epoch + 5).code is Code.FENCED_MEMBER_EPOCH
    assert house.beat("stranger", 3).code is Code.UNKNOWN_MEMBER_ID
    assert house.beat("a", 0, assignor="magic").code is Code.UNSUPPORTED_ASSIGNOR


def test_a_session_that_ends_frees_what_the_member_had() -> None:
    house = House()
    house.beat("a", 0)
    house.advance(46)
    found = house.beat("b", 0)

    assert list(house.group.members) == ["b"]
    assert len(found.assignment or ()) == 6


def test_a_pattern_subscribes_to_what_it_matches() -> None:
    house = House()
    found = house.beat("a", 0, topics=(), pattern="cl.*")

    assert found.assignment == frozenset((CLICKS, i) for i in range(3))


def test_a_topic_that_grows_is_assigned() -> None:
    house = House()
    one = Actor(house, "a")
    one.turn()
    house.topics["orders"] = (ORDERS, 8)
    house.group.assign()
    one.turn()

    assert len(one.owned) == 8


@pytest.mark.parametrize("assignor", ["uniform", "range"])
@pytest.mark.parametrize(
    ("members", "shares"), [(1, [6]), (2, [3, 3]), (4, [1, 1, 2, 2]), (8, [0, 0, 1, 1, 1, 1, 1, 1])]
)
def test_the_assignors_share_evenly(assignor: str, members: int, shares: list[int]) -> None:
    house = House()
    actors = [Actor(house, f"m{i}") for i in range(members)]
    house.beat("m0", 0, assignor=assignor)
    for _ in range(5):
        for actor in actors:
            actor.turn()

    assert sorted(len(actor.owned) for actor in actors) == shares


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["come", "leave", "crash", "beat", "wait"]), st.integers(0, 5)), max_size=40))
def test_no_partition_is_ever_shared_and_in_the_end_each_has_an_owner(script: list[tuple[str, int]]) -> None:
    house = House()
    actors: list[Actor] = []
    for event, number in script:
        if event == "come":
            topics = (("orders",), ("orders", "clicks"), ("clicks",))[number % 3]
            actors.append(Actor(house, f"m{len(actors)}", topics))
        elif actors and event == "leave":
            actors[number % len(actors)].leave()
        elif actors and event == "crash":
            actors[number % len(actors)].is_dead = True
        elif actors and event == "beat":
            actors[number % len(actors)].turn()
        else:
            house.advance(number)
        _nobody_shares(house, actors)
    house.advance(50)
    for _ in range(12):
        for actor in actors:
            actor.turn()
            _nobody_shares(house, actors)
    living = [actor for actor in actors if not actor.is_dead]
    wanted = {(house.topics[t][0], i) for actor in living for t in actor.topics for i in range(house.topics[t][1])}

    assert {slot for actor in living for slot in actor.owned} == wanted
    assert house.group.state == ("Stable" if living else "Empty")


def _nobody_shares(house: House, actors: list[Actor]) -> None:
    """Of those whose sessions live: what the coordinator took away by force is not theirs any more."""
    members = [actor for actor in actors if actor.name in house.group.members]
    owned = [slot for actor in members for slot in actor.owned]
    assert len(owned) == len(set(owned))

"""Groups of the new protocol: nobody ever shares a partition, and in the end everybody has their part."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.reference.kafka.assignors import Slot
from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_groups import ConsumerGroup, Phase
from streamwatch.reference.kafka.consumer_members import HeartbeatRequest, HeartbeatResponse
from streamwatch.reference.kafka.groups import Groups, Limits
from streamwatch.reference.kafka.offsets import Committed
from streamwatch.reference.timers import Timers

ORDERS, CLICKS = uuid.UUID(int=1), uuid.UUID(int=2)
PATIENCE = 60.0


class House:
    """A group and its time."""

    def __init__(self, **limits: Any) -> None:
        self.now = 1000.0
        self.timers = Timers()
        self.topics = {"orders": (ORDERS, 6), "clicks": (CLICKS, 3)}
        self.groups = Groups(self.timers, lambda: self.topics, Limits(**limits))

    @property
    def group(self) -> ConsumerGroup:
        found = self.groups.consumer("g")
        assert found is not None
        return found

    def state(self) -> Phase:
        return self.group.state

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.timers.next) is not None and due <= until:
            self.now = max(self.now, due)
            self.timers.run(self.now)
        self.now = until

    def beat(self, member: str, epoch: int, **changes: Any) -> HeartbeatResponse:
        given: dict[str, Any] = {"member_id": member, "epoch": epoch, "client_id": "test", "host": "/127.0.0.1"}
        if epoch == 0:
            given |= {"rebalance_seconds": PATIENCE, "topics": ("orders",), "owned": frozenset()}
        return self.groups.beat("g", HeartbeatRequest(**given | changes), self.now)


class Actor:
    """A member as clients write them."""

    def __init__(self, house: House, name: str, topics: tuple[str, ...] = ("orders",), **joins: Any) -> None:
        self.house, self.name, self.joins = house, name, joins | {"topics": topics}
        self.epoch = 0
        self.owned: frozenset[Slot] = frozenset()
        self.is_dead = False
        self.is_in_doubt = True
        """Whether an answer was lost, or there was none yet: everything is said again then, as clients do."""

    def turn(self, *, loses_answer: bool = False) -> Code:
        if self.is_dead:
            return Code.NONE
        changes = {"rebalance_seconds": PATIENCE} | self.joins if self.is_in_doubt else {}
        self.is_in_doubt = loses_answer
        found = self.house.beat(self.name, self.epoch, owned=self.owned, **changes)
        if found.code is not Code.NONE:
            self.epoch, self.owned, self.is_in_doubt = 0, frozenset(), True
        elif not loses_answer:
            self.epoch = found.epoch
            self.owned = self.owned if found.assignment is None else found.assignment
        return found.code

    def leave(self, epoch: int = -1) -> None:
        self.is_dead, self.owned = True, frozenset()
        self.house.beat(self.name, epoch, instance_id=self.joins.get("instance_id"))


def turns(actors: Sequence[Actor], times: int = 4) -> None:
    for _ in range(times):
        for actor in actors:
            actor.turn()


def test_the_first_member_gets_everything_at_once() -> None:
    house = House()
    found = house.beat("a", 0)

    assert found.assignment == frozenset((ORDERS, i) for i in range(6))
    assert (house.state(), found.epoch, house.group.epoch) == (Phase.STABLE, 1, 1)
    assert house.beat("a", 1).assignment is None


def test_a_second_member_gets_its_half_when_the_first_gave_it_back() -> None:
    house = House()
    one, two = Actor(house, "a"), Actor(house, "b")
    one.turn()
    two.turn()
    assert (two.owned, two.epoch) == (frozenset(), 2)
    one.turn()  # is told to give back
    assert (len(one.owned), one.epoch) == (3, 1)
    two.turn()
    assert (two.owned, house.state()) == (frozenset(), Phase.RECONCILING)
    one.turn()  # confirms
    two.turn()

    assert (len(one.owned), len(two.owned), one.epoch, house.state()) == (3, 3, 2, Phase.STABLE)


def test_who_does_not_give_back_in_time_is_fenced() -> None:
    house = House()
    house.beat("a", 0)
    house.beat("b", 0)
    for _ in range(6):
        assert house.beat("a", 1).code is Code.NONE
        house.beat("b", 2)
        house.advance(10)

    assert list(house.group.members) == ["b"]
    assert len(house.beat("b", 2).assignment or ()) == 6


def test_a_member_that_leaves_leaves_the_group_assigning_until_somebody_beats() -> None:
    house = House()
    one, two = Actor(house, "a"), Actor(house, "b")
    turns([one, two])
    two.leave()
    assert house.state() is Phase.ASSIGNING
    one.turn()

    assert (len(one.owned), house.state()) == (6, Phase.STABLE)
    one.leave()
    assert house.state() is Phase.EMPTY


@pytest.mark.parametrize(
    ("member", "epoch", "changes", "code"),
    [
        ("a", 9, {}, Code.FENCED_MEMBER_EPOCH),
        ("a", 1, {}, Code.FENCED_MEMBER_EPOCH),
        ("a", 0, {}, Code.FENCED_MEMBER_EPOCH),
        ("stranger", 3, {}, Code.UNKNOWN_MEMBER_ID),
        ("stranger", -1, {}, Code.UNKNOWN_MEMBER_ID),
        ("a", 2, {"instance_id": "i-1"}, Code.UNKNOWN_MEMBER_ID),
        ("a", -2, {}, Code.INVALID_REQUEST),
        ("a", -3, {}, Code.INVALID_REQUEST),
        ("", 0, {}, Code.INVALID_REQUEST),
        ("b", 0, {"owned": frozenset({(ORDERS, 0)})}, Code.INVALID_REQUEST),
        ("b", 0, {"rebalance_seconds": None}, Code.INVALID_REQUEST),
        ("b", 0, {"topics": None}, Code.INVALID_REQUEST),
        ("b", 0, {"pattern": "("}, Code.INVALID_REQUEST),
        ("b", 0, {"assignor": "magic"}, Code.UNSUPPORTED_ASSIGNOR),
        ("b", 0, {}, Code.GROUP_MAX_SIZE_REACHED),
    ],
)
def test_a_heartbeat_that_does_not_fit_is_refused(member: str, epoch: int, changes: dict[str, Any], code: Code) -> None:
    house = House(max_size=1)
    house.beat("a", 0)
    house.beat("a", 1, topics=("orders", "clicks"))  # epoch 2
    house.beat("a", 2, topics=("orders",))  # epoch 3: it gives back
    house.beat("a", 2, owned=frozenset())

    assert house.group.members["a"].epoch == 3
    assert house.beat(member, epoch, **{"owned": frozenset({(CLICKS, 0)})} | changes if epoch else changes).code is code


def test_the_epoch_before_is_good_where_the_answer_was_lost() -> None:
    house = House()
    one, two = Actor(house, "a"), Actor(house, "b")
    one.turn(loses_answer=True)
    assert one.turn() is Code.NONE
    turns([one, two])
    house.topics["orders"] = (ORDERS, 8)
    house.groups.refresh(house.now)
    one.turn(loses_answer=True)

    assert one.turn() is Code.NONE
    assert len(one.owned) == 4


def test_a_session_that_ends_frees_what_the_member_had() -> None:
    house = House()
    house.beat("a", 0)
    house.advance(45)
    assert house.state() is Phase.EMPTY

    assert len(house.beat("b", 0).assignment or ()) == 6


def test_a_static_member_that_goes_for_a_while_finds_what_it_had() -> None:
    house = House()
    one = Actor(house, "a", instance_id="i-1")
    two = Actor(house, "b")
    turns([one, two])
    had, epoch = one.owned, house.group.epoch
    assert house.beat("other", 0, instance_id="i-1").code is Code.UNRELEASED_INSTANCE_ID
    one.leave(-2)
    back = house.beat("c", 0, instance_id="i-1")

    assert (back.assignment, house.group.epoch) == (had, epoch)
    assert house.beat("a", epoch, instance_id="i-1").code is Code.FENCED_INSTANCE_ID
    assert house.state() is Phase.STABLE


def test_a_static_member_that_stays_away_loses_it() -> None:
    house = House()
    one = Actor(house, "a", instance_id="i-1")
    one.turn()
    one.leave(-2)
    house.advance(45)

    assert house.state() is Phase.EMPTY


def test_a_pattern_subscribes_to_what_it_matches_as_a_whole() -> None:
    house = House()
    found = house.beat("a", 0, topics=(), pattern="cl.*|order")

    assert found.assignment == frozenset((CLICKS, i) for i in range(3))


def test_topics_that_change_begin_a_new_epoch_where_they_are_subscribed_to() -> None:
    house = House()
    one = Actor(house, "a")
    one.turn()
    house.topics["clicks"] = (CLICKS, 9)
    house.groups.refresh(house.now)
    assert house.group.epoch == 1
    house.topics["orders"] = (ORDERS, 8)
    house.groups.refresh(house.now)
    assert (house.group.epoch, house.state()) == (2, Phase.ASSIGNING)
    one.turn()
    assert len(one.owned) == 8
    del house.topics["orders"]
    house.groups.refresh(house.now)
    turns([one])

    assert (one.owned, house.state()) == (frozenset(), Phase.STABLE)


@pytest.mark.parametrize("assignor", ["uniform", "range"])
@pytest.mark.parametrize(
    ("members", "shares"), [(1, [6]), (2, [3, 3]), (4, [1, 1, 2, 2]), (8, [0, 0, 1, 1, 1, 1, 1, 1])]
)
def test_the_assignors_share_evenly(assignor: str, members: int, shares: list[int]) -> None:
    house = House()
    actors = [Actor(house, f"m{i}", assignor=assignor) for i in range(members)]
    turns(actors)

    assert house.group.assignor == assignor
    assert sorted(len(actor.owned) for actor in actors) == shares


@pytest.mark.parametrize(("assignor", "shares"), [("uniform", [1, 1]), ("range", [0, 2])])
def test_uniform_is_even_over_all_topics_and_range_within_each(assignor: str, shares: list[int]) -> None:
    house = House()
    house.topics = {"orders": (ORDERS, 1), "clicks": (CLICKS, 1)}
    actors = [Actor(house, f"m{i}", ("orders", "clicks"), assignor=assignor) for i in range(2)]
    turns(actors)

    assert sorted(len(actor.owned) for actor in actors) == shares


def test_uniform_moves_as_few_as_it_takes() -> None:
    house = House()
    actors = [Actor(house, f"m{i}") for i in range(3)]
    turns(actors[:2])
    before = [actor.owned for actor in actors]
    turns(actors)

    assert all(actor.owned < had for actor, had in zip(actors[:2], before[:2], strict=True))
    assert [len(actor.owned) for actor in actors] == [2, 2, 2]


def test_only_members_of_the_current_epoch_commit() -> None:
    house = House()
    one, two = Actor(house, "a"), Actor(house, "b")
    turns([one, two])
    may = house.groups.may_commit
    assert may("g", Who("a", None, one.epoch)) is Code.NONE
    assert may("g", Who("a", None, one.epoch - 1)) is Code.STALE_MEMBER_EPOCH
    assert may("g", Who("c", None, one.epoch)) is Code.UNKNOWN_MEMBER_ID
    assert may("g", Who("")) is Code.UNKNOWN_MEMBER_ID
    house.groups.put("g", {("orders", 0): Committed(1), ("clicks", 0): Committed(1)}, house.now)

    assert house.groups.delete_offsets("g", [("orders", 0), ("clicks", 0)]) == {
        ("orders", 0): Code.GROUP_SUBSCRIBED_TO_TOPIC,
        ("clicks", 0): Code.NONE,
    }


def test_members_that_crash_stay_until_their_sessions_end() -> None:
    house = House()
    house.beat("a", 0)
    house.groups.kill_members("g")
    assert house.beat("a", 1).code is Code.UNKNOWN_MEMBER_ID
    assert house.state() is Phase.STABLE
    house.groups.moved(["g"], house.now)
    house.advance(45)

    assert house.state() is Phase.EMPTY


EVENTS = st.sampled_from(["come", "static", "leave", "away", "crash", "beat", "lose", "grow", "force", "kill", "wait"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 5)), max_size=40), st.sampled_from(["uniform", "range"]))
def test_no_partition_is_ever_shared_and_in_the_end_each_has_an_owner(
    script: list[tuple[str, int]], assignor: str
) -> None:
    house = House()
    actors: list[Actor] = []
    for event, number in script:
        _happen(house, actors, event, number, assignor)
        _nobody_shares(house, actors)
    house.advance(50)
    for _ in range(20):
        for actor in actors:
            actor.turn()
            _nobody_shares(house, actors)
    living = [actor for actor in actors if not actor.is_dead]
    wanted = {(house.topics[t][0], i) for one in living for t in one.joins["topics"] for i in range(house.topics[t][1])}

    assert {slot for actor in living for slot in actor.owned} == wanted
    group = house.groups.consumer("g")
    assert group is None or group.state is (Phase.STABLE if living else Phase.EMPTY)


def _happen(house: House, actors: list[Actor], event: str, number: int, assignor: str) -> None:
    if event in {"come", "static"}:
        topics = (("orders",), ("orders", "clicks"), ("clicks",))[number % 3]
        joins = {"instance_id": f"i-{len(actors)}"} if event == "static" else {}
        actors.append(Actor(house, f"m{len(actors)}", topics, assignor=assignor, **joins))
    elif event == "grow":
        house.topics["orders"] = (ORDERS, house.topics["orders"][1] + number)
        house.groups.refresh(house.now)
    elif event == "force":
        house.groups.force_rebalance("g", house.now)
    elif event == "kill":
        house.groups.kill_members("g")
    elif event == "wait" or not actors:
        house.advance(number * 3)
    else:
        _act(actors[number % len(actors)], event)


def _act(actor: Actor, event: str) -> None:
    if event == "crash":
        actor.is_dead = True
    elif event in {"leave", "away"} and not actor.is_dead:
        actor.leave(-2 if event == "away" and "instance_id" in actor.joins else -1)
    else:
        actor.turn(loses_answer=event == "lose")


def _nobody_shares(house: House, actors: list[Actor]) -> None:
    """Of those whose sessions live: what the coordinator took away by force is not theirs any more."""
    group = house.groups.consumer("g")
    members = group.members if group else {}
    owned = [slot for actor in actors if actor.name in members for slot in actor.owned]
    held = [slot for one in members.values() for slot in one.assigned | one.revoking]
    assert len(owned) == len(set(owned))
    assert len(held) == len(set(held))

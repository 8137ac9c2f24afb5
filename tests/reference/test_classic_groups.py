"""Groups of the classic protocol: joining, syncing, sessions, static members, and what holds whatever happens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.reference.kafka.classic_group import ClassicGroup
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.coordinator import Committed, Groups
from streamwatch.reference.kafka.membership import Join, Joined, State, Synced
from streamwatch.reference.kafka.settings import Settings
from streamwatch.reference.kafka.timers import Later, Timers

SESSION, REBALANCE = 10.0, 30.0


class House:
    """The groups of a cluster, and their time."""

    def __init__(self, **given: str) -> None:
        self.now = 1000.0
        self.timers = Timers()
        own = {"group.initial.rebalance.delay.ms": "0"} | {key.replace("_", "."): value for key, value in given.items()}
        self.groups = Groups(self.timers, Settings(own), dict, self.now)

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.timers.next) is not None and due <= until:
            self.now = max(self.now, due)
            self.timers.run(self.now)
        self.now = until

    def join(self, member: str = "", instance: str | None = None, **changes: Any) -> Later[Joined]:
        asked: dict[str, Any] = {
            "member_id": member,
            "instance_id": instance,
            "client_id": "test",
            "host": "/127.0.0.1",
            "session_seconds": SESSION,
            "rebalance_seconds": REBALANCE,
            "protocol_type": "consumer",
            "protocols": (("range", b"topics"),),
            "needs_id": False,
            "knows_skip": True,
        }
        return self.groups.join("g", Join(**asked | changes), self.now)

    @property
    def group(self) -> ClassicGroup:
        found = self.groups.classic("g")
        assert found is not None
        return found

    def sync(self, joined: Joined, **assignments: bytes) -> Later[Synced]:
        return self.group.sync(joined.member_id, None, joined.generation, assignments, self.now)

    def beat(self, joined: Joined) -> Code:
        return self.group.heartbeat(joined.member_id, None, joined.generation, self.now)


def answer(later: Later[Any]) -> Any:
    assert later.answer is not None
    return later.answer


def alone(house: House) -> Joined:
    """Let one member form a stable group."""
    joined: Joined = answer(house.join())
    house.sync(joined, **{joined.member_id: b"all"})
    return joined


def test_the_first_member_leads_and_gets_what_it_assigns() -> None:
    house = House()
    joined = answer(house.join())
    synced = answer(house.sync(joined, **{joined.member_id: b"all"}))

    assert (joined.code, joined.generation, joined.leader) == (Code.NONE, 1, joined.member_id)
    assert joined.members == ((joined.member_id, None, b"topics"),)
    assert (synced.code, synced.assignment) == (Code.NONE, b"all")
    assert house.group.state is State.STABLE


def test_a_second_member_waits_for_the_first_to_join_again() -> None:
    house = House()
    one = alone(house)
    second = house.join()
    assert not second.done
    assert house.beat(one) is Code.REBALANCE_IN_PROGRESS
    again = answer(house.join(one.member_id))

    assert answer(second).generation == again.generation == 2
    assert len(again.members) == 2
    assert answer(second).members == ()


def test_who_does_not_join_again_in_time_is_left_out() -> None:
    house = House()
    joined = answer(house.join(session_seconds=600.0))
    house.sync(joined, **{joined.member_id: b"all"})
    second = house.join(rebalance_seconds=5.0)
    house.advance(REBALANCE + 1)

    assert answer(second).leader == answer(second).member_id
    assert list(house.group.members) == [answer(second).member_id]


def test_a_member_without_an_id_is_given_one_first_where_it_understands_that() -> None:
    house = House()
    sent_away = answer(house.join(needs_id=True))
    assert (sent_away.code, house.group.members) == (Code.MEMBER_ID_REQUIRED, {})

    assert answer(house.join(sent_away.member_id)).code is Code.NONE


def test_a_session_that_ends_takes_the_member_out() -> None:
    house = House()
    one = alone(house)
    house.advance(SESSION - 1)
    assert house.beat(one) is Code.NONE
    house.advance(SESSION - 1)
    assert house.beat(one) is Code.NONE
    house.advance(SESSION + 1)

    assert house.group.state is State.EMPTY
    assert house.beat(one) is Code.UNKNOWN_MEMBER_ID


def test_a_follower_waits_for_the_leaders_assignment() -> None:
    house = House()
    first = alone(house)
    second = house.join()
    leader = answer(house.join(first.member_id))
    follower = answer(second)
    waiting = house.sync(follower)
    assert not waiting.done
    house.sync(leader, **{leader.member_id: b"1", follower.member_id: b"2"})

    assert answer(waiting).assignment == b"2"


def test_who_leaves_makes_the_others_rebalance() -> None:
    house = House()
    one = alone(house)
    second = house.join()
    house.join(one.member_id)
    assert house.group.leave(answer(second).member_id, None, house.now) is Code.NONE

    assert house.group.state is State.PREPARING


def test_a_static_member_comes_back_without_a_rebalance_and_fences_the_old_one() -> None:
    house = House()
    joined = answer(house.join(instance="i-1"))
    house.sync(joined, **{joined.member_id: b"all"})
    back = answer(house.join(instance="i-1"))

    assert (back.code, back.generation, back.skip_assignment) == (Code.NONE, 1, True)
    assert house.group.state is State.STABLE
    assert house.group.heartbeat(joined.member_id, "i-1", 1, house.now) is Code.FENCED_INSTANCE_ID
    assert answer(house.sync(back)).assignment == b"all"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"protocol_type": "connect"}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": (("sticky", b""),)}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ({"protocols": ()}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ({"session_seconds": 1.0}, Code.INVALID_SESSION_TIMEOUT),
        ({"session_seconds": 9999.0}, Code.INVALID_SESSION_TIMEOUT),
        ({"member_id": "stranger"}, Code.UNKNOWN_MEMBER_ID),
    ],
)
def test_a_join_that_does_not_fit_is_refused(changes: dict[str, Any], code: Code) -> None:
    house = House()
    alone(house)

    assert answer(house.join(**changes)).code is code


def test_the_protocol_that_most_prefer_and_all_know_is_chosen() -> None:
    house = House()
    first = house.join(protocols=(("a", b""), ("b", b"")))
    house.join(protocols=(("b", b""), ("c", b""), ("a", b"")))
    house.join(protocols=(("b", b""), ("a", b"")))
    again = house.join(answer(first).member_id, protocols=(("a", b""), ("b", b"")))

    assert answer(again).protocol == "b"


def test_old_generations_may_neither_sync_nor_beat_nor_commit() -> None:
    house = House()
    one = alone(house)
    second = house.join()
    house.join(one.member_id)
    assert answer(second).generation == 2

    assert house.beat(one) is Code.ILLEGAL_GENERATION
    assert answer(house.sync(one)).code is Code.ILLEGAL_GENERATION
    assert house.groups.may_commit("g", one.member_id, None, 1) is Code.ILLEGAL_GENERATION
    assert house.groups.may_commit("g", one.member_id, None, 2) is Code.REBALANCE_IN_PROGRESS


def test_a_coordinator_that_moves_sends_those_who_wait_away_and_keeps_the_members() -> None:
    house = House()
    alone(house)
    waiting = house.join()
    house.groups.moved(["g"], house.now)

    assert answer(waiting).code is Code.NOT_COORDINATOR
    assert len(house.group.members) == 2


def test_members_that_crash_stay_until_their_sessions_end() -> None:
    house = House()
    one = alone(house)
    house.groups.kill_members("g")
    assert house.beat(one) is Code.UNKNOWN_MEMBER_ID
    assert len(house.group.members) == 1
    house.advance(SESSION + 1)

    assert house.group.members == {}


def test_offsets_of_an_empty_group_expire_and_the_group_with_them() -> None:
    house = House(offsets_retention_minutes="1")
    house.groups.commit("old", {("t", 0): Committed(5, -1, "", house.now)})
    house.advance(1300)

    assert house.groups.names() == []


def test_offsets_of_a_transaction_count_when_it_commits() -> None:
    house = House()
    offset = Committed(5, -1, "", house.now)
    house.groups.pend("g", 7, {("t", 0): offset})
    assert (house.groups.fetch("g"), house.groups.unstable("g")) == ({}, {("t", 0)})
    house.groups.finish(7, commit=False)
    assert house.groups.fetch("g") == {}
    house.groups.pend("g", 7, {("t", 0): offset})
    house.groups.finish(7, commit=True)

    assert (house.groups.fetch("g"), house.groups.unstable("g")) == ({("t", 0): offset}, set())


def test_a_group_with_members_is_not_deleted() -> None:
    house = House()
    alone(house)

    assert house.groups.delete("g") is Code.NON_EMPTY_GROUP
    assert house.groups.delete("nobody") is Code.GROUP_ID_NOT_FOUND


class Actor:
    """A member as clients write them: it joins, syncs and beats, and may crash."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.id = ""
        self.joining: Later[Joined] | None = None
        self.syncing: Later[Synced] | None = None
        self.joined: Joined | None = None
        self.assignment: bytes | None = None
        self.is_dead = False

    def turn(self) -> None:
        if self.is_dead:
            return
        if self.joining is None and self.joined is None:
            self.joining = self.house.join(self.id)
        if self.joining is not None and self.joining.done:
            found = answer(self.joining)
            self.joining = None
            self.id = "" if found.code is Code.UNKNOWN_MEMBER_ID else found.member_id
            if found.code is Code.NONE:
                self.joined, self.assignment = found, None
                self.syncing = self.house.sync(found, **{m: b"gen%d" % found.generation for m, _, _ in found.members})
        if self.syncing is not None and self.syncing.done:
            synced, self.syncing = answer(self.syncing), None
            self.assignment = synced.assignment if synced.code is Code.NONE else None
            if synced.code is not Code.NONE:
                self.joined = None
        elif self.joined is not None and self.syncing is None and self.house.beat(self.joined) is not Code.NONE:
            self.joined = self.assignment = None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["come", "crash", "move", "wait"]), st.integers(0, 4)), max_size=25))
def test_whatever_happens_the_living_end_in_one_generation_with_one_leader(script: list[tuple[str, int]]) -> None:
    house = House()
    actors = [Actor(house)]
    actors[0].turn()
    for event, number in script:
        if event == "come" and len(actors) < 6:
            actors.append(Actor(house))
        elif event == "crash":
            actors[number % len(actors)].is_dead = True
        elif event == "move":
            house.groups.moved(["g"], house.now)
        for actor in actors:
            actor.turn()
        house.advance(number / 2)
    for _ in range(100):
        house.advance(1)
        for actor in actors:
            actor.turn()
    living = [actor for actor in actors if not actor.is_dead]

    assert sorted(house.group.members) == sorted(actor.id for actor in living)
    if living:
        assert house.group.state is State.STABLE
        assert {actor.assignment for actor in living} == {b"gen%d" % house.group.generation}
        assert house.group.leader in house.group.members

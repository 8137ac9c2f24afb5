"""Groups of the classic protocol: joining, syncing, sessions, static members, and what holds whatever happens."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.membership import ClassicGroupState
from tests.reference.groups_house import REBALANCE, SESSION, Actor, House, answer, who


def test_the_first_member_leads_and_gets_what_it_assigns() -> None:
    house = House()
    joined = answer(house.join())
    synced = answer(house.sync(who(joined), **{joined.member_id: b"all"}))

    assert (joined.code, joined.generation, joined.leader) == (Code.NONE, 1, joined.member_id)
    assert [row[0] for row in joined.members] == [joined.member_id]
    assert joined.member_id.startswith("test-")
    assert (synced.code, synced.assignment, synced.protocol) == (Code.NONE, b"all", "range")
    assert house.state() is ClassicGroupState.STABLE


def test_a_second_member_waits_for_the_first_to_join_again() -> None:
    house = House()
    one = house.alone()
    second = house.join()
    assert not second.done
    assert house.beat(who(one)) is Code.REBALANCE_IN_PROGRESS
    again = answer(house.join(one.member_id))

    assert answer(second).generation == again.generation == 2
    assert (len(again.members), answer(second).members) == (2, ())


def test_a_group_that_was_empty_waits_for_more_as_long_as_more_join() -> None:
    house = House(initial_delay=3.0)
    first = house.join()
    house.advance(2)
    second = house.join()
    house.advance(3)
    assert not first.done
    house.advance(2)

    assert answer(first).generation == answer(second).generation == 1
    assert house.state() is ClassicGroupState.COMPLETING


def test_the_initial_delay_ends_with_the_rebalance_timeout() -> None:
    house = House(initial_delay=3.0)
    first = house.join(rebalance_seconds=7.0)
    for _ in range(7):
        house.advance(1)
        house.join(rebalance_seconds=7.0)

    assert first.done


def test_who_does_not_join_again_in_time_is_left_out() -> None:
    house = House()
    one = house.alone(session_seconds=600.0)
    second = house.join(rebalance_seconds=5.0)
    house.advance(REBALANCE - 1)
    assert not second.done
    house.advance(1)

    assert answer(second).leader == answer(second).member_id
    assert house.beat(who(one)) is Code.UNKNOWN_MEMBER_ID


def test_the_rebalance_timeout_is_that_of_the_slowest() -> None:
    house = House()
    house.alone(session_seconds=600.0, rebalance_seconds=5.0)
    second = house.join(rebalance_seconds=60.0)
    house.advance(59)
    assert not second.done
    house.advance(1)

    assert second.done


def test_who_does_not_sync_in_time_is_left_out_and_nobody_else() -> None:
    house = House()
    leader, follower = house.pair(session_seconds=600.0)
    waiting = house.sync(who(follower))
    house.advance(REBALANCE)

    assert answer(waiting).code is Code.REBALANCE_IN_PROGRESS
    assert list(house.group.members) == [follower.member_id]
    assert house.beat(who(follower)) is Code.REBALANCE_IN_PROGRESS
    assert house.beat(who(leader)) is Code.UNKNOWN_MEMBER_ID


def test_a_follower_that_never_syncs_is_taken_out_though_the_group_is_stable() -> None:
    house = House()
    leader, follower = house.pair(session_seconds=600.0)
    house.sync(who(leader), **{leader.member_id: b"1"})
    assert house.state() is ClassicGroupState.STABLE
    house.advance(REBALANCE)

    assert follower.member_id not in house.group.members
    assert house.state() is ClassicGroupState.PREPARING


def test_a_session_does_not_end_while_the_member_waits_for_the_leader() -> None:
    house = House()
    leader, follower = house.pair()
    waiting = house.sync(who(follower))
    house.advance(SESSION - 1)
    assert house.beat(who(leader)) is Code.NONE
    house.advance(SESSION - 1)
    house.sync(who(leader), **{leader.member_id: b"1", follower.member_id: b"2"})

    assert answer(waiting).assignment == b"2"
    house.advance(SESSION - 1)
    assert house.beat(who(follower)) is Code.NONE


def test_a_session_that_ends_takes_the_member_out() -> None:
    house = House()
    one = house.alone()
    house.advance(SESSION - 1)
    assert house.beat(who(one)) is Code.NONE
    house.advance(SESSION - 1)
    assert house.beat(who(one)) is Code.NONE
    house.advance(SESSION)

    assert house.state() is ClassicGroupState.EMPTY
    assert house.beat(who(one)) is Code.UNKNOWN_MEMBER_ID


def test_a_new_member_waits_for_five_minutes_at_most() -> None:
    house = House()
    one = house.alone(rebalance_seconds=1000.0)
    second = house.join(rebalance_seconds=1000.0)
    for _ in range(100):
        house.advance(3)
        house.beat(who(one))

    assert answer(second).code is Code.UNKNOWN_MEMBER_ID


def test_a_member_without_an_id_is_given_one_first_where_it_understands_that() -> None:
    house = House()
    sent_away = answer(house.join(needs_id=True))
    assert (sent_away.code, house.group.members) == (Code.MEMBER_ID_REQUIRED, {})

    assert answer(house.join(sent_away.member_id, needs_id=True)).code is Code.NONE


def test_a_rebalance_waits_for_who_was_given_an_id_but_not_for_ever() -> None:
    house = House()
    one = house.alone()
    house.join(needs_id=True)
    house.group.rebalance(house.now)
    again = house.join(one.member_id)
    assert not again.done
    house.advance(SESSION)

    assert again.done


def test_who_leaves_makes_the_others_rebalance() -> None:
    house = House()
    leader, follower = house.pair()
    assert house.groups.leave("g", [Who(follower.member_id), Who("nobody")], house.now) == (
        Code.NONE,
        Code.UNKNOWN_MEMBER_ID,
    )

    assert house.beat(who(leader)) is Code.REBALANCE_IN_PROGRESS
    assert house.groups.leave("g", [Who(leader.member_id)], house.now) == (Code.NONE,)
    assert house.state() is ClassicGroupState.EMPTY


def test_a_static_member_comes_back_without_a_rebalance_and_fences_the_old_one() -> None:
    house = House()
    old = house.alone(instance="i-1")
    back = answer(house.join(instance="i-1"))

    assert (back.code, back.generation, back.leader, back.skip_assignment) == (Code.NONE, 1, back.member_id, True)
    assert house.state() is ClassicGroupState.STABLE
    assert house.beat(who(old, "i-1")) is Code.FENCED_INSTANCE_ID
    assert answer(house.sync(who(back, "i-1"))).assignment == b"all"


def test_a_static_leader_that_cannot_skip_is_not_told_that_it_leads() -> None:
    house = House()
    old = house.alone(instance="i-1")
    back = answer(house.join(instance="i-1", knows_skip=False))

    assert (back.leader, back.members, back.skip_assignment) == (old.member_id, (), False)


def test_a_static_member_that_brings_another_protocol_makes_the_group_rebalance() -> None:
    house = House()
    house.alone(instance="i-1", protocols=(("a", b""), ("b", b"")))
    back = answer(house.join(instance="i-1", protocols=(("b", b""), ("a", b""))))

    assert (back.generation, back.protocol, back.skip_assignment) == (2, "b", False)


def test_a_static_member_is_not_left_out_until_its_session_ends() -> None:
    house = House()
    house.alone(instance="i-1", session_seconds=100.0)
    second = house.join(rebalance_seconds=5.0)
    house.advance(REBALANCE)

    assert len(answer(second).members) == 2


def test_a_static_member_is_removed_by_its_instance_id() -> None:
    house = House()
    house.alone(instance="i-1")
    assert house.groups.leave("g", [Who("", "i-2"), Who("other", "i-1"), Who("", "i-1")], house.now) == (
        Code.UNKNOWN_MEMBER_ID,
        Code.FENCED_INSTANCE_ID,
        Code.NONE,
    )

    assert house.state() is ClassicGroupState.EMPTY


@pytest.mark.parametrize(
    ("member", "changes", "code"),
    [
        ("", {"protocol_type": "connect"}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ("", {"protocols": (("sticky", b""),)}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ("", {"protocols": ()}, Code.INCONSISTENT_GROUP_PROTOCOL),
        ("", {"session_seconds": 5.9}, Code.INVALID_SESSION_TIMEOUT),
        ("", {"session_seconds": 1801.0}, Code.INVALID_SESSION_TIMEOUT),
        ("stranger", {}, Code.UNKNOWN_MEMBER_ID),
        ("stranger", {"instance_id": "i-1"}, Code.UNKNOWN_MEMBER_ID),
    ],
)
def test_a_join_that_does_not_fit_is_refused(member: str, changes: dict[str, Any], code: Code) -> None:
    house = House()
    house.alone()

    assert answer(house.join(member, **changes)).code is code
    assert house.state() is ClassicGroupState.STABLE


def test_a_full_group_takes_nobody_in() -> None:
    house = House(max_size=1)
    one = house.alone()

    assert answer(house.join()).code is Code.GROUP_MAX_SIZE_REACHED
    assert answer(house.join(one.member_id)).code is Code.NONE


def test_the_protocol_that_most_prefer_and_all_know_is_chosen() -> None:
    house = House()
    first = house.join(protocols=(("a", b""), ("b", b"")))
    house.join(protocols=(("b", b""), ("c", b""), ("a", b"")))
    house.join(protocols=(("b", b""), ("a", b"")))
    again = house.join(answer(first).member_id, protocols=(("a", b""), ("b", b"")))

    assert answer(again).protocol == "b"


def test_a_leader_that_joins_again_makes_all_rebalance_and_a_follower_does_not() -> None:
    house = House()
    leader, follower = house.pair()
    house.sync(who(leader))
    house.sync(who(follower))

    assert answer(house.join(follower.member_id)).generation == 2
    assert house.state() is ClassicGroupState.STABLE
    assert not house.join(leader.member_id).done
    assert house.state() is ClassicGroupState.PREPARING


def test_old_generations_may_neither_sync_nor_beat() -> None:
    house = House()
    leader, _ = house.pair()
    old = Who(leader.member_id, None, 1)

    assert house.beat(old) is Code.ILLEGAL_GENERATION
    assert answer(house.sync(old)).code is Code.ILLEGAL_GENERATION
    assert answer(house.sync(Who("stranger", None, 2))).code is Code.UNKNOWN_MEMBER_ID


def test_a_sync_for_another_protocol_is_refused() -> None:
    house = House()
    joined = answer(house.join())

    for protocol in (("connect", None), (None, "sticky")):
        refused = answer(house.groups.sync("g", who(joined), {}, house.now, protocol))
        assert refused.code is Code.INCONSISTENT_GROUP_PROTOCOL


EVENTS = st.sampled_from(["come", "static", "crash", "leave", "move", "force", "kill", "wait"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.integers(0, 5)), max_size=30))
def test_whatever_happens_the_living_end_in_one_generation_with_one_leader(script: list[tuple[str, int]]) -> None:
    house = House()
    actors = [Actor(house)]
    actors[0].turn()
    for event, number in script:
        _happen(house, actors, event, number)
        for actor in actors:
            actor.turn()
            _holds(house, actors)
        house.advance(number * 1.5)
        _holds(house, actors)
    for _ in range(400):
        house.advance(1)
        for actor in actors:
            actor.turn()
    living = [actor for actor in actors if not actor.is_dead]

    assert sorted(house.group.members) == sorted(actor.id for actor in living)
    assert house.state() is (ClassicGroupState.STABLE if living else ClassicGroupState.EMPTY)
    assert {actor.assignment for actor in living} <= {b"gen%d" % house.group.generation}
    assert sum(actor.id == house.group.leader for actor in living) == bool(living)


def _happen(house: House, actors: list[Actor], event: str, number: int) -> None:
    actor = actors[number % len(actors)]
    if event in {"come", "static"} and len(actors) < 6:
        actors.append(Actor(house, f"i-{len(actors)}" if event == "static" else None))
    elif event == "crash":
        actor.is_dead = True
    elif event == "leave" and actor.id:
        actor.leave()
    elif event == "move":
        house.groups.moved(["g"], house.now)
    elif event == "force":
        house.groups.force_rebalance("g", house.now)
    elif event == "kill":
        house.groups.kill_members("g")


def _holds(house: House, actors: list[Actor]) -> None:
    """Whoever waits waits for something that is going on; a stable group is of one mind."""
    group = house.group
    waiting = [later for actor in actors for later in actor.asked if not later.done]
    held = [later for one in group.members.values() for later in (one.joining, one.syncing) if later]
    assert {id(later) for later in waiting} == {id(later) for later in held}
    assert not waiting or group.state in {ClassicGroupState.PREPARING, ClassicGroupState.COMPLETING}
    if group.state in {ClassicGroupState.STABLE, ClassicGroupState.COMPLETING}:
        assert group.leader in group.members
        assert all(one.joining is None for one in group.members.values())
    assert (group.state is ClassicGroupState.EMPTY) <= (not group.members)

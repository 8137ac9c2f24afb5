"""What groups commit, who may, when it is forgotten, and what befalls groups as a whole."""

import pytest

from streamwatch.reference.kafka.classic_members import Who
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.consumer_members import HeartbeatRequest
from streamwatch.reference.kafka.described import GroupListing
from streamwatch.reference.kafka.membership import ClassicGroupState
from streamwatch.reference.kafka.offsets import Committed
from tests.reference.groups_house import ALONE, SESSION, House, answer, who

KEY, OTHER = ("orders", 0), ("clicks", 0)
DAY = 86400.0


def offset(house: House, at: int = 5) -> Committed:
    return Committed(at, 3, "note", house.now)


def test_anybody_may_commit_for_a_group_without_members() -> None:
    house = House()
    assert house.groups.commit("g", ALONE, {KEY: offset(house)}, house.now) == {KEY: Code.NONE}

    assert house.groups.fetch("g") == {KEY: offset(house)}
    assert house.groups.list() == [GroupListing("g", "classic", "", "Empty")]


def test_of_a_group_with_members_only_they_may_commit_and_not_while_they_sync() -> None:
    house = House()
    leader, _ = house.pair()
    may = house.groups.may_commit
    assert may("g", who(leader)) is Code.REBALANCE_IN_PROGRESS
    house.sync(who(leader))
    assert may("g", who(leader)) is Code.NONE
    assert may("g", ALONE) is Code.UNKNOWN_MEMBER_ID
    assert may("g", ALONE, in_transaction=True) is Code.NONE
    assert may("g", Who("stranger", None, 2)) is Code.UNKNOWN_MEMBER_ID
    assert may("g", Who(leader.member_id, None, 1)) is Code.ILLEGAL_GENERATION
    assert may("g", Who(leader.member_id, "i-1", 2)) is Code.UNKNOWN_MEMBER_ID
    assert may("nobody", Who("stranger", None, 2)) is Code.ILLEGAL_GENERATION
    house.join()

    assert house.state() is ClassicGroupState.PREPARING
    assert may("g", who(leader)) is Code.NONE


def test_a_commit_keeps_a_session_alive() -> None:
    house = House()
    one = house.alone()
    for _ in range(3):
        house.advance(SESSION - 1)
        house.groups.commit("g", who(one), {KEY: offset(house)}, house.now)

    assert house.beat(who(one)) is Code.NONE


def test_offsets_of_a_transaction_count_when_it_commits() -> None:
    house = House()
    house.groups.pend("g", 7, {KEY: offset(house)}, house.now)
    assert house.groups.fetch("g") == {}
    assert house.groups.fetch("g", require_stable=True) == {KEY: Code.UNSTABLE_OFFSET_COMMIT}
    house.groups.finish(7, commit=False)
    assert house.groups.fetch("g", require_stable=True) == {}
    house.groups.pend("g", 7, {KEY: offset(house)}, house.now)
    house.groups.finish(7, commit=True)

    assert house.groups.fetch("g", require_stable=True) == {KEY: offset(house)}


def test_offsets_of_subscribed_topics_are_not_deleted() -> None:
    house = House()
    one = house.alone()
    house.groups.commit("g", who(one), {KEY: offset(house), OTHER: offset(house)}, house.now)
    deleted = house.groups.delete_offsets("g", [KEY, OTHER])

    assert deleted == {KEY: Code.GROUP_SUBSCRIBED_TO_TOPIC, OTHER: Code.NONE}
    assert house.groups.fetch("g").keys() == {KEY}
    assert house.groups.delete_offsets("nobody", [KEY]) is Code.GROUP_ID_NOT_FOUND


def test_offsets_of_groups_that_are_no_consumers_are_deleted_when_they_are_empty() -> None:
    house = House()
    one = house.alone(protocol_type="connect")
    assert house.groups.delete_offsets("g", [KEY]) is Code.NON_EMPTY_GROUP
    house.groups.leave("g", [who(one)], house.now)

    assert house.groups.delete_offsets("g", [KEY]) == {KEY: Code.NONE}


def test_what_members_say_that_cannot_be_read_counts_as_subscribed_to_all() -> None:
    house = House()
    house.alone(protocols=(("range", b"nonsense"),))

    assert house.groups.delete_offsets("g", [KEY]) == {KEY: Code.GROUP_SUBSCRIBED_TO_TOPIC}


def test_offsets_of_an_empty_group_expire_and_the_group_with_them() -> None:
    house = House(offsets_retention=DAY)
    one = house.alone(session_seconds=1800.0)
    house.groups.commit("g", who(one), {KEY: offset(house)}, house.now)
    house.groups.leave("g", [who(one)], house.now)
    house.advance(DAY - 1)
    assert house.groups.fetch("g").keys() == {KEY}
    house.advance(601)

    assert house.groups.list() == []


def test_offsets_count_from_when_the_members_left() -> None:
    house = House(offsets_retention=DAY)
    one = house.alone()
    house.groups.commit("g", who(one), {KEY: offset(house)}, house.now)
    for _ in range(int(DAY / 9) + 1):
        house.advance(9)
        assert house.beat(who(one)) is Code.NONE
    house.groups.leave("g", [who(one)], house.now)
    house.advance(DAY - 601)

    assert house.groups.fetch("g").keys() == {KEY}


def test_a_stable_group_forgets_what_it_does_not_subscribe_to() -> None:
    house = House(offsets_retention=600.0)
    one = house.alone(session_seconds=1800.0)
    house.groups.commit("g", who(one), {KEY: offset(house), OTHER: offset(house)}, house.now)
    house.advance(1300)

    assert house.groups.fetch("g").keys() == {KEY}


def test_a_group_with_members_is_not_deleted() -> None:
    house = House()
    one = house.alone()
    house.groups.commit("g", who(one), {KEY: offset(house)}, house.now)
    assert house.groups.delete("g") is Code.NON_EMPTY_GROUP
    house.groups.leave("g", [who(one)], house.now)

    assert (house.groups.delete("g"), house.groups.delete("g")) == (Code.NONE, Code.GROUP_ID_NOT_FOUND)
    assert house.groups.fetch("g") == {}


def test_a_topic_that_is_deleted_takes_its_offsets_along() -> None:
    house = House()
    house.groups.commit("g", ALONE, {KEY: offset(house), OTHER: offset(house)}, house.now)
    house.groups.forget_topic("orders")

    assert house.groups.fetch("g").keys() == {OTHER}


def test_a_group_is_described_with_what_members_said_while_it_is_stable() -> None:
    house = House()
    one = house.alone()
    shown = house.groups.describe("g")
    assert (shown.state, shown.protocol_type, shown.protocol) == (ClassicGroupState.STABLE, "consumer", "range")
    assert [(row.id, row.assignment) for row in shown.members] == [(one.member_id, b"all")]
    house.join()

    assert [row.metadata for row in house.groups.describe("g").members] == [b"", b""]
    assert house.groups.describe("nobody").code is Code.GROUP_ID_NOT_FOUND


def test_a_coordinator_that_moves_sends_those_who_wait_away_and_keeps_the_members() -> None:
    house = House()
    one = house.alone()
    house.advance(SESSION - 1)
    waiting = house.join()
    house.groups.moved(["g", "nobody"], house.now)

    assert answer(waiting).code is Code.NOT_COORDINATOR
    assert list(house.group.members) == [one.member_id]
    house.advance(SESSION - 1)
    assert house.beat(who(one)) is Code.REBALANCE_IN_PROGRESS


def test_members_that_crash_stay_until_their_sessions_end() -> None:
    house = House()
    one = house.alone()
    house.groups.kill_members("g")
    assert house.beat(who(one)) is Code.UNKNOWN_MEMBER_ID
    assert house.state() is ClassicGroupState.STABLE
    house.advance(SESSION)

    assert house.state() is ClassicGroupState.EMPTY


def test_offsets_can_be_set_back() -> None:
    house = House()
    house.groups.commit("g", ALONE, {KEY: offset(house, 9), OTHER: offset(house, 9)}, house.now)
    house.groups.rewind("g", {KEY: 2}, house.now)

    assert house.groups.fetch("g") == {KEY: Committed(2, at=house.now), OTHER: offset(house, 9)}


def test_a_group_without_a_name_is_none() -> None:
    house = House()
    joining = house.join()
    asked = house.group.members[answer(joining).member_id].asked

    assert answer(house.groups.join("", asked, house.now)).code is Code.INVALID_GROUP_ID
    assert house.groups.beat("", beat(), house.now).code is Code.INVALID_REQUEST


def beat(epoch: int = 0) -> HeartbeatRequest:
    return HeartbeatRequest(
        member_id="m", epoch=epoch, client_id="test", host="/127.0.0.1", rebalance_seconds=60.0, topics=("orders",)
    )


def test_a_group_with_members_keeps_its_protocol_and_an_empty_one_may_change_it() -> None:
    house = House()
    one = house.alone()
    assert house.groups.beat("g", beat(), house.now).code is Code.GROUP_ID_NOT_FOUND
    house.groups.leave("g", [who(one)], house.now)
    house.groups.put("g", {KEY: offset(house)}, house.now)
    assert house.groups.beat("g", beat(), house.now).code is Code.NONE
    assert [line.kind for line in house.groups.list()] == ["consumer"]
    assert answer(house.join()).code is Code.INCONSISTENT_GROUP_PROTOCOL
    house.groups.beat("g", beat(-1), house.now)

    assert answer(house.join()).code is Code.NONE
    assert house.groups.fetch("g").keys() == {KEY}


@pytest.mark.parametrize("epoch", [-1, 3])
def test_a_heartbeat_of_a_group_that_does_not_exist_makes_none(epoch: int) -> None:
    house = House()

    assert house.groups.beat("g", beat(epoch), house.now).code is Code.GROUP_ID_NOT_FOUND
    assert house.groups.list() == []

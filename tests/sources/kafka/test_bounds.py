"""End, start and last stable offsets from read to read: what is asked for when, and what is known meanwhile."""

from math import isnan

from streamwatch.model.kafka import NOT_KNOWN
from tests.prepared import Truth
from tests.sources.kafka.making import INTERVAL, by_partition, watched

ORDERS = ("orders", 0)


def truth() -> Truth:
    return Truth({"clicks": 3, "orders": 6}, commits={"billing": {ORDERS: 50}})


def test_all_three_are_known_in_every_read_and_cost_no_more_than_two() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.truth.start["orders", 1] = 7
        for number in range(6):
            seen.truth.end[ORDERS] = 100 + number
            now = seen.read()
            assert by_partition(now, now.end_offset)[ORDERS] == 100 + number
            assert by_partition(now, now.stable_offset) == by_partition(now, now.end_offset)
            assert by_partition(now, now.start_offset)["orders", 1] == 7
            assert seen.asked["ListOffsets"] == (9 if number == 0 else 6)
            assert now.problems == ()


def test_a_gap_is_seen_at_the_second_read_at_the_latest_and_then_followed_in_every_one() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.read()
        seen.truth.stable[ORDERS] = 90
        found = [by_partition(now, now.stable_offset)[ORDERS] for now in (seen.read(), seen.read())]
        assert found[-1] == 90
        assert found[0] in {90, 100}

        for stable, end in ((91, 101), (92, 105), (93, 107)):
            seen.truth.stable[ORDERS], seen.truth.end[ORDERS] = stable, end
            now = seen.read()
            assert by_partition(now, now.stable_offset)[ORDERS] == stable
            assert by_partition(now, now.stable_offset)["orders", 1] == 100
            assert seen.asked["ListOffsets"] in {6, 7}, "one more, of the leader with the gap, when it is not its turn"

        del seen.truth.stable[ORDERS]
        now = seen.read()
        assert by_partition(now, now.stable_offset)[ORDERS] == 107


def test_how_long_a_stable_offset_stands_is_counted_from_when_it_is_first_seen_there() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.truth.stable[ORDERS] = 90
        first = seen.read()
        assert by_partition(first, first.stable_since)[ORDERS] == first.offsets_monotonic
        assert isnan(by_partition(first, first.stable_since)["orders", 1])

        seen.truth.end[ORDERS] = 200
        seen.truth.leader["orders", 1] = 3  # another topology: what stands goes on standing
        for reads in (1, 2, 3):
            now = seen.read()
            assert now.offsets_monotonic - by_partition(now, now.stable_since)[ORDERS] == reads * INTERVAL

        seen.truth.stable[ORDERS] = 91
        now = seen.read()
        assert by_partition(now, now.stable_since)[ORDERS] == now.offsets_monotonic, "it has moved"

        del seen.truth.stable[ORDERS]
        now = seen.read()
        assert isnan(by_partition(now, now.stable_since)[ORDERS])


def test_a_start_that_has_passed_a_commit_is_followed_in_every_read() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.truth.start[ORDERS] = 60
        seen.read()
        for start in range(61, 66):
            seen.truth.start[ORDERS] = start
            now = seen.read()
            assert by_partition(now, now.start_offset)[ORDERS] == start


def test_a_start_beyond_the_end_that_is_read_now_is_not_kept() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.truth.start["orders", 1] = 80
        seen.read()
        seen.truth.end["orders", 1] = 10
        seen.truth.start["orders", 1] = 0
        starts = [by_partition(now, now.start_offset)["orders", 1] for now in (seen.read(), seen.read())]
        assert starts in ([NOT_KNOWN, 0], [0, 0])


def test_a_new_leader_is_asked_for_everything() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        for _ in range(2):
            seen.read()
        for leader in (3, 2, 1):
            seen.truth.leader["orders", 1] = leader
            seen.truth.start["orders", 1] = leader
            now = seen.read()
            assert by_partition(now, now.start_offset)["orders", 1] == leader
            assert seen.asked["ListOffsets"] == 9


def test_a_leader_that_does_not_answer_leaves_its_own_partitions_unknown() -> None:
    with watched(truth(), lookup_requests=0) as seen:
        seen.read()
        seen.cluster.faults[2].garbage = {"ListOffsets"}
        for _ in range(3):
            now = seen.read()
            unknown = {("clicks", 1), ("orders", 1), ("orders", 4)}
            for column in (now.end_offset, now.start_offset, now.stable_offset):
                assert {key for key, value in by_partition(now, column).items() if value == NOT_KNOWN} == unknown
        seen.cluster.faults[2].garbage = set()
        seen.read()
        now = seen.read()
        assert NOT_KNOWN not in {*now.end_offset.tolist(), *now.start_offset.tolist(), *now.stable_offset.tolist()}

"""How old the first unread record is, of groups that were behind before the agent began: asked of the leaders."""

from collections.abc import Callable
from math import isnan

import pytest

from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.sources.kafka import record_times
from tests.prepared import Truth
from tests.sources.kafka.making import INTERVAL, Watched, watched

DAY = 86_400
BEGIN = 1_700_000_000.0
ORDERS = ("orders", 0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every answer for a quick one: how much is asked at once must not hang on the machine."""
    monkeypatch.setattr(record_times, "_QUICK_SECONDS", 60.0)


def evenly(count: int, days: float = 5.0) -> dict[int, int]:
    """Return the timestamps of records that came evenly over the last days."""
    return {at: int((BEGIN - days * DAY + at * days * DAY / count) * 1000) for at in range(count)}


def truth(commits: dict[str, dict[tuple[str, int], int]], written: dict[tuple[str, int], dict[int, int]]) -> Truth:
    made = Truth({"orders": 3}, commits=commits, written=written)
    for key, records in written.items():
        made.end[key] = max(records) + 1
    return made


def unread(now: ClusterSnapshot) -> dict[tuple[str, int], float]:
    """Return when the first unread record was written, by group and partition."""
    assert now.topology is not None
    found = {}
    for group, row, at in zip(
        now.commits.group.tolist(), now.commits.row.tolist(), now.unread_at.tolist(), strict=True
    ):
        found[now.groups.groups[group].name, int(now.topology.partition[row])] = at
    return found


def settled(seen: Watched, reads: int = 10) -> dict[tuple[str, int], float]:
    """Read until nothing is asked by timestamp any more; return what is known then."""
    for _ in range(reads):
        now = seen.read()
        if seen.asked["ListOffsets"] == 6:
            return unread(now)
    raise AssertionError(f"it still asks after {reads} reads")


def test_a_group_that_was_behind_before_is_known_at_the_first_reads_and_then_nothing_is_asked() -> None:
    records = evenly(10_000)
    commits = {"billing": {("orders", p): 1000 * (p + 1) for p in range(3)}, "audit": {ORDERS: 9_999}}
    with watched(truth(commits, {("orders", p): records for p in range(3)})) as seen:
        found = settled(seen)
        for key, offset in {
            ("billing", 0): 1000,
            ("billing", 1): 2000,
            ("billing", 2): 3000,
            ("audit", 0): 9999,
        }.items():
            assert abs(found[key] - records[offset] / 1000) <= 1
        for _ in range(3):
            assert unread(seen.read()) == found
            assert seen.asked["ListOffsets"] == 6


@pytest.mark.parametrize("release", [(4, 3), (2, 8)])
@pytest.mark.parametrize("requests", [1, 6])
def test_a_read_asks_no_leader_more_often_than_it_may(requests: int, release: tuple[int, int]) -> None:
    records = {at: int((BEGIN - DAY * (1 - (at / 5000) ** 3)) * 1000) for at in range(5000)}
    made = truth(
        {"billing": {("orders", p): 777 * (p + 1) for p in range(3)}}, {("orders", p): records for p in range(3)}
    )
    made.release = release
    with watched(made, lookup_requests=requests) as seen:
        for number in range(60):
            now = seen.read()
            asked = seen.asked["ListOffsets"] - (9 if number == 0 else 6)
            assert asked <= 3 * requests
            if not asked:
                break
        assert all(abs(unread(now)["billing", p] - records[777 * (p + 1)] / 1000) <= 1 for p in range(3))
        assert {problem.reason for problem in now.problems} <= {"budget"}


def test_it_can_be_turned_off() -> None:
    with watched(truth({"billing": {ORDERS: 10}}, {ORDERS: evenly(100)}), lookup_requests=0) as seen:
        now = seen.read()
        assert seen.asked["ListOffsets"] == 9
        assert isnan(unread(now)["billing", 0])
        assert now.problems == ()


def test_what_is_not_known_after_many_reads_is_a_problem_of_the_budget() -> None:
    commits = {f"group-{g:02}": {ORDERS: 37 * g + 1} for g in range(60)}
    with watched(truth(commits, {ORDERS: evenly(5000)}), lookup_requests=1) as seen:
        reasons = [{problem.reason for problem in seen.read().problems} for _ in range(25)]
        assert reasons[:20] == [set()] * 20
        assert reasons[-1] == {"budget"}


def test_a_read_that_may_ask_no_more_says_so_and_goes_on_with_the_next() -> None:
    with watched(truth({"billing": {ORDERS: 777}}, {ORDERS: evenly(5000)}), max_requests=20) as seen:
        first = seen.read()
        assert {problem.reason for problem in first.problems} == {"budget"}
        assert min(first.end_offset.tolist()) >= 0
        assert not isnan(settled(seen)["billing", 0])


def test_what_comes_while_the_agent_looks_is_the_histories_to_know() -> None:
    records = evenly(100)
    with watched(truth({"billing": {ORDERS: 100}}, {ORDERS: records})) as seen:
        seen.read()
        seen.truth.end[ORDERS] = 200
        now = seen.read()
        assert isnan(unread(now)["billing", 0])
        assert seen.asked["ListOffsets"] == 6


def test_what_is_older_than_the_history_is_looked_up() -> None:
    records = evenly(100)
    with watched(truth({"billing": {ORDERS: 100}}, {ORDERS: records}), lag_history=20 * INTERVAL) as seen:
        seen.read()
        records[100], written = int(seen.clock.now() * 1000), seen.clock.now()
        seen.truth.end[ORDERS] = 101
        known = [unread(seen.read())["billing", 0] for _ in range(40)]
        assert isnan(known[5])
        assert all(abs(at - written) <= 1 for at in known[20:])


@pytest.mark.parametrize(("step", "most"), [(200, 100), (10, 25)])
def test_a_group_that_moves_through_its_backlog_is_followed_with_few_questions(step: int, most: int) -> None:
    records = evenly(20_000)
    with watched(truth({"billing": {ORDERS: 100}}, {ORDERS: records})) as seen:
        settled(seen)
        more = 0
        for move in range(90):
            offset = 200 + move * step
            seen.truth.commits["billing"][ORDERS] = offset
            now = seen.read()
            more += seen.asked["ListOffsets"] - 6
            age = seen.clock.now() - records[offset] / 1000
            assert abs(unread(now)["billing", 0] - records[offset] / 1000) <= max(1, 0.011 * age)
        assert more <= most, "questions in 90 reads"


def test_a_commit_below_the_start_waits_at_the_start() -> None:
    records = evenly(1000)
    with watched(truth({"billing": {ORDERS: 10}}, {ORDERS: records})) as seen:
        seen.truth.start[ORDERS] = 400
        assert settled(seen)["billing", 0] == records[400] / 1000


@pytest.mark.parametrize(
    ("ahead", "known"), [(30, True), (3600, False)], ids=["a_little_ahead", "of_which_the_timestamp_says_nothing"]
)
def test_a_record_from_the_future(ahead: float, known: bool) -> None:  # noqa: FBT001
    records = {at: int((BEGIN + 2 * INTERVAL + ahead) * 1000) for at in range(10)}
    with watched(truth({"billing": {ORDERS: 5}}, {ORDERS: records})) as seen:
        now = seen.read()
        at = unread(now)["billing", 0]
        assert (at <= now.offsets_at) if known else isnan(at)
        assert [one.reason for one in now.problems] == ([] if known else ["unsupported"])


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(lambda _: 0, id="zero"),
        pytest.param(lambda at: at, id="seconds_for_milliseconds"),
        pytest.param(lambda at: at * 10**6, id="microseconds"),
        pytest.param(lambda _: 2**63 - 1, id="the_largest"),
    ],
)
def test_a_timestamp_that_cannot_be_is_no_age_and_a_problem_as_long_as_that_lasts(stamp: Callable[[int], int]) -> None:
    records = {at: stamp(int(BEGIN) - 1000 + 10 * at) for at in range(100)}
    with watched(truth({"billing": {ORDERS: 50}}, {ORDERS: records})) as seen:
        for _ in range(4):
            now = seen.read()
            assert isnan(unread(now)["billing", 0])
            assert [(one.scope, one.reason, one.count) for one in now.problems] == [("partition", "unsupported", 1)]


def test_records_without_timestamps_are_unknown_and_not_asked_about_again() -> None:
    with watched(truth({"billing": {ORDERS: 5}}, {ORDERS: dict.fromkeys(range(10), -1)})) as seen:
        assert isnan(settled(seen)["billing", 0])


def test_a_topic_made_anew_is_looked_up_anew() -> None:
    with watched(truth({"billing": {ORDERS: 50}}, {ORDERS: evenly(1000)})) as seen:
        old = settled(seen)["billing", 0]
        young = {at: int((BEGIN - 100 + at) * 1000) for at in range(90)}
        seen.truth.written[ORDERS], seen.truth.end[ORDERS] = young, 90
        seen.read()
        found = settled(seen)["billing", 0]
        assert found - old > DAY
        assert abs(found - young[50] / 1000) <= 1


def test_a_leader_that_does_not_answer_by_timestamp_is_left_alone_for_a_while() -> None:
    commits = {"billing": {("orders", p): 500 for p in range(3)}}
    with watched(truth(commits, {("orders", p): evenly(1000) for p in range(3)})) as seen:
        seen.cluster.faults[2].no_times = True
        now = seen.read()
        assert {(problem.scope, problem.reason) for problem in now.problems} == {("partition", "misread")}
        seen.read()
        now = seen.read()
        assert now.problems == ()
        assert [isnan(unread(now)["billing", p]) for p in range(3)] == [False, True, False]
        seen.cluster.faults[2].no_times = False
        for _ in range(30):
            now = seen.read()
        assert not isnan(unread(now)["billing", 1])


def test_other_topics_that_come_and_go_change_nothing() -> None:
    with watched(truth({"billing": {ORDERS: 500}}, {ORDERS: evenly(1000)})) as seen:
        before = settled(seen)
        seen.truth.topics = {"a": 5, "orders": 3, "z": 2}
        seen.read()
        assert settled(seen) == before
        seen.truth.topics = {"orders": 3}
        seen.read()
        assert settled(seen) == before

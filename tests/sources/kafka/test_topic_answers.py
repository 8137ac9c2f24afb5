"""What brokers say of a topic's settings: where they disagree nothing changes, and after a while it is not known."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from streamwatch.model.kafka import NOT_SET, ClusterSnapshot
from streamwatch.sources.kafka.topic_answers import LASTING, TopicAnswer, agreed
from tests.sources.kafka.making import watched
from tests.sources.kafka.preparing import truth

HOUR, WEEK, MINUTE = 3_600_000, 604_800_000, 60_000
BROKERS: Final = ("1", "2", "3")


def says(retention: int, min_isr: int = 2, *, refused: int | None = 0) -> TopicAnswer:
    return TopicAnswer(1.0, (min_isr, retention, -1, 0), refused)


def test_one_broker_against_what_is_known_waits_for_a_second_one() -> None:
    known = says(WEEK)
    waits = agreed(known, {"1": says(HOUR)}, is_alone=False)
    assert (waits.settings, waits.again_at) == (known.settings, float("-inf"))
    assert agreed(waits, {"1": says(HOUR), "2": says(HOUR)}, is_alone=False) == says(HOUR)
    assert agreed(known, {"1": says(HOUR)}, is_alone=True) == says(HOUR), "nobody else can be asked"
    assert agreed(None, {"1": says(HOUR)}, is_alone=False) == says(HOUR), "better than nothing"
    assert agreed(waits, {"1": says(WEEK)}, is_alone=False) == known


def test_one_broker_is_believed_where_no_other_one_answers_for_a_while() -> None:
    known = says(WEEK)
    for _ in range(LASTING - 1):
        known = agreed(known, {"1": says(HOUR)}, is_alone=False)
        assert known.settings[1] == WEEK
    assert agreed(known, {"1": says(HOUR)}, is_alone=False) == says(HOUR)


def test_one_of_those_that_disagree_is_not_believed_alone() -> None:
    known: TopicAnswer = says(WEEK)
    for _ in range(2 * LASTING):
        known = agreed(known, {"1": says(HOUR), "2": says(WEEK)}, is_alone=False)
    for _ in range(2 * LASTING):
        known = agreed(known, {"1": says(HOUR)}, is_alone=False)
        assert (known.settings[1], known.is_disagreed) == (WEEK, True)
    assert agreed(known, {"1": says(HOUR), "3": says(HOUR)}, is_alone=False) == says(HOUR)


def test_a_refusal_is_no_answer_where_another_broker_gives_one() -> None:
    refused = says(NOT_SET, refused=29)
    assert agreed(says(WEEK), {"1": refused}, is_alone=False) == refused
    assert agreed(None, {"1": refused, "2": says(HOUR)}, is_alone=False) == says(HOUR)


def test_what_is_disagreed_on_stays_what_it_was_and_who_has_what_is_named() -> None:
    known: TopicAnswer = says(WEEK)
    for _ in range(LASTING):
        assert not known.is_disagreed
        known = agreed(known, {"3": says(WEEK, 1), "1": says(HOUR, 1)}, is_alone=False)
    assert (known.settings, known.is_disagreed) == ((1, WEEK, -1, 0), True)
    assert known.dissent == f"broker 1 has retention.ms={HOUR}; broker 3 has retention.ms={WEEK}"
    assert set(known.brokers) == {"1", "3"}
    assert known.again_at == 1.0 + 60, "who mends it wants to see it"


@given(
    st.lists(st.tuples(st.sampled_from([HOUR, WEEK, MINUTE]), st.integers(0, 2), st.integers(0, 2)), max_size=40),
    st.sampled_from(BROKERS),
)
def test_whoever_is_asked_what_one_broker_alone_has_is_never_taken_for_the_topics(
    reads: list[tuple[int, int, int]], odd: str
) -> None:
    known: TopicAnswer | None = None
    right = WEEK
    for value, first, second in reads:
        right = value
        asked = dict.fromkeys([BROKERS[first], BROKERS[second], *(known.brokers if known else ())])
        if len(asked) == 1:
            continue
        known = agreed(known, {name: says(7 if name == odd else right) for name in asked}, is_alone=False)
        assert known.settings[1] != 7


def lifetimes(now: ClusterSnapshot) -> set[int]:
    return set(now.retention_ms.tolist())


def test_a_broker_that_has_settings_of_its_own_changes_nothing_and_is_a_problem_until_it_has_the_others() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        assert lifetimes(at.read()) == {WEEK}
        at.truth.settings_on = {2: {"retention.ms": "1000"}}
        seen = [at.read() for _ in range(12)]
        assert all(lifetimes(now) == {WEEK} for now in seen)
        (problem,) = seen[-1].problems
        assert (problem.scope, problem.reason, problem.count) == ("topic", "disagreement", 2)
        assert "broker 2 has retention.ms=1000" in problem.detail
        at.truth.settings_on = {}
        now = at.read()
        assert (lifetimes(now), now.problems) == ({WEEK}, ())


def test_a_broker_that_refuses_costs_nothing_where_others_answer() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        at.cluster.faults[2].codes["DescribeConfigs"] = 29
        seen = [at.read() for _ in range(6)]
        assert [(lifetimes(now), now.problems) for now in seen] == [({WEEK}, ())] * 6


def test_a_change_is_seen_where_only_one_broker_may_be_asked() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        at.truth.settings_on = {broker: {"retention.ms": "1000"} for broker in at.truth.brokers}
        for broker in (2, 3):
            at.cluster.faults[broker].garbage.add("DescribeConfigs")
        assert any(lifetimes(at.read()) == {1000} for _ in range(60)), "whoever answers is asked first now and then"


def test_a_change_that_reaches_one_broker_late_is_seen_once_and_is_no_problem() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        others = {"retention.ms": "1000"}
        at.truth.settings_on = {1: others, 3: others}
        first = at.read()
        at.truth.settings_on = dict.fromkeys((1, 2, 3), others)
        second = at.read()
        assert lifetimes(first) in ({WEEK}, {1000})
        assert (lifetimes(second), first.problems, second.problems) == ({1000}, (), ())


def test_a_broker_that_differs_as_the_agent_starts_is_not_believed() -> None:
    with watched(truth(settings_on={1: {"retention.ms": "1000"}}), topic_settings_interval=0.0) as at:
        seen = [lifetimes(at.read()) for _ in range(6)]
        assert {value for each in seen for value in each} <= {WEEK, NOT_SET}


def test_topics_that_are_known_are_asked_of_one_broker() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        assert at.asked["DescribeConfigs"] == 3
        at.read()
        assert at.asked["DescribeConfigs"] == 1

"""What brokers say of a topic's settings: where they disagree nothing changes, and after a while it is not known."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from streamwatch.model.kafka import NOT_SET
from streamwatch.sources.kafka.topic_answers import LASTING, TopicAnswer, agreed
from tests.sources.kafka.making import Watched, watched
from tests.sources.kafka.preparing import truth

HOUR, WEEK, MINUTE = 3_600_000, 604_800_000, 60_000
BROKERS: Final = ("1", "2", "3")


def says(retention: int, min_isr: int = 2, *, refused: int | None = 0) -> TopicAnswer:
    return TopicAnswer(1.0, (min_isr, retention, -1, 0), refused)


def test_one_broker_against_what_is_known_waits_for_a_second_one() -> None:
    known = says(WEEK)
    waits = agreed(known, {"1": says(HOUR)}, is_alone=False)
    assert (waits.settings, waits.at) == (known.settings, float("-inf"))
    assert agreed(known, {"1": says(HOUR), "2": says(HOUR)}, is_alone=False) == says(HOUR)
    assert agreed(known, {"1": says(HOUR)}, is_alone=True) == says(HOUR), "nobody else can be asked"
    assert agreed(None, {"1": says(HOUR)}, is_alone=False) == says(HOUR), "better than nothing"
    assert agreed(known, {"1": says(WEEK)}, is_alone=False) == known


def test_a_refusal_is_no_answer_where_another_broker_gives_one() -> None:
    refused = says(NOT_SET, refused=29)
    assert agreed(says(WEEK), {"1": refused}, is_alone=False) == refused
    assert agreed(None, {"1": refused, "2": says(HOUR)}, is_alone=False) == says(HOUR)


def test_what_is_disagreed_on_alone_is_unknown_and_who_has_what_is_named() -> None:
    known: TopicAnswer | None = says(WEEK)
    for _ in range(LASTING):
        known = agreed(known, {"3": says(WEEK, 1), "1": says(HOUR, 1)}, is_alone=False)
    assert known is not None
    assert known.settings == (1, NOT_SET, -1, 0)
    assert set(known.dissent.split("; ")) == {
        "broker 3 has retention.ms=604800000",
        "broker 1 has retention.ms=3600000",
    }
    assert set(known.brokers) == {"1", "3"}


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
        if len(asked) == 1 and known is None:
            continue
        known = agreed(known, {name: says(7 if name == odd else right) for name in asked}, is_alone=False)
        assert known.settings[1] != 7


def lifetimes(at: Watched) -> set[float]:
    return set(at.read().retention_ms.tolist())


def test_a_broker_that_has_settings_of_its_own_changes_nothing_and_is_a_problem_until_it_has_the_others() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        assert lifetimes(at) == {WEEK}
        at.truth.settings_on = {2: {"retention.ms": "1000"}}
        seen = [at.read() for _ in range(12)]
        assert {value for now in seen for value in now.retention_ms.tolist()} == {WEEK, NOT_SET}
        last = seen[-1]
        assert set(last.retention_ms.tolist()) == {NOT_SET}
        assert set(last.min_isr.tolist()) == {2}, "what they agree on is known"
        (problem,) = last.problems
        assert (problem.scope, problem.reason, problem.count) == ("topic", "disagreement", 2)
        assert "broker 2 has retention.ms=1000" in problem.detail
        at.truth.settings_on = {}
        now = at.read()
        assert (set(now.retention_ms.tolist()), now.problems) == ({WEEK}, ())


def test_a_change_that_reaches_one_broker_late_is_seen_once_and_is_no_problem() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        others = {"retention.ms": "1000"}
        at.truth.settings_on = {1: others, 3: others}
        first = at.read()
        at.truth.settings_on = dict.fromkeys((1, 2, 3), others)
        second = at.read()
        assert set(first.retention_ms.tolist()) in ({WEEK}, {1000})
        assert (set(second.retention_ms.tolist()), first.problems, second.problems) == ({1000}, (), ())


def test_a_broker_that_differs_as_the_agent_starts_is_not_believed() -> None:
    with watched(truth(settings_on={1: {"retention.ms": "1000"}}), topic_settings_interval=0.0) as at:
        seen = [lifetimes(at) for _ in range(6)]
        assert {value for each in seen for value in each} <= {WEEK, NOT_SET}


def test_topics_that_are_known_are_asked_of_one_broker() -> None:
    with watched(truth(), topic_settings_interval=0.0) as at:
        at.read()
        assert at.asked["DescribeConfigs"] == 3
        at.read()
        assert at.asked["DescribeConfigs"] == 1

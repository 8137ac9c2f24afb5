"""The last minutes, as a Prometheus would hold them."""

import gc
import math
import random
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys, Metric, Samples, Tier
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.match import Matcher
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Value
from streamwatch.samples import column
from streamwatch.samples.history import History

LAG = Metric(name="lag", kind="gauge", unit="", labels=("group",), tier=Tier.GROUP, help="Lag.", question="Lag?")
SIZE = Metric(name="size", kind="gauge", unit="", labels=("group",), tier=Tier.GROUP, help="Size.", question="Size?")


def said(metric: Metric = LAG, **values: float) -> Samples:
    return each(values, metric)


def each(values: dict[str, float], metric: Metric = LAG) -> Samples:
    return metric.samples(Keys(("group",), [(name,) for name in values]), np.array(list(values.values())))


def asked(history: History, expression: str, at: float) -> Value:
    return evaluate(parse(expression), history, round(at * 1000))


def by_group(value: Value) -> dict[str, float]:
    assert isinstance(value, list)
    return {labels.get("group", ""): number for labels, number in value}


def test_every_series_has_the_labels_of_a_scrape() -> None:
    history = History({"job": "streamwatch", "instance": "here:9308"})
    history.append("a", [said(x=3.0)], 100)
    assert asked(history, "lag", 100) == [
        (Labels({NAME: "lag", "job": "streamwatch", "instance": "here:9308", "group": "x"}), 3.0)
    ]


def test_a_series_ends_when_its_source_does_not_say_it_any_more() -> None:
    history = History()
    history.append("a", [said(x=1.0, y=2.0)], 100)
    history.append("a", [said(x=1.0)], 110)
    assert by_group(asked(history, "lag", 109)) == {"x": 1.0, "y": 2.0}
    assert by_group(asked(history, "lag", 110)) == {"x": 1.0}
    assert by_group(asked(history, "count_over_time(lag[1m])", 110)) == {"x": 2.0, "y": 1.0}


def test_a_metric_without_series_costs_nothing_and_its_series_come_and_go() -> None:
    history = History(keep_ms=60_000)
    for at in range(100, 110):
        history.append("a", [said()], at)
    assert history.names() == {"lag"}
    assert asked(history, "lag", 109) == []
    assert history.size() == (0, 72), "the tick that says so"
    history.append("a", [said(x=1.0)], 110)
    history.append("a", [said(x=2.0)], 111)
    for at in range(112, 115):
        history.append("a", [said()], at)
    assert by_group(asked(history, "lag", 111)) == {"x": 2.0}
    assert asked(history, "lag", 112) == asked(history, "lag", 114) == []
    assert by_group(asked(history, "count_over_time(lag[1m])", 114)) == {"x": 2.0}
    history.append("a", [said(x=3.0)], 115)
    assert by_group(asked(history, "sum_over_time(lag[1m])", 115)) == {"x": 6.0}
    history.append("a", [said()], 300)
    assert asked(history, "sum_over_time(lag[1m])", 300) == []
    assert history.size()[0] == 0


def test_a_value_that_is_not_known_ends_the_series_too() -> None:
    history = History()
    history.append("a", [said(x=1.0)], 100)
    history.append("a", [said(x=math.nan)], 110)
    assert asked(history, "lag", 110) == []
    assert by_group(asked(history, "lag offset 10s", 110)) == {"x": 1.0}


def test_one_source_says_nothing_of_anothers_series() -> None:
    history = History()
    history.append("a", [said(x=1.0)], 100)
    history.append("b", [said(y=2.0)], 110)
    assert by_group(asked(history, "lag", 110)) == {"x": 1.0, "y": 2.0}
    history.end("a", 120)
    assert by_group(asked(history, "lag", 120)) == {"y": 2.0}


def test_of_a_series_that_two_sources_say_the_first_counts() -> None:
    history = History()
    history.append("a", [said(x=1.0)], 100)
    history.append("b", [said(x=7.0, y=2.0)], 100)
    assert by_group(asked(history, "lag", 100)) == {"x": 1.0, "y": 2.0}
    assert asked(history, "sum(lag)", 100) == [(Labels(), 3.0)]
    history.end("a", 101)
    assert by_group(asked(history, "lag", 101)) == {"x": 7.0, "y": 2.0}


def test_of_a_series_that_comes_twice_in_one_breath_the_first_counts() -> None:
    history = History()
    history.append("a", [said(x=1.0), said(x=7.0, y=2.0)], 100)
    assert by_group(asked(history, "lag", 100)) == {"x": 1.0, "y": 2.0}


def test_a_rate_survives_the_coming_and_going_of_others() -> None:
    history = History()
    history.append("a", [said(x=0.0)], 100)
    history.append("a", [said(y=5.0, x=60.0)], 160)
    history.append("a", [said(x=120.0, z=1.0)], 220)
    assert by_group(asked(history, "rate(lag[2m])", 220)) == {"x": 1.0}
    assert by_group(asked(history, "max_over_time(lag[3m])", 220)) == {"x": 120.0, "y": 5.0, "z": 1.0}


EXPRESSIONS = (
    "max_over_time(lag[1h])", "min_over_time(lag[10m])", "count_over_time(lag[1h])", "rate(lag[5m])",
    'sum_over_time(lag{group=~".*[05]"}[1h])', "last_over_time(lag[1h])", "changes(lag[1h])",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_a_past_in_pieces_is_the_same_past(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, history = random.Random(seed), History(keep_ms=3_600_000)
    alive = {f"g{number}" for number in range(100)}
    for at in range(300):
        alive -= set(chance.sample(sorted(alive), min(len(alive), chance.choice([0, 0, 1, 5, 60]))))
        alive |= {f"g{chance.randrange(2000)}" for _ in range(chance.choice([0, 1, 5, 40]))}
        values = {name: chance.choice([0.0, -0.0, math.nan, float(at), chance.random()]) for name in sorted(alive)}
        history.append("a", [each(dict(chance.sample(list(values.items()), len(values))))], 1000.0 + at)
    whole = {text: by_group(asked(history, text, 1300)) for text in EXPRESSIONS}
    monkeypatch.setattr(column, "_WHOLE_CELLS", 0)
    monkeypatch.setattr(column, "_PIECE_SERIES", chance.choice([1, 7, 64]))
    for text, expected in whole.items():
        found = by_group(asked(history, text, 1300))
        assert found.keys() == expected.keys(), text
        assert all(found[one] == expected[one] or math.isnan(expected[one]) for one in expected), text
        assert {one: math.copysign(1, value) for one, value in found.items()} == {
            one: math.copysign(1, value) for one, value in expected.items()
        }, text


def test_looking_back_where_series_come_and_go_takes_what_there_was() -> None:
    """An hour of a series a second that lives for 20 s is 72,000 samples, and 13 million places in a table."""
    history = History(keep_ms=3_600_000)
    for at in range(3600):
        history.append("a", [each({f"g{number}": float(at) for number in range(at, at + 20)})], 1000.0 + at)
    tracemalloc.start()
    try:
        found = asked(history, "max_over_time(lag[1h])", 4599)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(by_group(found)) == 3619
    assert peak < 20e6


def test_looking_back_to_a_few_of_many_series_takes_what_is_weighed() -> None:
    history, weighed = History(keep_ms=3_600_000), list[int]()
    for at in range(360):  # values that do not change are kept once
        names = range(20_000 if at < 180 else 14_000)
        history.append("a", [each({f"g{number:05}": 1.0 for number in names})], 1000.0 + at)
    wanted = [Matcher(NAME, "=", LAG.name), Matcher("group", "=~", "g000.*|g001.*")]
    for _ in history.blocks(wanted, 0, 2_000_000, newest=False):
        pass  # what is found out about label sets once
    tracemalloc.start()
    try:
        found = list(history.blocks(wanted, 0, 2_000_000, newest=False, weigh=weighed.append))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(weighed) == sum(block.values.size for block in found) == 200 * 360
    assert peak < 4 * 8 * sum(weighed)


def test_time_never_stands_still_within_a_source() -> None:
    history = History()
    assert [history.append("a", [said(x=float(at))], 100) for at in range(3)] == [100_000, 100_001, 100_002]
    assert by_group(asked(history, "lag", 101)) == {"x": 2.0}


def test_what_no_rule_looks_back_to_is_dropped() -> None:
    history = History(keep_ms=20_000)
    history.need({"lag": 60_000})
    for at in range(0, 200, 10):
        history.append("a", [said(x=float(at)), said(SIZE, x=float(at))], at)
    assert by_group(asked(history, "count_over_time(lag[10m])", 190)) == {"x": 7.0}
    assert by_group(asked(history, "count_over_time(size[10m])", 190)) == {"x": 3.0}


def test_what_was_true_at_the_horizon_is_still_known_there() -> None:
    history = History(keep_ms=20_000)
    for at in (0, 100, 110):
        history.append("a", [said(x=float(at))], at)
    assert by_group(asked(history, "lag", 95)) == {"x": 0.0}


def test_arrays_that_did_not_change_are_kept_once() -> None:
    history = History(keep_ms=600_000)
    keys = Keys(("group",), [(str(number),) for number in range(1000)])
    history.append("a", [LAG.samples(keys, np.ones(1000))], 0)
    series, once = history.size()
    assert series == 1000
    for at in range(1, 50):
        history.append("a", [LAG.samples(keys, np.ones(1000))], at)
    assert history.size()[1] - once == 49 * 72, "ticks without values of their own"


def test_a_metric_that_ended_leaves_nothing_behind() -> None:
    history = History(keep_ms=20_000)
    history.append("a", [said(x=1.0)], 0)
    for at in range(10, 60, 10):
        history.append("a", [said(SIZE, x=1.0)], at)
    assert history.names() == {"size"}


def test_nothing_is_kept_of_keys_that_are_gone() -> None:
    history, before = History(keep_ms=0), _alive()
    for at in range(40):
        history.append("a", [said(LAG, **{f"x{at}": 1.0})], at)
        asked(history, "sum by (group) (lag)", at)
        asked(history, "rate(lag[1m])", at)
    assert _alive() - before < 30


def _alive() -> int:
    gc.collect()
    return sum(isinstance(one, Keys) and one.names == ("group",) for one in gc.get_objects())


def test_what_a_rule_records_has_its_own_labels_only() -> None:
    history = History({"job": "streamwatch"})
    one, other = Labels({NAME: "r", "a": "1"}), Labels({NAME: "r", "b": "2"})
    history.record("rule", [(one, 1.0), (other, math.nan)], 1000)
    found = asked(history, "r", 1)
    assert isinstance(found, list)
    assert [labels for labels, _ in found] == [one, other]
    assert math.isnan(found[1][1])
    history.record("rule", [(one, 2.0)], 2000)
    assert asked(history, "r", 2) == [(one, 2.0)]


@pytest.mark.parametrize("expression", ["lag{group='x'}", "lag{group=~'x|y', group!='y'}", "{group='x'}"])
def test_matchers_choose(expression: str) -> None:
    history = History()
    history.append("a", [said(x=1.0, y=2.0)], 100)
    for _ in range(2):
        assert by_group(asked(history, expression, 100)) == {"x": 1.0}
    assert asked(history, "lag{none='x'}", 100) == []
    assert by_group(asked(history, "lag{none=''}", 100)) == {"x": 1.0, "y": 2.0}


def test_what_sources_had_that_have_ended_is_forgotten_when_nobody_looks_back_so_far() -> None:
    history = History()
    history.need({"size": 600_000})
    for second in range(50):
        name = f"source-{second}"
        history.append(name, [said(x=1.0), said(SIZE, x=2.0)], second)
        history.end(name, second + 0.5)
    history.append("lives", [said(x=3.0)], 50)

    history.append("lives", [said(x=3.0)], 200)
    assert by_group(asked(history, "count_over_time(size[5m])", 200)) == {"x": 1.0}, "somebody looks back so far"
    assert by_group(asked(history, "count_over_time(lag[3m])", 200)) == {"x": 2.0}

    for second in range(800, 1000, 10):
        history.append("lives", [said(x=3.0)], second)
    assert history.names() == {"lag"}
    assert set(history._metrics) == set(history._last_ms) == {"lives"}
    assert history._ended == set()
    assert history.size()[0] == 1
    assert history.size()[1] < 2000


def test_a_source_that_ended_and_comes_back_is_not_forgotten() -> None:
    history = History()
    history.append("a", [said(x=1.0)], 0)
    history.end("a", 1)
    history.append("a", [said(x=2.0)], 30)
    history.append("b", [said(y=1.0)], 120)
    assert by_group(asked(history, "lag", 120)) == {"x": 2.0, "y": 1.0}


def test_what_is_retained_of_a_metric_is_given_row_by_row_and_no_other_is_retained_for_it() -> None:
    history = History({"job": "streamwatch"}, keep_ms=20_000, retained_ms={"lag": 60_000})
    for second in range(100, 190, 10):
        history.append("a", [said(x=float(second), y=1.0) if second == 150 else said(x=float(second))], second)
        history.append("b", [said(SIZE, x=float(second))], second)
    past = history.past(LAG)
    assert past["x",] == [(float(at), float(at)) for at in range(120, 190, 10)]
    assert past["y",] == [(150.0, 1.0)]
    assert len(history.past(SIZE)["x",]) < len(past["x",])
    history.append("a", [said(x=math.nan)], 190)
    assert history.past(LAG)["x",][-1] == (180.0, 180.0), "what is not known is no value"
    assert history.past(replace(LAG, name="none")) == {}

"""Series in columns against series one by one: the same samples and expressions, the same answers."""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from sys import getsizeof
from typing import Any
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.model.labels import NAME, Labels
from streamwatch.model.metric import Keys, Metric, Samples, Tier
from streamwatch.promql.columns import KeyIndex, Rows, SeriesBlock, _row_bytes
from streamwatch.promql.evaluate import Evaluation, Options, evaluate
from streamwatch.promql.match import Matcher
from streamwatch.promql.parse import parse
from streamwatch.promql.ranges import FUNCTIONS
from streamwatch.samples.history import History
from tests.promql.answers import differ, ours
from tests.promql.hostile_expressions import Hostile, hostile_series
from tests.promql.memory import Memory, labels, samples
from tests.promql.random_expressions import Grammar, series

COUNT = int(os.environ.get("STREAMWATCH_FUZZ", "600"))
SEED = int(os.environ.get("STREAMWATCH_SEED", "11"))
_BATCH = 60

LISTED = (
    "memory", "memory > 3", "3 < memory", "memory * 2", "2 / memory", "-memory", "memory == bool 4", "{job=~'a|b'}",
    "sum(memory)", "avg by (job) (memory)", "min without (instance) (memory)", "max(memory)", "count by (job) (memory)",
    "group(memory)", "sum by (job) (rate(requests_total[2m]))", "increase(requests_total[1m])", "delta(memory[1m])",
    "irate(requests_total[1m])", "idelta(memory[1m])", "changes(memory[3m])", "resets(requests_total[5m])",
    "sum_over_time(memory[2m])", "avg_over_time(memory[2m])", "max_over_time(memory[2m] offset 1m)",
    "min_over_time(memory[2m] @ 300)", "count_over_time(memory[1m])", "last_over_time(memory[1m])",
    "present_over_time(memory[1m])", "avg(memory) + 1e300", "sum(memory * 1e308)", "avg(memory * 1e308)",
    "memory > time()", "memory + scalar(sum(memory))", "sum({__name__=~'.+'})", "-{__name__=~'memory|requests_total'}",
)  # fmt: skip


def columns(data: Mapping[str, str], keep_ms: int = 10_000_000) -> History:
    """Return a history in which one source said all these at each step; ``_`` is said by sources of their own.

    A tick speaks of all its series: one that is missing has ended, which ``_`` does not mean.
    """
    history = History(keep_ms=keep_ms)
    told = {labels(name): dict(zip(*samples(values), strict=True)) for name, values in data.items()}
    every = sorted({at for known in told.values() for at in known})
    gaps = {one for one, known in told.items() if len(known) < len(every)}
    for at in every:
        now = {one: known[at] for one, known in told.items() if at in known}
        history.record("all", [(one, value) for one, value in now.items() if one not in gaps], at)
        for one in gaps & now.keys():
            history.record(str(one), [(one, now[one])], at)
    return history


@pytest.mark.parametrize("delayed", [False, True], ids=["usual", "delayed"])
@pytest.mark.parametrize(("kind", "made"), [(Grammar, series), (Hostile, hostile_series)])
def test_random_expressions_are_the_same_both_ways(
    kind: type[Grammar], made: Callable[[random.Random], dict[str, str]], *, delayed: bool
) -> None:
    dice = random.Random(SEED)
    grammar = kind(dice)
    wrong = []
    for _ in range(0, COUNT, _BATCH):
        told = made(dice)
        memory, history = Memory(told), columns(told)
        for _ in range(_BATCH):
            expression, at = grammar.vector(dice.choice((1, 2, 3))), 15 * dice.randint(4, 70)
            one, other = (ours(expression, data, at, delayed_names=delayed) for data in (memory, history))
            if differ(one, other):
                wrong.append(f"{expression}  @ {at}s\n  one by one {one}\n  columns {other}")
    print(f"seed {SEED}: {COUNT} expressions, {len(wrong)} differences")  # noqa: T201 - the seed, to play it again
    assert not wrong, "\n".join(wrong[:5])


@pytest.mark.parametrize("expression", LISTED)
def test_listed_expressions_are_the_same_both_ways(expression: str) -> None:
    dice = random.Random(expression)
    for _ in range(5):
        data = series(dice)
        memory, history = Memory(data), columns(data)
        for at in (60, 300, 615, 900, 1050):
            assert not differ(ours(expression, memory, at), ours(expression, history, at)), (data, at)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_series_with_gaps_are_the_same_together_and_one_by_one(function: str) -> None:
    dice, differences = random.Random(SEED), []
    words = ("_", "_", "_", "0", "-0", "1", "2.5", "-3", "1e300", "-1e300", "+Inf", "-Inf", "NaN")
    for _ in range(40):
        usual = dice.choice((3, 9, len(words)))
        data = {
            f'some{{x="{at}"}}': " ".join(dice.choices(words[:usual] if at % 2 else words[3:8], k=30))
            for at in range(90)
        }
        memory, history = Memory(data), History(keep_ms=10_000_000)
        told = {labels(name): dict(zip(*samples(values), strict=True)) for name, values in data.items()}
        for at in sorted({at for known in told.values() for at in known}):
            history.record("all", [(one, known[at]) for one, known in told.items() if at in known], at)
        for seconds, at in ((30, 60), (100, 300), (600, 450)):
            one, other = (ours(f"{function}(some[{seconds}s])", each, at) for each in (memory, history))
            if differ(one, other):
                differences.append((seconds, at, one, other))
    assert not differences, differences[0]


def test_names_are_kept_where_only_they_tell_two_apart() -> None:
    history = columns({"one": "1 1 1", "two": "2 2 2"})
    assert ours("{__name__=~'one|two'} > 0", history, 30) == {
        Labels({NAME: "one"}): 1.0,
        Labels({NAME: "two"}): 2.0,
    }
    assert "same labelset" in str(ours("{__name__=~'one|two'} + 0", history, 30))


@pytest.mark.parametrize(
    "level",
    [
        "abs(one) and ({})",
        "({}) and abs(one)",
        "one - on (none) ({})",
        "one - ({})",
        "two - ({})",
        "-({{__name__=~'one|two'}} and ({}))",
        "one > on () group_left () ({})",
        "one + scalar({})",
    ],
)
def test_what_is_nested_is_evaluated_once_or_twice_and_not_at_every_level_anew(level: str) -> None:
    history = Counted(keep_ms=10_000_000)
    for name in ("one", "two"):
        history.record(name, [(labels(f'{name}{{x="{name}"}}'), 1.0)], 0)
    depth, expression = 20, "one"
    for _ in range(depth):
        expression = level.format(expression)
    evaluate(parse(expression), history, 0)
    assert history.asked <= 4 * depth * depth


class Counted(History):
    asked = 0

    def blocks(self, matchers: Sequence[Matcher], first_ms: int, last_ms: int, **how: Any) -> Iterator[SeriesBlock]:
        self.asked += 1
        return super().blocks(matchers, first_ms, last_ms, **how)


@pytest.mark.parametrize(
    ("expression", "least"),
    [
        ('label_replace(many, "y", "$1", "x", "(.*)")', 5),
        ('label_join(many, "y", "-", "x", "x")', 5),
        ("histogram_quantile(0.5, many)", 5),
        ('sum_over_time(count_values("x", vector(time()))[1000s:1s])', 1000 // 64 * 2),
    ],
)
def test_what_goes_one_by_one_is_looked_after(expression: str, least: int) -> None:
    history, looks = History(keep_ms=10_000_000), []
    history.record("all", [(Labels({NAME: "many", "x": str(at)}), 1.0) for at in range(20_000)], 1_000_000)
    evaluate(parse(expression), history, 1_000_000, Options(look=lambda: looks.append(1)))
    assert len(looks) >= least


ONE, TWO = (
    Metric(name=name, kind="gauge", unit="", labels=("c",), tier=Tier.TOPIC, help="Some.", question="How many?")
    for name in ("one", "two")
)
SMALL = [Keys(("c", "x"), [(f"c{at}", str(x)) for x in range(1 + at % 4)]) for at in range(8)]
OTHERS = [
    Keys(("c",), [("c1",)]),
    Keys(("c",), [("c8",)]),
    Keys(("x", "c"), [("0", "c3"), ("9", "c3")]),
    Keys(("c", "x"), [("large", str(x)) for x in range(200)]),
    Keys(("c", "x"), []),
]
ORDERED = (
    "one", "one > 1", "one{x!='0'}", "one{x=~'1|2|7'} < 2", "-one", "one * 2", "one - on (c, x) two", "one and two",
    "one unless on (c) two", "one or two", "one > on (c, x) two", "{__name__=~'one|two'}", "abs(one) + two",
    "one * on (c) group_left () max by (c) (two)", "sort(one)", "bottomk(3, one)", "timestamp(one)",
    "clamp_max(one, 1)",
)  # fmt: skip
IN_GROUPS = (
    "sum by (c) (one)", "avg by (x) (one)", "max without (x) (one)", "count(one)", "topk by (c) (1, one)",
    "sum by (c) (one) / sum by (c) (two)", "count_values('y', one)", "count by (c) (one > 0) or count by (c) (two)",
)  # fmt: skip
"""The order of groups is that of the keys, in which a series may come that has no sample."""


class Unlike:
    """The same samples; of two blocks that follow each other each has a label that the other has not, always empty."""

    def __init__(self, history: History) -> None:
        self.index = KeyIndex()
        self._history = history

    def blocks(self, *args: Any, **how: Any) -> Iterator[SeriesBlock]:
        for at, block in enumerate(self._history.blocks(*args, **how)):
            keys, fixed, index = block.rows.keys, block.rows.fixed, block.rows.index
            padded = Keys((*keys.names, f"none{at % 2}"), [(*row, "") for row in keys.rows])
            yield SeriesBlock(Rows(padded, fixed, index), block.times, block.values)


def of_sources(parts: Sequence[tuple[Keys, Sequence[float]]], absent: int = -1) -> History:
    """Return a history in which each source has these keys and values, and one does not have the second metric."""
    history = History({"job": "a"})
    for at, (keys, some) in enumerate(parts):
        values = np.resize(np.array(some), len(keys))
        listed = [Samples(ONE, keys, values), Samples(TWO, keys, values[::-1])]
        history.append(f"source{at}", listed[: 1 + (at != absent)], 100)
    return history


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*SMALL, *SMALL, *OTHERS]),
            st.lists(st.sampled_from((0.0, 1.0, 2.5, -3.0, float("inf"), float("nan"))), min_size=1, max_size=5),
        ),
        max_size=14,
    ),
    st.integers(-1, 14),
)
def test_sources_together_have_the_answers_of_each_by_itself(
    parts: list[tuple[Keys, list[float]]], absent: int
) -> None:
    history = of_sources(parts, absent)
    for expression in (*ORDERED, *IN_GROUPS):
        one, other, passing = (
            ours(expression, data, 100, is_passing=is_passing)
            for data, is_passing in ((Unlike(history), False), (history, False), (history, True))
        )
        assert not differ(one, other), expression
        assert not differ(one, passing), expression
        if expression in ORDERED:
            assert list(one) == list(other) == list(passing), expression


def test_metrics_of_the_same_sources_have_the_same_keys_in_each_evaluation() -> None:
    history = of_sources([(keys, [1.0]) for keys in SMALL])
    first, *others = (
        part
        for expression in ("one", "two", "one > 0", "one{x!='7'}")
        for part in Evaluation(history, Options(), 100_000, 100_000).frame(parse(expression), 100_000)
    )
    assert len(others) == 3
    assert all(part.rows.keys is first.rows.keys for part in others)


def test_parts_that_are_large_few_or_of_other_labels_stay_by_themselves() -> None:
    def sizes(parts: Sequence[Keys]) -> list[int]:
        history = of_sources([(keys, [1.0]) for keys in parts])
        frame = Evaluation(history, Options(), 100_000, 100_000).frame(parse("one"), 100_000)
        return [len(part.rows) for part in frame]

    large = OTHERS[3]
    assert sizes(SMALL) == [20]
    assert sizes(SMALL[:3]) == [1, 2, 3]
    assert sizes([*SMALL[:4], large, *SMALL[4:]]) == [10, 200, 10]
    assert sizes([*SMALL[:4], OTHERS[1], *SMALL[4:]]) == [10, 1, 10]


def test_keys_that_are_those_of_several_are_forgotten_when_nobody_asks_for_them() -> None:
    index = KeyIndex()
    keys = ref(index.together(SMALL))
    index.groups(index.together(SMALL), ["c"])
    index.forget_unasked()
    assert index.together(SMALL) is keys()
    index.forget_unasked()
    assert index.bytes > 0
    index.forget_unasked()
    assert keys() is None
    assert index.bytes == 0


def test_of_keys_that_are_others_each_time_the_last_are_kept() -> None:
    index, usual = KeyIndex(), tuple(SMALL)
    keys = index.together(usual)
    for at in range(300):
        index.together([*SMALL, Keys(("c", "x"), [("new", str(at))])])
        assert index.together(usual) is keys
    assert len(index._known[SMALL[0]].together) <= 64
    index.forget_unasked()
    assert len(index._known[SMALL[0]].together) == 1, "the others have parts that nobody has any more"


def test_keys_of_several_go_with_the_first_of_them() -> None:
    index, parts = KeyIndex(), [Keys(("c",), [(f"c{at}",)]) for at in range(5)]
    keys = ref(index.together(parts))
    assert index.together(parts) is keys()
    del parts
    assert keys() is None
    assert index.bytes == 0


def test_of_a_subquery_nothing_is_remembered() -> None:
    history = History({"job": "a"}, keep_ms=600_000)
    for at in range(60):  # each series is there at other times, so that each is a part by itself
        there = [(f"c{number}", "0") for number in range(40) if (at + number) % (2 + number % 7)]
        history.append("source", [Samples(ONE, Keys(("c", "x"), there), np.ones(len(there)))], at)
    for _ in range(20):
        evaluate(parse("max_over_time((one * 1)[30s:1s])"), history, 59_000)
    assert not any(known.together for known in history.index._known.values())


def test_what_answers_about_keys_take_is_counted_as_they_come() -> None:
    index, keys = KeyIndex(), Keys(("a", "b"), [(f"a{at}", f"b{at % 3}") for at in range(20)])
    for at in range(300):  # more than are kept
        index.select(keys, Labels({NAME: "m"}), [Matcher("a", "=", f"a{at}")])
        index.groups(keys, ["b"] * (at + 1))
    (known,) = index._known.values()
    assert len(known.selections) == len(known.groups) == 300 - 256
    selected = sum(getsizeof(found) for found in known.selections.values() if found is not None)
    assert selected > 0
    grouped = sum(
        getsizeof(codes) + _row_bytes(groups) for codes, groups in known.groups.values() if groups is not None
    )
    assert index.bytes == selected + grouped


def test_by_all_their_labels_rows_are_groups_as_they_are_and_do_not_keep_themselves_alive() -> None:
    index, keys = KeyIndex(), Keys(("a", "b"), [("x", "1"), ("x", "2"), ("y", "1")])
    codes, groups = index.groups(keys, ("a", "b"))
    assert groups is keys
    assert codes.tolist() == [0, 1, 2]
    assert index.bytes == getsizeof(codes)
    twice = Keys(("a", "b"), [("x", "1"), ("x", "1"), ("y", "1")])
    codes, own = index.groups(twice, ("a", "b"))
    assert codes.tolist() == [0, 0, 1]
    assert own.rows == (("x", "1"), ("y", "1"))
    gone = ref(keys)
    del keys, groups
    assert gone() is None


def test_series_that_come_and_go_are_parts_of_the_same_keys_and_become_one() -> None:
    history = History({"job": "a"}, keep_ms=600_000)
    for at in range(40):
        keys = Keys(("c", "x"), [(f"c{number}", "0") for number in range(at, at + 200)])
        history.append("source", [Samples(ONE, keys, np.arange(200.0) + at)], at)
    (part,) = Evaluation(history, Options(), 39_000, 39_000).frame(parse("count_over_time(one[30s])"), 39_000)
    found = {labels["c"]: value for labels, value in zip(part.rows.labels(), part.values.tolist(), strict=True)}
    assert found == {f"c{number}": min(30.0, number - 9.0, 239.0 - number) for number in range(10, 239)}

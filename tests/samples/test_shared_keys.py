"""Label sets that come and go: ticks share them, and what is kept is what is said to be kept."""

import gc
import sys
import tracemalloc
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from streamwatch.model.metric import Keys, Metric, Samples, Tier
from streamwatch.promql.columns import KeyIndex
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Value
from streamwatch.samples.history import History
from streamwatch.samples.shared_keys import KeySharing, SharedKeys

LABELS = ("topic", "partition")
END, START = (
    Metric(name=name, kind="gauge", unit="", labels=LABELS, tier=Tier.PARTITION, help="Offset.", question="Where?")
    for name in ("end", "start")
)
STANDING, PARTITIONS, PASSING = 20, 5, 5
KEPT_SECONDS = 60


def rows(tick: int) -> list[tuple[str, str]]:
    """Return what there is: topics that stand, and some of which one comes and one goes a tick."""
    topics = [*(f"standing-{at}" for at in range(STANDING)), *(f"passing-{tick + at}" for at in range(PASSING))]
    numbers = [str(at) for at in range(PARTITIONS)]
    return [(topic, number) for topic in sorted(topics) for number in numbers]


def churn() -> Iterator[list[Samples]]:
    """Yield samples of two metrics of the same entities, tick after tick."""
    for tick in count():
        keys = Keys(LABELS, rows(tick))
        ends = np.arange(len(keys), dtype=np.float64) + tick
        yield [END.samples(keys, ends), START.samples(keys, np.zeros(len(keys)))]


def asked(history: History, expression: str, at: int) -> Value:
    return evaluate(parse(expression), history, at * 1000)


def test_what_comes_and_goes_is_answered_as_if_each_tick_had_its_own_keys() -> None:
    history, ticks = History(keep_ms=KEPT_SECONDS * 1000), churn()
    for at in range(200):
        history.append("a", next(ticks), at)
    there = asked(history, "end", 199)
    assert isinstance(there, list)
    assert {(labels["topic"], labels["partition"]): value for labels, value in there} == {
        row: at + 199.0 for at, row in enumerate(rows(199))
    }
    counted = asked(history, "count_over_time(end[50s])", 199)
    assert isinstance(counted, list)
    found = {labels["topic"]: value for labels, value in counted if labels["partition"] == "3"}
    assert found["standing-7"] == 50
    assert found["passing-203"] == 1
    assert found["passing-180"] == 5
    assert found["passing-152"] == 3, "it was there from tick 148 to 152, and the first of them are too long ago"
    assert "passing-149" not in found


def test_bytes_are_what_the_history_holds() -> None:
    def grown(seconds: int) -> History:
        history, ticks = History(keep_ms=KEPT_SECONDS * 1000), churn()
        for at in range(seconds):
            history.append("a", next(ticks), at)
            if at % 20 == 0:
                asked(history, "sum(rate(end[20s]))", at)
        return history

    grown(21)  # what is imported and cached for good
    gc.collect()
    tracemalloc.start()
    try:
        history = grown(2 * KEPT_SECONDS)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert history.size()[1] == pytest.approx(held, rel=0.1)


def test_bytes_are_what_keys_of_several_take() -> None:
    index, parts = KeyIndex(), [Keys(LABELS, rows(tick)) for tick in range(100)]
    index.together(parts[50:])
    gc.collect()
    before = index.bytes
    tracemalloc.start()
    try:
        kept = [index.together(parts[at:]) for at in range(20)]
        kept.clear()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert index.bytes - before == pytest.approx(held, rel=0.1)


def test_a_tick_with_a_few_keys_more_or_less_has_no_keys_of_its_own() -> None:
    history, ticks, seen = History(keep_ms=KEPT_SECONDS * 1000), churn(), set[int]()
    for at in range(KEPT_SECONDS):
        history.append("a", next(ticks), at)
        seen |= {id(tick.shared) for tick in history._columns["end"]["a"].ticks}
    assert len(seen) <= KEPT_SECONDS // 4
    ends, starts = (history._columns[name]["a"].ticks for name in ("end", "start"))
    assert [tick.shared for tick in ends] == [tick.shared for tick in starts], "both metrics share them"


def test_when_nothing_comes_and_goes_any_more_the_keys_are_the_sources_own_again() -> None:
    history, ticks = History(keep_ms=10_000), churn()
    for at in range(20):
        last = next(ticks)
        history.append("a", last, at)
    for at in range(20, 120):
        history.append("a", last, at)
    shared = history._columns["end"]["a"].ticks[-1].shared
    assert shared is not None
    assert shared.keys.rows is last[0].keys.rows
    assert len({id(tick.values) for tick in history._columns["end"]["a"].ticks}) == 1


def test_shared_keys_grow_and_what_is_gone_keeps_its_place() -> None:
    shared = SharedKeys(Keys(("x",), [("a",), ("b",)]))
    placed = shared.place(Keys(("x",), [("c",), ("b",)]))
    assert placed is not None
    assert shared.keys.rows == (("a",), ("b",), ("c",))
    assert placed.places is not None
    assert placed.places.tolist() == [2, 1]
    assert np.isnan(placed.spread(np.array([3.0, 2.0]))).tolist() == [True, False, False]


@pytest.mark.parametrize(
    "other",
    [
        Keys(("y",), [("a",)]),
        Keys(("x",), [("a",)]),
        Keys(("x",), [(f"{at}",) for at in range(0, 100, 2)] + [("new",), ("new",)]),
    ],
    ids=["other labels", "most are gone", "one comes twice"],
)
def test_keys_that_do_not_fit_are_not_shared(other: Keys) -> None:
    shared = SharedKeys(Keys(("x",), [(f"{at}",) for at in range(60)]))
    assert shared.place(other) is None
    assert KeySharing().place(other, shared).shared.keys.rows == other.rows


def test_a_row_that_many_lists_have_is_there_once_and_counted_once() -> None:
    history, ticks = History(keep_ms=600_000), churn()
    for at in range(700):  # each tick's rows and texts are new objects, as those of a read are
        history.append("a", next(ticks), at)
    del ticks
    lists = list(history._sharing["a"]._alive)
    there = {id(row): row for shared in lists for row in shared.keys.rows}
    assert len(lists) > 80
    assert len(there) <= len(set(there.values())) + 2 * len(rows(0)), "but for the newest, which the reader has, too"
    texts = {id(text): text for row in there.values() for text in row if len(text) > 1}
    taken = sum(map(sys.getsizeof, texts.values())) + sum(sys.getsizeof(row) + 16 for row in there.values())
    taken += sum(sys.getsizeof(shared.keys.rows) for shared in lists)
    assert sum(shared.bytes for shared in lists) == pytest.approx(taken, rel=0.02)


def test_what_was_found_out_about_keys_is_forgotten_when_nobody_asks_for_it_any_more() -> None:
    history, ticks = History(keep_ms=600_000), churn()
    for at in range(600):
        history.append("a", next(ticks), at)
        if at % 3 == 0:
            asked(history, "sum by (topic) (max_over_time(end[600s]))", at)
    column = history._columns["end"]["a"]
    lists = {id(one.shared) for one in column.between(0, 600_000)}
    newest = column.ticks[-1].shared
    assert len(lists) > 80, "it looks back to many"
    assert {shared for shared in history._sharing["a"]._alive if shared.unions} <= {newest}
    assert len(history.index._known) <= 2, "what one evaluation asks about"


def test_a_union_that_somebody_asks_for_stays_the_same_object() -> None:
    first, second = Keys(("x",), [("a",)]), Keys(("x",), [("b",)])
    shared = SharedKeys(second)
    union = shared.union([first, shared.keys])
    for _ in range(3):
        shared.forget_unasked()
        assert shared.union([first, shared.keys]) is union
    shared.forget_unasked()
    shared.forget_unasked()
    assert not shared.unions


def test_of_a_range_that_moves_on_only_the_present_union_is_kept() -> None:
    sharing, keys = KeySharing(), Keys(("x",), [("z",)])
    older = [Keys(("x",), [(f"{at}",)]) for at in range(8)]
    shared = sharing.place(keys, None).shared
    for start in range(len(older)):  # the oldest list is out of the range, then the next one
        for _ in range(10):
            sharing.turn()
            assert sharing.place(keys, shared).shared is shared
            union = shared.union([*older[start:], shared.keys])
    assert list(shared.unions.values()) == [union]

"""Ticks of a while ago lie together in chunks: what is answered is the same, and it takes less."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.model.labels import Labels
from streamwatch.model.metric import Keys
from streamwatch.promql.columns import Ints
from streamwatch.promql.series import STALE, is_stale
from streamwatch.samples import column as columns
from streamwatch.samples.column import Column
from streamwatch.samples.history import History
from streamwatch.samples.shared_keys import KeySharing
from streamwatch.samples.ticks import Tick, TickChunk, chunks, tick_bytes
from tests.samples.test_history import LAG

ROWS = tuple((f"{at:02}",) for at in range(12))
HORIZON = 40
READS = st.lists(
    st.tuples(st.integers(1, 3), st.sets(st.sampled_from(ROWS), max_size=12), st.integers(0, 2)),
    min_size=1,
    max_size=90,
)
"""Seconds since the read before, which series there are, and a value; few, so that some reads equal the one before."""


def filled(reads: Sequence[tuple[int, set[tuple[str]], int]], most: int) -> Column:
    """Return a column of these reads, of which so many become chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_CHUNK_TICKS", most)
        column, sharing, at = Column(Labels({})), KeySharing(), 0
        for passed, rows, value in reads:
            at += passed
            sharing.turn()
            there = sorted(rows)
            values = np.array([float(value) if row[0] < "06" else float(at) for row in there])
            column.append(at, [(Keys(("x",), there), values)], sharing, HORIZON)
    return column


def answered(column: Column, first: int, last: int, index: Ints | None) -> dict[str, list[tuple[int, float]]]:
    """Return the samples in a range of time, by series."""
    stack = column.stacked(column.between(first, last))
    found: dict[str, list[tuple[int, float]]] = {}
    if stack is None:
        return found
    index = None if index is None else index[index < len(stack.keys)]
    for piece in stack.pieces(index):
        taken = range(len(stack.keys)) if piece.index is None else piece.index.tolist()
        for place, values in zip(taken, piece.values.T, strict=True):
            there = np.array([not is_stale(value) for value in values])
            if there.any():
                samples = list(zip(piece.times[there].tolist(), values[there].tolist(), strict=True))
                found.setdefault(stack.keys.rows[place][0], []).extend(samples)
    return found


@pytest.mark.parametrize("whole_cells", [0, 1 << 16])
@pytest.mark.parametrize("most", [1, 3, 8])
@given(reads=READS, data=st.data())
def test_what_is_answered_of_chunks_is_what_is_answered_of_ticks(
    whole_cells: int, most: int, reads: list[tuple[int, set[tuple[str]], int]], data: st.DataObject
) -> None:
    single, together = filled(reads, 1_000), filled(reads, most)
    assert not single.chunks
    end = single.ticks[-1].at_ms
    first, last = sorted(data.draw(st.tuples(*[st.integers(max(0, end - HORIZON), end + 1)] * 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "_WHOLE_CELLS", whole_cells)
        patch.setattr(columns, "_PIECE_SERIES", 4)
        assert answered(together, first, last, None) == answered(single, first, last, None)

    for newest, expected in zip(together.newest(0, last), single.newest(0, last), strict=True):
        assert (newest.at_ms, newest.shared is None) == (expected.at_ms, expected.shared is None)
        width = min(newest.width, expected.width)
        assert newest.values[:width].tobytes() == expected.values[:width].tobytes()
        assert all(map(is_stale, (*newest.values[width:], *expected.values[width:])))


@pytest.mark.parametrize("passed", [1, 2, 12, 40, 64, 1000])
@pytest.mark.parametrize("width", [1, 20, 129, 2000, 40_000])
def test_values_are_there_once_and_the_bytes_are_those_of_what_is_there(width: int, passed: int) -> None:
    """Values that change each so many ticks."""
    history, keys = History(keep_ms=1_000_000), Keys(("group",), [(f"g{at:04}",) for at in range(width)])
    for at in range(300):
        history.append("a", [LAG.samples(keys, np.full(width, at // passed + 0.5))], at)
    column = history._columns["lag"]["a"]
    arrays = [one.values if isinstance(one, Tick) else one.different for one in (*column.chunks, *column.ticks)]
    roots = {id(root): root for root in (one if one.base is None else one.base for one in arrays)}
    really = sum(root.nbytes for root in roots.values())
    ticks, once = 300, -(-300 // passed) * width * 8
    assert column.held - ticks * 360 <= really <= column.held, (
        "besides a tick's time, and its array or share of a chunk"
    )
    if width > 128:
        assert really == once
    else:
        assert really <= once + 2 * ticks // 32 * width * 8, "those that two chunks have are there twice"


@pytest.mark.parametrize("most", [1, 3, 8])
@given(reads=READS)
def test_nothing_is_counted_of_what_is_dropped(most: int, reads: list[tuple[int, set[tuple[str]], int]]) -> None:
    column = filled(reads, most)
    column.end(column.ticks[-1].at_ms + 1)
    column.prune(column.ticks[-1].at_ms)
    assert (column.is_over, column.held) == (True, tick_bytes(None))


def test_an_hour_of_one_value_a_second_takes_a_sixth() -> None:
    history = History(keep_ms=3_600_000)
    for at in range(3600):
        history.append("a", [LAG.samples(Keys(("group",), [("g",)]), np.array([float(at)]))], at)
    assert history.size()[1] < 3600 * (tick_bytes(np.zeros(1))) / 6


def test_a_chunk_is_no_larger_than_so_many_values_but_for_one_tick() -> None:
    shared = filled([(1, set(ROWS), 1)], 8).ticks[0].shared
    wide = [Tick(at, shared, np.full(40_000, float(at))) for at in range(4)]
    assert list(chunks(wide, None)) == wide[:-1]
    some = [Tick(at, shared, np.full(20_000, float(at))) for at in range(6)]
    assert [len(one) for one in chunks(some, None)] == [3, 2]


def test_values_that_never_change_are_there_once() -> None:
    history, keys = History(keep_ms=3_600_000), Keys(("group",), [(f"g{at}",) for at in range(10_000)])
    values = np.ones(len(keys))
    for at in range(1000):
        history.append("a", [LAG.samples(keys, values.copy())], at)
    column = history._columns["lag"]["a"]
    assert column.held < 2 * values.nbytes + 1000 * tick_bytes(None)


def test_a_chunk_whose_end_only_is_asked_for_shows_no_more() -> None:
    times, taken = np.array([10, 20, 30]), np.array([0, 0, 1], dtype=np.int32)
    chunk = TickChunk(10, 30, times, None, np.array([[1.0], [2.0]]), taken)
    part = chunk.between(15, 40)
    assert part is not None
    assert chunk.between(21, 29) is None
    assert (part.times.tolist(), part.rows().tolist()) == ([20, 30], [[1.0], [2.0]])
    assert chunk.newest(29).values.tolist() == [1.0]


SMALL = [0.0, 1.0, 2.0, 254.0, STALE]
OTHERS = [255.0, -0.0, -1.0, 0.5, 1e300, np.inf, np.nan]


@given(st.lists(st.lists(st.sampled_from([*SMALL, *SMALL, *OTHERS]), min_size=3, max_size=3), min_size=2, max_size=6))
def test_a_chunk_has_the_very_values_of_its_ticks(rows: list[list[float]]) -> None:
    shared = filled([(1, set(ROWS), 1)], 8).ticks[0].shared
    ticks = [Tick(at, shared, np.array(row)) for at, row in enumerate([*rows, [0.5] * 3])]
    (chunk,) = chunks(ticks, None)
    assert isinstance(chunk, TickChunk)
    assert chunk.rows().tobytes() == np.array(rows).tobytes()
    assert chunk.rows(np.array([2, 0])).tobytes() == np.array(rows)[:, [2, 0]].tobytes()
    assert [chunk.newest(at).values.tobytes() for at in range(len(rows))] == [np.array(row).tobytes() for row in rows]


def test_small_integers_take_an_eighth() -> None:
    history, keys = History(keep_ms=3_600_000), Keys(("group",), [(f"g{at:04}",) for at in range(1000)])
    for at in range(3200):
        history.append("a", [LAG.samples(keys, np.full(len(keys), float(at % 7)))], at)
    column = history._columns["lag"]["a"]
    arrays = [one.values if isinstance(one, Tick) else one.different for one in (*column.chunks, *column.ticks)]
    assert column.held - 3200 * 360 <= sum(array.nbytes for array in arrays) <= column.held
    assert column.held < 3200 * len(keys) * 1.1

"""Who may silence, and does so without end: it costs a bounded part of memory and of the state file."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.notify import silence_store
from streamwatch.notify.silence import Silence
from streamwatch.notify.silencing import PostedSilence, write
from streamwatch.pair.adopt import adopt_silences
from streamwatch.state.statefile import StateFile

LASTS = 60.0
MOST = 50
"""As many as 2,000 would take half a minute to write, each by itself: one test has so many."""
COPY = """
    INSERT INTO silences (matchers, until, by, comment, starts, updated)
    WITH RECURSIVE copies(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM copies WHERE number < :count)
    SELECT matchers, until, by, comment, starts, updated FROM silences, copies
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StateFile]:
    monkeypatch.setattr(silence_store, "_MOST_SILENCES", MOST)
    made = open_state(tmp_path / "state.db", lambda _: None, ManualClock(0.0))
    yield made
    made.close()


def posted(name: str, now: float, comment: str = "") -> PostedSilence:
    return PostedSilence(None, (f'alertname="{name}"',), now, now + LASTS, "", comment)


def filled(connection: sqlite3.Connection, count: int, now: float, comment: str = "") -> Silence:
    """Write silences, and return the last one."""
    return [write(connection, posted(f"a{number}", now, comment), now) for number in range(count)][-1]


def kept(state: StateFile) -> list[Silence]:
    return state.read(lambda connection: silence_store.ended_after(connection, 0.0))


def test_two_thousand_hold_and_no_more(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state.db", lambda _: None, ManualClock(0.0))
    try:
        state.write(partial(filled, count=1, now=0.0))
        state.write(lambda connection: connection.execute(COPY, {"count": 1998}).rowcount)
        state.write(partial(filled, count=1, now=0.0))
        with pytest.raises(ValueError, match="2000 silences hold already"):
            state.write(partial(filled, count=1, now=0.0))
        assert len(kept(state)) == 2000
    finally:
        state.close()


@pytest.mark.parametrize(("size", "most"), [(10, MOST), (2**20, 4)])
def test_silences_without_end_are_refused_and_few_of_those_that_ended_are_kept(
    state: StateFile, size: int, most: int
) -> None:
    for now in (0.0, 100.0, 200.0, 300.0):
        state.write(partial(filled, count=most, now=now, comment="x" * size))
        with pytest.raises(ValueError, match=f"{most} silences hold already"):
            state.write(partial(filled, count=1, now=now))
    assert most < len(kept(state)) <= 2 * most
    assert {one.until for one in kept(state)} == {200.0 + LASTS, 300.0 + LASTS}, "the newest of those that ended"


def test_where_there_is_no_room_one_can_be_changed_and_ended(state: StateFile) -> None:
    last = state.write(partial(filled, count=MOST, now=0.0))
    longer = replace(posted(f"a{MOST - 1}", 0.0), number=last.number, until=90.0)
    assert state.write(partial(write, wanted=longer, now=0.0)).until == 90.0
    instead = state.write(partial(write, wanted=replace(posted("another", 1.0), number=last.number), now=1.0))
    assert instead.number != last.number, "the one that it takes the place of has ended"
    assert state.write(lambda connection: silence_store.end(connection, instead.number, 2.0))
    state.write(partial(filled, count=1, now=3.0))


def test_a_peer_keeps_no_more_of_those_that_ended(state: StateFile, tmp_path: Path) -> None:
    peer = open_state(tmp_path / "peer.db", lambda _: None, ManualClock(0.0))
    try:
        for number in range(4 * MOST):
            now = float(number)
            made = state.write(partial(filled, count=1, now=now))
            for ended in (False, True):
                if ended:
                    state.write(partial(silence_store.end, number=made.number, now=now + 0.5))
                theirs = state.read(lambda connection: silence_store.ended_after(connection, -1.0))
                peer.write(partial(adopt_silences, theirs=theirs, now=now + 0.6))
                assert {one.until for one in kept(peer)} >= {one.until for one in theirs[-1:]}
        assert len(kept(peer)) <= MOST + 1
        fresh = kept(state)
        assert not state.write(partial(adopt_silences, theirs=kept(peer), now=now + 1)), "nothing goes round and round"
        assert kept(state) == fresh
    finally:
        peer.close()

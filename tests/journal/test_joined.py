"""Changes that come again and again are one entry, of which all that it says is so."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.journal import store
from streamwatch.journal.kinds import KINDS, Difference, changes, moved, sentence
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry
from tests.journal.test_journal import Life
from tests.journal.test_kafka import STABLE, at, read

JOINED: Final = {name: kind for name, kind in KINDS.items() if kind.joins}
FROM_TO: Final = sorted(name for name, kind in JOINED.items() if "{before}" in kind.sentence)
MOVES: Final = sorted(JOINED.keys() - set(FROM_TO))
VALUES: Final = st.lists(st.sampled_from(["1", "2", "3"]), min_size=3, max_size=6).filter(
    lambda values: all(one != other for one, other in pairwise(values))
)


def joined(kind: str, steps: Sequence[tuple[str, str]]) -> JournalEntry:
    """Return the only entry of changes before and after which it was so, 15 s apart."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in store.TABLES.versions.values():
            for statement in statements:
                connection.execute(statement)
        for i, (before, after) in enumerate(steps):
            made = changes([Difference(kind, "it", before, after)], "here", 15.0 * i, 15.0 * i)
            store.add(connection, made, 300.0)
        (found,) = store.select(connection, Question(until=1e9))
    return found


@given(kind=st.sampled_from(FROM_TO), values=VALUES)
def test_what_it_was_first_and_what_it_is_now(kind: str, values: list[str]) -> None:
    found = joined(kind, list(pairwise(values)))
    assert (found.before, found.after, found.count) == (values[0], values[-1], len(values) - 1)
    is_as_before = values[0] == values[-1]
    said = f"it: {values[0]} again" if is_as_before else sentence(kind, "it", values[0], values[-1])
    assert found.sentence == f"{said} ({found.count} changes in {15 * (found.count - 1)} s)"


@given(kind=st.sampled_from(MOVES), by=st.lists(st.integers(1, 10**12), min_size=2, max_size=6))
def test_of_amounts_the_largest_and_of_how_many(kind: str, by: list[int]) -> None:
    texts = [moved(records, i, f"topic t{i}") for i, records in enumerate(by)]
    found = joined(kind, [("", text) for text in texts])
    most = texts[by.index(max(by))]
    assert (found.after, found.count) == (most, len(by))
    times = f"{len(by)} changes in {15 * (len(by) - 1)} s"
    assert found.sentence == f"{sentence(kind, 'it', '', most)}, the most of {times}"


def test_a_group_that_is_set_back_twice_is_not_said_to_be_set_back_by_the_last_amount_alone(tmp_path: Path) -> None:
    life = Life(tmp_path)
    with closing(life.state):
        for offset in (500, 100, 40):
            life.look(at(offset))
        (found,) = life.changes()

    said = "positions of group g were set back: by 400 records in 1 partition of topic orders"
    assert found.sentence == f"{said}, the most of 2 changes in 15 s"


@pytest.mark.parametrize("kind", sorted(JOINED))
def test_what_a_kind_that_joins_says_is_one_of_two_ways(kind: str) -> None:
    places = re.findall(r"\{(\w+)\}", KINDS[kind].sentence)
    assert sorted(places) in (["after", "before", "subject"], ["after", "subject"])


def test_many_at_once_are_not_joined_since_no_one_thing_is_said_of_them(tmp_path: Path) -> None:
    life = Life(tmp_path)
    names = [f"g{i}" for i in range(30)]
    with closing(life.state):
        for members in (3, 4, 5):
            life.look(read(groups=[replace(STABLE, name=name, members=members) for name in names]))
        found = life.changes()

    assert [each.count for each in found] == [30, 30]
    assert ["members instead of 4" in each.sentence for each in found] == [False, True]
    assert not any("none" in each.sentence for each in found)

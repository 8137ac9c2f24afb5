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


def entries(reads: Sequence[Sequence[Difference]]) -> list[JournalEntry]:
    """Return the entries of what reads 15 s apart showed, the oldest first."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in store.TABLES.versions.values():
            for statement in statements:
                connection.execute(statement)
        for i, differences in enumerate(reads):
            store.add(connection, changes(differences, "here", 15.0 * i, 15.0 * i), 300.0)
        return store.select(connection, Question(until=1e9))[::-1]


def joined(kind: str, steps: Sequence[tuple[str, str]]) -> JournalEntry:
    """Return the only entry of changes before and after which it was so, 15 s apart."""
    (found,) = entries([[Difference(kind, "it", before, after)] for before, after in steps])
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


def test_many_at_once_that_change_again_are_one_entry_that_has_no_before(tmp_path: Path) -> None:
    life = Life(tmp_path)
    names = [f"g{i}" for i in range(30)]
    with closing(life.state):
        for members in (3, 4, 5):
            life.look(read(groups=[replace(STABLE, name=name, members=members) for name in names]))
        (found,) = life.changes()

    assert (found.count, found.before, found.after, found.until - found.at) == (60, "", "", 15.0)
    listed = "g0, g1, g10, g11, g12 and 25 more"
    said = f"group g0 has 5 members instead of 4; the same, or alike, of 30 at once: {listed} (60 changes in 15 s)"
    assert (found.sentence, found.subject) == (said, listed)


@pytest.mark.parametrize(
    ("sizes", "most"),
    [([20], 20), ([21], 1), ([21, 25, 23], 1), ([20, 21], 20 + 1)],
    ids=["few", "many", "now more, now fewer", "now few, now many"],
)
def test_an_hour_of_things_that_flap_fills_no_journal(sizes: list[int], most: int) -> None:
    def flaps(i: int) -> list[Difference]:
        before, after = [("3", "4"), ("4", "3")][i % 2]
        return [Difference("group.members", f"g{j}", before, after) for j in range(sizes[i % len(sizes)])]

    reads = [flaps(i) for i in range(240)]
    found = entries(reads)
    assert len(found) == most
    assert sum(each.count for each in found) == sum(map(len, reads))
    for each in found:
        assert each.subject in each.sentence


def test_many_that_flap_for_longer_than_an_hour_are_another_entry() -> None:
    flaps = [Difference("group.members", f"g{j}", "3", "4") for j in range(21)]
    found = entries([flaps] * 480)
    assert [each.until - each.at for each in found] == [3600.0, 480 * 15 - 3600.0 - 30.0]


def test_of_many_kinds_each_is_joined_with_its_own() -> None:
    kinds = ("group.members", "group.set_back", "group.state")
    read_of = [Difference(kind, f"g{j}", "", moved(5, 1, "topic t")) for kind in kinds for j in range(21)]
    found = entries([read_of] * 3)
    assert [(each.kind, each.count) for each in found] == [(kind, 63) for kind in kinds]


@pytest.mark.parametrize("kind", MOVES)
def test_an_amount_is_not_said_to_be_the_most_where_it_may_have_been_more_among_many(kind: str) -> None:
    def by(records: int, things: int) -> list[Difference]:
        return [Difference(kind, f"g{j}", after=moved(records, 1, "topic t")) for j in range(things)]

    found = entries([by(100, 1), by(9000, 30), by(50, 1), by(8000, 30), by(10, 1), by(70, 1)])
    said = [(each.count, each.sentence.partition("by ")[2]) for each in found]
    assert [count for count, _ in said] == [1, 60, 1, 2]
    assert ["the most of" in text for _, text in said] == [False, False, False, True]
    assert said[-1][1].startswith("70 records")


@pytest.mark.parametrize("kind", FROM_TO)
def test_what_it_was_first_and_is_now_holds_whatever_was_many_in_between(kind: str) -> None:
    def to(before: str, after: str, things: int) -> list[Difference]:
        return [Difference(kind, f"g{j}", before, after) for j in range(things)]

    alone, _ = entries([to("1", "2", 1), to("2", "3", 30), to("3", "4", 1)])
    assert alone.sentence == f"{sentence(kind, 'g0', '1', '4')} (2 changes in 30 s)"

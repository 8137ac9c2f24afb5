"""Values, and which columns have room."""

from dataclasses import replace

import pytest

from streamwatch.cli.top.listing import Listing
from streamwatch.cli.top.poll import ALL_LISTINGS
from streamwatch.cli.top.queries import NAME, Selection
from streamwatch.cli.top.rows import Cell, TopRow
from streamwatch.cli.top.table import fitted, header, line
from streamwatch.cli.top.units import Unit, cut_middle, plain, width_of, written

INF = float("inf")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "count", "?"),
        (float("nan"), "seconds", "?"),
        (0.0, "count", "0"),
        (99_999.0, "count", "99,999"),
        (1_234_567.0, "records", "1.2M"),
        (-5.0, "records", "-5"),
        (0.5, "seconds", "0.5s"),
        (59.7, "seconds", "1m00s"),
        (3_725.0, "seconds", "1h02m"),
        (604_800.0, "seconds", "7d00h"),
        (-90.0, "seconds", "-1m30s"),
        (INF, "seconds", "no limit"),
        (0.0, "bytes", "0B"),
        (1536.0, "bytes", "1.5KiB"),
        (2.0**40 * 20, "bytes", "20TiB"),
        (0.004, "ratio", "0.4%"),
        (0.87, "ratio", "87%"),
        (42.4, "per second", "42/s"),
        (0.25, "per second", "0.2/s"),
        (2.5e6, "bytes per second", "2.4MiB/s"),
    ],
)
def test_values_have_their_unit_and_what_is_not_known_is_no_0(value: float | None, unit: Unit, text: str) -> None:
    assert written(value, unit) == text


def test_no_text_of_an_agent_reaches_the_terminal_as_a_control() -> None:
    assert plain("a\x1b[2J\nb\x9b\x07") == "a [2J b  "


def test_a_name_that_has_no_room_keeps_both_its_ends() -> None:
    short = cut_middle("orders-of-all-our-customers-in-europe-v2", 20)

    assert (width_of(short), short[:6], short[-3:]) == (20, "orders", "-v2")


def row(listing: Listing, name: str, cell: Cell) -> TopRow:
    key = (*("shop" for _ in listing.keys[1:]), name)
    labels = dict(zip(listing.keys, key, strict=True))
    return TopRow(key, {column.title: cell for column in listing.columns}, "good", "", labels)


@pytest.mark.parametrize("listing", ALL_LISTINGS.values(), ids=lambda listing: listing.title)
@pytest.mark.parametrize("width", [40, 80, 132, 200])
@pytest.mark.parametrize("name", ["a", "orders-" * 5, "x" * 249])
def test_lines_are_as_wide_as_the_window_and_what_matters_most_is_there(
    listing: Listing, width: int, name: str
) -> None:
    numbers, texts = Cell("1,234", 1234.0), Cell("many words " * 9)
    known = row(listing, name, numbers)
    known = replace(known, cells={c.title: texts if c.is_text else numbers for c in listing.columns})

    columns = fitted(listing, [known], width, Selection())
    shown = [header(columns, listing, Selection(), width), line(known, columns, width, is_selected=True)]

    texts_of = ["".join(text for text, _ in each) for each in shown]
    if width >= 80:
        assert [width_of(text) for text in texts_of] == [width, width]
        always = {column.title for column in listing.columns if column.rank == 0}
        assert always <= {each.column.title for each in columns}
        assert texts_of[1].count("1,234") == sum(not each.column.is_text for each in columns)


def test_a_wider_window_has_more_columns_and_the_one_that_is_sorted_by_is_always_there() -> None:
    listing = ALL_LISTINGS["brokers"]
    some = [row(listing, "1", Cell("123", 123.0))]

    narrow, wide = (fitted(listing, some, width, Selection()) for width in (80, 200))
    by_rack = fitted(listing, some, 80, Selection(sort="rack"))

    assert {each.column.title for each in narrow} < {each.column.title for each in wide}
    assert "rack" in {each.column.title for each in by_rack}
    assert narrow[0].column.title == NAME


def test_of_several_clusters_each_row_says_which() -> None:
    listing = ALL_LISTINGS["topics"]
    ours = row(listing, "orders", Cell("1", 1.0))
    others = replace(ours, key=("backup", "orders"), labels={"kafka_cluster": "backup", "topic": "orders"})

    assert "cluster" in {each.column.title for each in fitted(listing, [ours, others], 80, Selection())}
    assert "cluster" not in {each.column.title for each in fitted(listing, [ours], 80, Selection())}

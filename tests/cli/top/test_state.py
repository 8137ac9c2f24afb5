"""What keys do."""

import pytest

from streamwatch.cli.top.queries import Selection
from streamwatch.cli.top.rows import Cell, Frame, TopRow
from streamwatch.cli.top.state import TopState
from streamwatch.cli.top.views import NUMBERS, TABS, TEXT


def frame(*names: str, opens: str = "") -> Frame:
    rows = [TopRow(("shop", name), {"lag": Cell("1", 1.0)}, "good", opens, {"kafka_cluster": name}) for name in names]
    return Frame(rows, 0.0, len(names))


def at(view: str, *names: str, opens: str = "") -> TopState:
    state = TopState(view)
    state.take(frame(*names, opens=opens))
    state.columns, state.height = ("lag", "behind"), 2
    return state


def test_the_cursor_stays_on_its_row_wherever_that_is_now() -> None:
    state = at("groups", "a", "b", "c")
    state.press("down")

    state.take(frame("c", "b", "a"))
    assert state.place.selected == ("shop", "b")
    state.take(frame("x", "y", "b"))
    assert state.place.cursor == 2
    state.take(frame("x"))
    assert (state.place.cursor, state.place.selected) == (0, ("shop", "x"))
    state.take(frame())
    assert state.place.cursor == 0


def test_the_cursor_stays_within_the_rows() -> None:
    state = at("groups", *"abcdef")

    assert [(state.press(key), state.place.cursor)[1] for key in ("up", "down", "pagedown", "end", "j", "home")] == [
        0, 1, 2, 5, 5, 0,
    ]  # fmt: skip


def test_columns_are_chosen_one_after_the_other_and_turned() -> None:
    state = at("groups", "a")

    sorts = []
    for key in ("greater_than_sign", "right", "right", "right", "less_than_sign"):
        assert state.press(key) == "poll"
        sorts.append(state.place.request.sort)
    assert sorts == ["name", "lag", "behind", "", "behind"]
    assert state.press("r") == "poll"
    assert state.place.request == Selection(sort="behind", is_reversed=True)
    assert state.press("w") == "poll"
    assert state.place.request == Selection()


def test_a_filter_is_typed_taken_and_taken_away() -> None:
    state = at("topics", "a")

    assert [state.press("slash"), state.press("q", "q"), state.press("x", "x"), state.press("backspace")] == [
        "draw"
    ] * 4
    assert state.filter == "q"
    assert state.press("enter") == "poll"
    assert state.filter is None
    assert state.place.wanted.request.filter == "q"
    assert state.press("escape") == "poll"
    assert state.place.wanted.request.filter == ""


def test_what_is_opened_is_about_its_row_and_esc_goes_back() -> None:
    state = at("overview", "shop", opens="brokers")

    assert state.press("enter") == "poll"
    assert (state.place.view, state.place.labels, state.frame) == ("brokers", {"kafka_cluster": "shop"}, None)
    state.take(frame("1", opens=NUMBERS))
    state.press("enter")
    assert (state.place.wanted.view, state.place.wanted.parent) == (NUMBERS, "brokers")
    assert [state.press("escape"), state.press("escape")] == ["poll", "poll"]
    assert state.place.view == "overview"
    assert state.press("escape") == "nothing"


def test_another_view_is_of_the_cluster_that_was_opened() -> None:
    state = at("overview", "shop", opens="brokers")
    state.press("enter")

    assert state.press("4") == "poll"
    assert (state.place.view, state.place.labels) == ("groups", {"kafka_cluster": "shop"})
    assert state.press("escape") == "poll"
    assert state.place.view == "overview"
    assert state.press("tab") == "poll"
    assert (state.place.view, state.place.labels) == ("brokers", {})


def test_every_view_has_a_key_and_its_neighbours() -> None:
    state = at("overview", "a")

    seen = []
    for _ in TABS:
        state.press("tab")
        seen.append(state.place.view)
    assert seen == [*TABS[1:], TABS[0]]
    assert [(state.press(str(key + 1)), state.place.view)[1] for key in range(len(TABS))] == list(TABS)
    assert state.press("9") == "nothing"


def test_a_text_is_scrolled_and_left() -> None:
    state = TopState("alerts")
    state.take(Frame([TopRow(("", "Late"), {}, "bad", TEXT, {}, ["one", "two", "three"])], 0.0))

    assert (state.press("enter"), state.place.view, state.place.title) == ("draw", TEXT, "Late")
    state.press("down")
    assert state.place.top == 1
    assert [state.press(key) for key in ("slash", "right", "enter")] == ["nothing"] * 3
    assert state.press("escape") == "poll"
    assert state.place.view == "alerts"


def test_frozen_means_that_nothing_is_asked_until_a_key_wants_something() -> None:
    state = at("brokers", "1")

    assert (state.press("space"), state.is_frozen) == ("draw", True)
    assert (state.press("space"), state.is_frozen) == ("poll", False)


@pytest.mark.parametrize("before", ["question_mark", "slash", "space", "4"])
def test_ctrl_c_ends_it_whatever_is_typed_or_read(before: str) -> None:
    state = TopState("overview")
    state.press(before)
    assert state.press("ctrl+c") == "quit"


def test_help_ends_with_any_key_and_q_ends_all() -> None:
    state = at("brokers", "1")

    assert (state.press("question_mark"), state.is_helping) == ("draw", True)
    assert (state.press("q"), state.is_helping) == ("draw", False)
    assert state.press("q") == "quit"
    assert state.press("f5") == "nothing"

"""Texts of others, as a terminal shows them."""

import pytest

from streamwatch.core.words import printable, printable_lines, rounded


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("lag  of ü", "lag  of ü"),
        ("a summary of YAML\n", "a summary of YAML"),
        ("two\nlines\n", "two lines"),
        ("a\x1b[2Jb\r\x07", "a�[2Jb��"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_that_a_terminal_does_not_obey(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_stay_lines() -> None:
    assert printable_lines("two\nlines\x1b\n") == "two\nlines�\n"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0"),
        (0.0123456, "0.0123"),
        (7.5, "7.5"),
        (100.0, "100"),
        (999.6, "1,000"),
        (1014.0, "1,010"),
        (2.5e6, "2,500,000"),
        (1e-9, "0"),
        (float("nan"), "nan"),
    ],
)
def test_a_number_has_three_digits_and_no_exponent(number: float, shown: str) -> None:
    assert rounded(number) == shown

"""Texts of others, as a terminal shows them."""

import pytest

from streamwatch.core.words import printable, printable_lines


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

"""Regular expressions that make Python's own library try every way there is."""

import ast
from pathlib import Path
from typing import Final

import pytest

import streamwatch
from streamwatch.core.patterns import quickest, simple
from streamwatch.promql.match import Matcher
from streamwatch.sources.names import Names

NAME: Final = "a" * 200 + "!"
EVIL: Final = ["(a+)+$", "(a|a)*b", "(a|aa)+$", "(.*a){20}", "^(([a-z])+.)+[A-Z]$", "a*" * 50 + "b"]
OWN: Final = Path(streamwatch.__file__).parent
OTHERWISE: Final = {
    "core/patterns.py": "simple ones, which it checks",
    "agent/incident_figures.py": "constants",
    "agent/log.py": "secrets, escaped",
    "http/masking.py": "secrets, escaped",
    "sources/open_monitoring/parse.py": "names of the catalogue",
    "export/web_page/markdown.py": "constants",
    "rules/notation.py": "constants",
    "rules/template.py": "constants",
}
"""Where an expression does not stand in the call as it is, and what it is made of: of no person's text."""


@pytest.mark.parametrize("pattern", EVIL)
def test_an_evil_pattern_is_left_to_re2(pattern: str) -> None:
    """Python's own would take longer than there is time: this test would not end."""
    assert simple(pattern) is None
    assert not Names(deny=(pattern,)).admits("a") or quickest(pattern).fullmatch("a") is None
    assert Names(deny=(pattern,)).admits(NAME)
    assert not Names(allow=(pattern,)).admits(NAME)
    assert not Matcher("x", "=~", pattern).matches({"x": NAME})


def own_expressions(file: Path) -> bool:
    """Say whether a file hands anything but a text that stands there to Python's own expressions."""
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)]
    return any(
        isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "re"
        and call.func.attr != "escape"
        and not isinstance(call.args[0], ast.Constant)
        for call in calls
    )


def test_no_text_of_a_person_is_a_pattern_of_pythons_own() -> None:
    files = {file.relative_to(OWN).as_posix() for file in OWN.rglob("*.py") if own_expressions(file)}
    running = {name for name in files if not name.startswith(("reference/", "demo/", "tools/"))}
    assert running == set(OTHERWISE)

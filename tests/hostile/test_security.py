"""docs/security.md names a test for each of its claims, and the tests are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(?:(Test\w+)::)?(test_\w+)`")
"""A file, a class where the test is in one, and a test: what pytest runs by this name."""


def test_every_claim_names_tests_that_are_there() -> None:
    tables = TEXT.split("| claim | tests |\n|---|---|\n")[1:]
    rows = [row for table in tables for row in table.split("\n\n")[0].splitlines()]
    assert len(rows) > 30
    assert [row for row in rows if not NAMED.search(row)] == []
    for file, of, name in set(NAMED.findall(TEXT)):
        assert name in _tests((ROOT / file).read_text("utf-8"), of), f"{file}::{of}::{name}"


def test_every_test_of_an_attack_is_named() -> None:
    files = (ROOT / "tests" / "hostile").glob("test_*.py")
    there = {name for file in files for name in _tests(file.read_text("utf-8"))}
    named = {name for _, _, name in NAMED.findall(TEXT)}
    assert {name for name in there - named if not name.startswith(("test_every_", "test_a_listing_of_a_"))} == set()


def _tests(text: str, of: str = "") -> set[str]:
    """Return the tests of a file, or of a class in it."""
    body: list[ast.stmt] = ast.parse(text).body
    if of:
        body = next((one.body for one in body if isinstance(one, ast.ClassDef) and one.name == of), [])
    return {one.name for one in body if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}

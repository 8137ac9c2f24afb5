"""docs/security.md names a test for each of its claims, and the tests are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_claim_names_tests_that_are_there() -> None:
    tables = TEXT.split("| claim | tests |\n|---|---|\n")[1:]
    rows = [row for table in tables for row in table.split("\n\n")[0].splitlines()]
    assert len(rows) > 30
    assert [row for row in rows if not NAMED.search(row)] == []
    for file, name in set(NAMED.findall(TEXT)):
        assert re.search(rf"^ *def {name}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), f"{file}::{name}"


def test_every_test_of_an_attack_is_named() -> None:
    there = {name for file in (ROOT / "tests" / "hostile").glob("test_*.py") for name in _names(file)}
    named = {name for _, name in NAMED.findall(TEXT)}
    assert {name for name in there - named if not name.startswith(("test_every_", "test_a_listing_of_a_"))} == set()


def _names(file: Path) -> list[str]:
    return re.findall(r"^def (test_\w+)\(", file.read_text("utf-8"), re.MULTILINE)

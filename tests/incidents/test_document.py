"""docs/incidents.md has the decision list as it is: STREAMWATCH_WRITE_DOCS=1 writes it."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, get_args

from streamwatch.incidents.decide import BRANCHES
from streamwatch.incidents.incident import CauseKind

DOCS: Final = Path(__file__).parents[2] / "docs" / "incidents.md"
MARKS: Final = ("<!-- made: branches -->\n", "<!-- end -->")


def rows() -> Iterator[str]:
    yield "| | branch | what is the matter |\n|---|---|---|\n"
    for number, branch in enumerate(BRANCHES, 1):
        words = " ".join((inspect.getdoc(branch) or "").split("\n\n", maxsplit=1)[0].split())
        name = f"{branch.__module__.removeprefix('streamwatch.incidents.')}.{branch.__qualname__}"
        yield f"| {number} | `{name}` | {words} |\n"
    yield f"| {len(BRANCHES) + 1} | `changes.changed` | Somebody changed this very thing, or moves replicas. |\n\n"
    yield f"Kinds of causes: {', '.join(f'`{kind}`' for kind in get_args(CauseKind))}.\n"


def test_the_table_is_the_list() -> None:
    text = DOCS.read_text(encoding="utf-8")
    before, begin, rest = text.partition(MARKS[0])
    made = before + begin + "".join(rows()) + MARKS[1] + rest.partition(MARKS[1])[2]
    if os.environ.get("STREAMWATCH_WRITE_DOCS"):
        DOCS.write_text(made, encoding="utf-8")
    assert text == made or os.environ.get("STREAMWATCH_WRITE_DOCS"), "docs/incidents.md: the table is old"

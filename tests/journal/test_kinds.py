"""Every kind of change is documented, with the sentence that it has."""

import re
from pathlib import Path

from streamwatch.journal.kinds import KINDS

EVENTS = Path(__file__).parents[2] / "docs" / "events.md"


def test_every_kind_is_in_the_documentation_with_its_sentence() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \| (.+) \|$", EVENTS.read_text(encoding="utf-8"), re.MULTILINE))

    assert list(rows) == list(KINDS)
    for name, kind in KINDS.items():
        pattern = re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(kind.sentence))
        assert re.fullmatch(pattern, rows[name]), name

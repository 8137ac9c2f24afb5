"""What changed lately, as the page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamwatch.core.times import rfc3339
from streamwatch.export.web_page.words import ago
from streamwatch.model.journal_entry import JournalEntry


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One thing that changed."""

    seen: str
    """How long ago."""
    time: str
    """When, exactly."""
    source: str
    sentence: str


def changed(changes: Sequence[JournalEntry], now: float) -> list[ChangeView]:
    """Return what the page shows of these."""
    return [
        ChangeView(ago(now - each.until), rfc3339(each.until, "seconds"), each.source, each.sentence)
        for each in changes
    ]

"""What people did to the agent itself: its configuration, and silences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from streamwatch.core.times import rfc3339
from streamwatch.journal.entities import Entities
from streamwatch.journal.kinds import Difference
from streamwatch.journal.seen import Seen

Sections = Mapping[str, str]
"""The parts of the configuration by name, each as a text that is another one when the part is."""

_CONFIGURATION: Final = "configuration"
_SILENCES: Final = "silences"


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence, as far as the journal tells of it."""

    number: str
    matchers: str
    until: float
    by: str
    comment: str
    updated: float
    """When somebody wrote it last."""


def started(version: str, seconds: float | None) -> Difference:
    """Return that the agent starts, and for how long it may not have run; None where it has no earlier state."""
    words = "it has no earlier state" if seconds is None else f"it did not run for {max(0.0, seconds):.0f} s at most"
    return Difference("agent.started", "agent", words, version)


def step_configuration(seen: Seen, sections: Sections, version: str, at: float) -> tuple[Seen, list[Difference]]:
    """Return what is known after a configuration was taken, and what of it is new: one difference.

    Another version of the agent has other settings by itself: then nobody knows what a person changed.
    """
    before = seen.entities(_CONFIGURATION)
    now: Entities = {name: {"is": text, "version": version} for name, text in sections.items()}
    if before == now:
        return seen, []
    after = seen.having(_CONFIGURATION, now)
    if before is None or any(facts["version"] != version for facts in before.values()):
        return after, []
    words = [f"{name} is new" for name in sorted(now.keys() - before.keys())]
    words += [f"{name} is gone" for name in sorted(before.keys() - now.keys())]
    words += [f"{name} is another" for name in sorted(now.keys() & before.keys()) if now[name] != before[name]]
    return after, [Difference("agent.configuration", _CONFIGURATION, after=", ".join(words), at=at)]


def step_silences(seen: Seen, rows: Iterable[SilenceRow], now: float) -> tuple[Seen, list[Difference]]:
    """Return what is known of silences, and what people did to them; that one ends at its hour is no change."""
    before = seen.entities(_SILENCES)
    after = {row.number: {"until": rfc3339(row.until), "what": row.matchers} for row in rows}
    if before == after:
        return seen, []
    known = seen.having(_SILENCES, after)
    if before is None:
        return known, []
    differences = []
    for row in rows:
        was, text = before.get(row.number), f"until {rfc3339(row.until)}"
        seen_at = min(now, row.updated or now)
        if was is None:
            why = f": {row.comment}" if row.comment else ""
            made = f"{row.matchers} {text}, by {row.by or 'somebody'}{why}"
            differences.append(Difference("silence.created", row.number, after=made, at=seen_at))
        elif was["until"] != after[row.number]["until"]:
            held = f"until {was['until']}"
            if row.until <= now:
                differences.append(Difference("silence.ended", row.number, held, at=row.until))
            else:
                differences.append(Difference("silence.changed", row.number, held, text, at=seen_at))
    return known, differences

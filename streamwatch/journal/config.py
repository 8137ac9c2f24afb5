"""How much of what changed is remembered."""

from dataclasses import dataclass

from streamwatch.settings.types import Duration, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The journal of changes, in the state file."""

    max_changes: int = setting(
        "how many changes to keep, of all sources", default=10_000, minimum=100, maximum=1_000_000
    )
    max_age: Duration = setting("for how long to keep a change", default=30 * 86_400.0, minimum=3600.0)
    join: Duration = setting(
        "changes that come again and again, such as the members of a group that rebalances, are one entry where they"
        " follow each other within this time",
        default=300.0,
        minimum=0.0,
        maximum=86_400.0,
    )

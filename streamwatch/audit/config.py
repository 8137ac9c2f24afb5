"""Findings that somebody has looked at and lives with, for a while."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from streamwatch.core.patterns import quickest
from streamwatch.settings.types import Pattern, refuse, setting


def _day(text: str) -> str:
    """Return a day as it is written.

    Raises:
        ValueError: it is none.

    """
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:80]!r} is no day: write it as 2027-01-31") from None
    return text


Day = Annotated[str, _day]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """A finding that is not counted until a day, with the reason."""

    finding: str = setting("its name, as docs/audit.md lists them")
    target: Pattern = setting(
        "a regular expression of RE2 that matches the whole target, as in `shop/test-.*`: the cluster or account and"
        " the name, with a slash between"
    )
    reason: str = setting("why it may be so: it is shown with the finding")
    until: Day = setting("the last day on which it is not counted, as in 2027-01-31 (UTC): then it is shown again")

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake in it."""
        from streamwatch.audit.checks import CHECKS  # noqa: PLC0415 - who ignores none has no use for them

        names = [check.name for check in CHECKS]
        if self.finding is not None and self.finding not in names:
            near = difflib.get_close_matches(self.finding, names, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
            yield f"finding: {self.finding!r} is none: {advice}"
        if self.reason is not None and not self.reason.strip():
            yield "reason: it is empty: say why it may be so"

    def matches(self, finding: str, target: str) -> bool:
        """Say whether it is about this finding of this target."""
        return finding == self.finding and quickest(self.target).fullmatch(target) is not None

    @property
    def ends_at(self) -> float:
        """When it ends, in seconds since 1970."""
        day = date.fromisoformat(self.until) + timedelta(days=1)
        return datetime.combine(day, time(), UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The audit: what is set so that something will go wrong (docs/audit.md)."""

    ignore: tuple[Ignore, ...] = setting("findings that are not counted, each with a reason and an end", default=())

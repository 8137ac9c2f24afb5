"""What CloudWatch says of each minute of a series, and from when on: late, and corrected."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

LATEST: Final = 3600
"""CloudWatch is late by so many seconds at the most."""


@dataclass
class Published:
    """One series, as CloudWatch publishes it."""

    versions: dict[int, list[tuple[float, float]]] = field(default_factory=dict, kw_only=True)
    """By minute: from when on, and what; the last one that has come is what is said."""

    def publish(self, minute: int, random: Random, late: int) -> None:
        """Publish something of a minute, as late as may be, and correct it now and then."""
        end = minute + 60
        at = end + random.randint(0, late)
        value = random.randint(0, 100)
        self.versions[minute] = [(at, value)]
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            at = random.randint(int(at), end + LATEST)
            value = max(0, value + random.randint(-40, 40))
            self.versions[minute].append((at, value))

    def points(self, start: float, end: float, now: float) -> list[tuple[int, float]]:
        """What CloudWatch says now."""
        said = ((minute, [value for at, value in each if at <= now]) for minute, each in self.versions.items())
        return [(minute, values[-1]) for minute, values in said if start <= minute < end and values]

"""How long to wait before another attempt."""

import random
from dataclasses import dataclass
from typing import Final

_MOST_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Backoff:
    """A pause that doubles with every attempt up to a longest one, spread at random so that attempts do not meet."""

    first_seconds: float
    longest_seconds: float
    least: float = 0.0
    """The share of a pause that is not left to chance."""

    def pause(self, doublings: int, rng: random.Random) -> float:
        """Return a pause in seconds, after the first has doubled so many times."""
        longest = min(self.longest_seconds, self.first_seconds * 2.0 ** min(doublings, _MOST_DOUBLINGS))
        return rng.uniform(self.least * longest, longest)

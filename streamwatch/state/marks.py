"""Marks of the clocks in the state file: by them, a restart knows that the wall clock was set meanwhile."""

import math
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from streamwatch.core.clock import STEP_SECONDS, Clock, boot
from streamwatch.core.times import is_instant
from streamwatch.state.schema import Tables

_MARK_SECONDS: Final = 60.0


def _checked(row: Mapping[str, Any]) -> None:
    """Check that a mark is one.

    Raises:
        ValueError: it is none.

    """
    if not (is_instant(row["wall"]) and math.isfinite(row["monotonic"])):
        raise ValueError(f"wall {row['wall']}, monotonic {row['monotonic']}")


TABLES: Final = Tables(
    ("clocks",),
    {
        3: (
            """
            CREATE TABLE IF NOT EXISTS clocks (
              holder TEXT NOT NULL PRIMARY KEY, wall REAL NOT NULL, monotonic REAL NOT NULL, boot TEXT NOT NULL
            ) WITHOUT ROWID
            """,
        )
    },
    {"clocks": _checked},
)


class Marks:
    """The marks of the clocks that one holder of instants leaves in the file: by them, a restart knows of a jump."""

    def __init__(self, holder: str, clock: Clock) -> None:
        self._holder, self._clock = holder, clock
        self._written_at = -math.inf

    def write(self, connection: sqlite3.Connection, *, at_once: bool = False) -> None:
        """Leave a mark, once a minute, in a transaction of the holder's."""
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        if at_once or monotonic - self._written_at >= _MARK_SECONDS:
            row = (self._holder, wall, monotonic, boot(self._clock))
            connection.execute("INSERT OR REPLACE INTO clocks VALUES (?, ?, ?, ?)", row)
            self._written_at = monotonic

    def last(self, connection: sqlite3.Connection) -> float | None:
        """Return when the last mark was left, in seconds since 1970; None where none was."""
        found = connection.execute("SELECT wall FROM clocks WHERE holder = ?", (self._holder,)).fetchone()
        return None if found is None else float(found[0])

    def jump(self, connection: sqlite3.Connection) -> float:
        """Return by how much the wall clock was set since the last mark, as far as that can be known.

        While the machine has not started anew, the monotonic clock tells. Else, a clock that is behind the last mark
        was set back by that at least; one that is ahead of it may be right.
        """
        question = "SELECT wall, monotonic, boot FROM clocks WHERE holder = ?"
        found = connection.execute(question, (self._holder,)).fetchone()
        if found is None:
            return 0.0
        wall, monotonic, started = float(found[0]), float(found[1]), str(found[2])
        passed = self._clock.now() - wall
        if not started or started != boot(self._clock):
            return min(0.0, passed)
        jump = passed - (self._clock.monotonic() - monotonic)
        return jump if abs(jump) >= STEP_SECONDS else 0.0

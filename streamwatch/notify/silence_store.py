"""The silences, as rows of the state file."""

import json
import random
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamwatch.core.times import is_instant
from streamwatch.notify.silence import Silence
from streamwatch.state.schema import Tables


def _silence(row: Mapping[str, Any] | sqlite3.Row) -> Silence:
    """Return the silence of a row.

    Raises:
        ValueError: the row makes none; or TypeError.

    """
    times = row["until"], row["starts"], row["updated"]
    if not all(map(is_instant, times)):
        raise ValueError(f"until, starts and updated are {times}")
    matchers = tuple(json.loads(row["matchers"]))
    return Silence(row["number"], matchers, row["until"], row["by"], row["comment"], row["starts"], row["updated"])


TABLES: Final = Tables(
    ("silences",),
    {
        2: (
            """
            CREATE TABLE silences (
              number INTEGER PRIMARY KEY AUTOINCREMENT, matchers TEXT NOT NULL, until REAL NOT NULL, by TEXT NOT NULL,
              comment TEXT NOT NULL
            )
            """,
        ),
        3: (
            "ALTER TABLE silences ADD COLUMN starts REAL NOT NULL DEFAULT 0",
            "ALTER TABLE silences ADD COLUMN updated REAL NOT NULL DEFAULT 0",
        ),
    },
    {"silences": _silence},
)
_YEAR_SECONDS: Final = 366 * 86_400

_SELECT: Final = """
    SELECT number, matchers, until, by, comment, starts, updated FROM silences WHERE until > :ended_after
"""
_INSERT: Final = """
    INSERT INTO silences (matchers, until, by, comment, starts, updated)
    VALUES (:matchers, :until, :by, :comment, :starts, :updated)
"""
_UPDATE: Final = """
    UPDATE silences SET matchers = :matchers, until = :until, by = :by, comment = :comment, starts = :starts,
      updated = :updated
    WHERE number = :number
"""
_PUT: Final = """
    INSERT OR REPLACE INTO silences (number, matchers, until, by, comment, starts, updated)
    VALUES (:number, :matchers, :until, :by, :comment, :starts, :updated)
"""
_END: Final = """
    UPDATE silences SET until = :now, updated = max(:now, updated + 0.001) WHERE number = :number AND until > :now
"""
_NEWEST: Final = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'silences'), 0)"
_SHARE: Final = "INSERT INTO sqlite_sequence (name, seq) VALUES ('silences', :seq)"
_FORGET_NEWEST: Final = "DELETE FROM sqlite_sequence WHERE name = 'silences'"
_SHARED: Final = 10**6
"""From this number on, numbers are drawn: of agents that have their silences in common no two give the same."""
_MOST: Final = 10**12 - 1
_DELETE_OLD: Final = "DELETE FROM silences WHERE until < :before"
_MOST_SILENCES: Final = 2000
"""So many may hold, or will; and of those that ended so many are kept."""
_MOST_BYTES: Final = 4 * 2**20
"""All of their texts together, either way."""
_SIZE: Final = "length(CAST(matchers AS BLOB)) + length(CAST(by AS BLOB)) + length(CAST(comment AS BLOB))"
"""In bytes: of a text, length() counts characters."""
_THERE: Final = f"SELECT count(*), coalesce(sum({_SIZE}), 0) FROM silences WHERE until > :now"  # noqa: S608 - no text of others
_DELETE_MANY: Final = f"""
    DELETE FROM silences WHERE number IN (
      SELECT number FROM (
        SELECT number, row_number() OVER newest AS place, sum({_SIZE}) OVER newest AS size FROM silences
        WHERE until <= :now WINDOW newest AS (ORDER BY until DESC, number)
      ) WHERE place > :most OR size > :most_bytes
    )
"""  # noqa: S608 - no text of others


def active(connection: sqlite3.Connection, now: float) -> list[Silence]:
    """Return the silences that hold."""
    return [silence for silence in ended_after(connection, now) if silence.state(now) == "active"]


def ended_after(connection: sqlite3.Connection, at: float) -> list[Silence]:
    """Return the silences that hold, that will, and that ended after a time."""
    rows = connection.execute(_SELECT, {"ended_after": at})
    rows.row_factory = sqlite3.Row
    return list(map(_silence, rows))


def add(  # noqa: PLR0913, PLR0917 - what a silence has
    connection: sqlite3.Connection, matchers: Sequence[str], until: float, by: str, comment: str,
    starts: float = 0.0, updated: float = 0.0,
) -> int:  # fmt: skip
    """Add a silence; return its number."""
    values = _values(Silence(0, tuple(matchers), until, by, comment, starts, updated))
    if connection.execute(_NEWEST).fetchone()[0] < _SHARED:
        number = connection.execute(_INSERT, values).lastrowid or 0
    else:
        number = _drawn()
        connection.execute(_PUT, values | {"number": number})
    connection.execute(_DELETE_OLD, {"before": until - _YEAR_SECONDS})
    return number


def forget_ended(connection: sqlite3.Connection, now: float) -> None:
    """Forget silences that ended, the oldest first, where there are very many."""
    connection.execute(_DELETE_MANY, {"now": now, "most": _MOST_SILENCES, "most_bytes": _MOST_BYTES})


def make_room(connection: sqlite3.Connection, now: float) -> None:
    """Forget silences that ended, the oldest first, where there are very many.

    Raises:
        ValueError: very many hold, so that there is no room for another.

    """
    forget_ended(connection, now)
    count, size = connection.execute(_THERE, {"now": now}).fetchone()
    if count >= _MOST_SILENCES or size >= _MOST_BYTES:
        raise ValueError(f"{count} silences hold already, of {size} bytes: end some, or join them in one by =~")


def share_numbers(connection: sqlite3.Connection) -> None:
    """From now on, number silences so that other agents can have them, too."""
    if connection.execute(_NEWEST).fetchone()[0] < _SHARED:
        connection.execute(_FORGET_NEWEST)
        connection.execute(_SHARE, {"seq": _SHARED})


def put(connection: sqlite3.Connection, silence: Silence) -> None:
    """Write a silence of another agent, under its number."""
    connection.execute(_PUT, _values(silence) | {"number": silence.number})


def _drawn() -> int:
    return random.SystemRandom().randint(_SHARED, _MOST)


def change(connection: sqlite3.Connection, silence: Silence) -> None:
    """Write a silence that was there before."""
    connection.execute(_UPDATE, _values(silence) | {"number": silence.number})


def end(connection: sqlite3.Connection, number: int, now: float) -> bool:
    """End a silence; return whether it held."""
    return connection.execute(_END, {"number": number, "now": now}).rowcount > 0


def _values(silence: Silence) -> dict[str, Any]:
    return {
        "matchers": json.dumps(list(silence.matchers)),
        "until": silence.until,
        "by": silence.by,
        "comment": silence.comment,
        "starts": silence.starts,
        "updated": silence.updated,
    }

"""What is to be delivered, and what was: rows of the state file. It survives everything but the disk."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.model.notification import Notification, from_text, to_text
from streamwatch.notify.mute import Silence
from streamwatch.notify.plan import NONE, SOME, UNDER_WAY, Row
from streamwatch.state.schema import Tables

TABLES: Final = Tables(
    ("notified", "silences"),
    {
        2: (
            """
            CREATE TABLE notified (
              target TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL, told TEXT, told_at REAL NOT NULL,
              wanted TEXT NOT NULL, wants TEXT NOT NULL, doubt INTEGER NOT NULL, attempts INTEGER NOT NULL,
              next_at REAL NOT NULL, parked TEXT NOT NULL, since REAL NOT NULL, look_at REAL NOT NULL,
              content TEXT NOT NULL, PRIMARY KEY (target, key)
            )
            """,
            "CREATE INDEX notified_due ON notified (target, next_at) WHERE wanted <> '' AND parked = ''",
            "CREATE INDEX notified_look ON notified (look_at)",
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
)
MOST_ROWS: Final = 100_000
"""Of one target; what comes on top is dropped, and counted."""
_ROW: Final = "target, key, seq, told, told_at, wanted, wants, doubt, attempts, next_at, parked, since, look_at"
_SILENCE: Final = "number, matchers, until, by, comment, starts, updated"
_DUE: Final = "target = ? AND wanted <> '' AND parked = ''"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row, and what it wants to say."""

    row: Row
    content: Notification


def rows(connection: sqlite3.Connection, look_at: float | None = None) -> dict[tuple[str, str], Row]:
    """Return every row, or those that are to be looked at by then, by target and key."""
    which = "" if look_at is None else "WHERE look_at <= ?"
    found = connection.execute(f"SELECT {_ROW} FROM notified {which}", () if look_at is None else (look_at,))  # noqa: S608
    return {(one[0], one[1]): _row(one) for one in found}


def everything(connection: sqlite3.Connection) -> list[Kept]:
    """Return every row, and what it wants or wanted to say."""
    found = connection.execute(f"SELECT {_ROW}, content FROM notified")  # noqa: S608 - our own words
    return [Kept(_row(one), from_text(one[-1])) for one in found]


def content(connection: sqlite3.Connection, row: Row) -> Notification | None:
    """Return what a row wanted to say last."""
    question = "SELECT content FROM notified WHERE target = ? AND key = ?"
    found = connection.execute(question, (row.target, row.key)).fetchone()
    return None if found is None else from_text(found[0])


def put(connection: sqlite3.Connection, row: Row, said: Notification) -> None:
    """Write a row and its content."""
    values = (*_values(row), to_text(said))
    connection.execute(f"INSERT OR REPLACE INTO notified VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608


def change(connection: sqlite3.Connection, row: Row) -> None:
    """Write a row; what it wants to say stays."""
    names = [name for name in _ROW.split(", ") if name not in {"target", "key"}]
    assigned = ", ".join(f"{name} = ?" for name in names)
    values = _values(row)[2:]
    connection.execute(
        f"UPDATE notified SET {assigned} WHERE target = ? AND key = ?",  # noqa: S608 - our own words
        (*values, row.target, row.key),
    )


def drop(connection: sqlite3.Connection, row: Row) -> None:
    """Forget a row."""
    connection.execute("DELETE FROM notified WHERE target = ? AND key = ?", (row.target, row.key))


def keep_only(connection: sqlite3.Connection, targets: Iterable[str]) -> int:
    """Forget what there is of every target but these, and try again what was given up; return how many never were."""
    kept = set(targets)
    there = [target for (target,) in connection.execute("SELECT DISTINCT target FROM notified")]
    gone = 0
    for one in there:
        if one not in kept:
            gone += connection.execute("DELETE FROM notified WHERE target = ? AND wanted <> ''", (one,)).rowcount
            connection.execute("DELETE FROM notified WHERE target = ?", (one,))
    connection.execute("UPDATE notified SET parked = '', attempts = 0 WHERE parked <> ''")
    return gone


def awake(connection: sqlite3.Connection) -> None:
    """After a start: what was under way when the agent ended may have arrived."""
    connection.execute("UPDATE notified SET doubt = ? WHERE doubt = ?", (SOME, UNDER_WAY))


def shift(connection: sqlite3.Connection, seconds: float, now: float) -> None:
    """Move all times, after the clock was set by so much; what has happened never lies ahead of now."""
    words = ", ".join(f"{name} = {name} + :by" for name in ("told_at", "next_at", "since", "look_at"))
    connection.execute(f"UPDATE notified SET {words}", {"by": seconds})  # noqa: S608 - our own words
    ahead = connection.execute("SELECT max(max(told_at, since)) FROM notified").fetchone()[0]
    if ahead is not None and ahead > now:
        # What waits for a time after that waits as long as it did.
        words = "told_at = min(told_at, :now), since = min(since, :now)"
        later = "CASE WHEN max(told_at, since) > :now THEN {0} - (max(told_at, since) - :now) ELSE {0} END"
        words += ", next_at = " + later.format("next_at") + ", look_at = " + later.format("look_at")
        connection.execute(f"UPDATE notified SET {words}", {"now": now})  # noqa: S608 - our own words


def take(connection: sqlite3.Connection, target: str, now: float, most: int) -> list[Kept]:
    """Return what is to be delivered to a target now, what has waited longest first, and note that it is under way.

    In one transaction: what has been taken is not planned away as if it had never been sent.
    """
    order = "ORDER BY next_at, rowid LIMIT ?"
    question = f"SELECT {_ROW}, content FROM notified WHERE {_DUE} AND next_at <= ? {order}"  # noqa: S608 - our own words
    found = connection.execute(question, (target, now, most)).fetchall()
    some = [Kept(_row(one), from_text(one[-1])) for one in found]
    for one in some:
        if one.row.doubt == NONE:
            _set(connection, one.row, "doubt = ?", UNDER_WAY)
    return some


def next_at(connection: sqlite3.Connection, target: str) -> float | None:
    """Return when something is to be delivered to a target next; None where nothing is."""
    found = connection.execute(f"SELECT min(next_at) FROM notified WHERE {_DUE}", (target,)).fetchone()[0]  # noqa: S608
    return None if found is None else float(found)


def delivered(connection: sqlite3.Connection, one: Kept, at: float) -> None:
    """Note that something was taken; what is wanted by now may be another thing."""
    told = json.dumps(sorted(one.row.wants))
    _set(connection, one.row, "told = ?, told_at = ?, doubt = ?, attempts = 0", told, at, NONE)
    _set(connection, one.row, "wanted = '', look_at = 0 WHERE seq = ? AND", one.row.seq)


def failed(connection: sqlite3.Connection, one: Kept, *, again_at: float, reached: bool) -> None:
    """Note that something was not taken, and when to try again."""
    doubt = f"CASE WHEN doubt = {UNDER_WAY} OR {int(reached)} THEN {SOME if reached else NONE} ELSE doubt END"
    _set(connection, one.row, f"attempts = attempts + 1, next_at = max(next_at, ?), doubt = {doubt}", again_at)


def park(connection: sqlite3.Connection, one: Kept, why: str) -> None:
    """Give something up that will never be taken as it is."""
    doubt = f"CASE WHEN doubt = {UNDER_WAY} THEN {NONE} ELSE doubt END"
    _set(
        connection, one.row, f"parked = ?, attempts = attempts + 1, doubt = {doubt} WHERE seq = ? AND", why, one.row.seq
    )


def waiting(connection: sqlite3.Connection) -> dict[str, tuple[int, int, float]]:
    """Return of each target how much waits, how much was given up, and since when the oldest has been due."""
    question = (
        "SELECT target, sum(parked = ''), sum(parked <> ''),"
        " min(CASE WHEN parked = '' THEN max(since, CASE WHEN attempts = 0 THEN next_at ELSE since END) END)"
        " FROM notified WHERE wanted <> '' GROUP BY target"
    )
    return {
        target: (int(some), int(parked), float("inf") if oldest is None else float(oldest))
        for target, some, parked, oldest in connection.execute(question)
    }


def silences(connection: sqlite3.Connection, now: float) -> list[Silence]:
    """Return the silences that hold."""
    return [one for one in every_silence(connection, now) if one.state(now) == "active"]


def every_silence(connection: sqlite3.Connection, ended_after: float) -> list[Silence]:
    """Return the silences that hold, that will, and that ended after a time."""
    found = connection.execute(f"SELECT {_SILENCE} FROM silences WHERE until > ?", (ended_after,))  # noqa: S608
    return [Silence(number, tuple(json.loads(texts)), *rest) for number, texts, *rest in found]


def silence(  # noqa: PLR0913, PLR0917 - what a silence has
    connection: sqlite3.Connection, matchers: Sequence[str], until: float, by: str, comment: str,
    starts: float = 0.0, updated: float = 0.0,
) -> int:  # fmt: skip
    """Add a silence; return its number."""
    values = (json.dumps(list(matchers)), until, by, comment, starts, updated)
    names = _SILENCE.removeprefix("number, ")
    made = connection.execute(f"INSERT INTO silences ({names}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608
    connection.execute("DELETE FROM silences WHERE until < ?", (until - 366 * 86_400,))
    return int(made.lastrowid or 0)


def change_silence(connection: sqlite3.Connection, one: Silence) -> None:
    """Write a silence that was there before."""
    values = (json.dumps(list(one.matchers)), one.until, one.by, one.comment, one.starts, one.updated, one.number)
    assigned = ", ".join(f"{name} = ?" for name in _SILENCE.removeprefix("number, ").split(", "))
    connection.execute(f"UPDATE silences SET {assigned} WHERE number = ?", values)  # noqa: S608 - our own words


def end_silence(connection: sqlite3.Connection, number: int, now: float) -> bool:
    """End a silence; return whether it held."""
    question = "UPDATE silences SET until = ? WHERE number = ? AND until > ?"
    return connection.execute(question, (now, number, now)).rowcount > 0


def _set(connection: sqlite3.Connection, row: Row, words: str, *values: Any) -> None:  # noqa: ANN401 - of SQL
    where = words if " WHERE " in words else f"{words} WHERE"
    connection.execute(f"UPDATE notified SET {where} target = ? AND key = ?", (*values, row.target, row.key))  # noqa: S608


def _row(one: Sequence[Any]) -> Row:
    target, key, seq, told, told_at, wanted, wants, doubt, attempts, next_time, parked, since, look_at = one[:13]
    known = None if told is None else frozenset(json.loads(told))
    return Row(
        target, key, seq, known, told_at, wanted, frozenset(json.loads(wants)), doubt, attempts, next_time, parked,
        since, look_at,
    )  # fmt: skip


def _values(row: Row) -> tuple[Any, ...]:
    told = None if row.told is None else json.dumps(sorted(row.told))
    return (
        row.target, row.key, row.seq, told, row.told_at, row.wanted, json.dumps(sorted(row.wants)), row.doubt,
        row.attempts, row.next_at, row.parked, row.since, row.look_at,
    )  # fmt: skip

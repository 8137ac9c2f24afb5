"""The outbox: which notifications are to be delivered, and which were. Rows of the state file; a crash keeps them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.model.notification import Notification, from_text, to_text
from streamwatch.notify.plan import MaybeDelivered, NotificationState
from streamwatch.state.schema import Tables

MOST_ROWS: Final = 100_000
"""Of one target; what comes on top is dropped, and counted."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its notification."""

    row: NotificationState
    content: Notification


def _entry(stored: Mapping[str, Any] | sqlite3.Row) -> Entry:
    """Return a row with its notification.

    Raises:
        ValueError: it makes none; or TypeError, KeyError.

    """
    return Entry(_row(stored), from_text(stored["content"]))


def _row(stored: Mapping[str, Any] | sqlite3.Row) -> NotificationState:
    alerts = stored["delivered"]
    return NotificationState(
        target=stored["target"],
        key=stored["key"],
        seq=stored["seq"],
        delivered=None if alerts is None else frozenset(json.loads(alerts)),
        delivered_at=stored["delivered_at"],
        wanted=stored["wanted"],
        wanted_alerts=frozenset(json.loads(stored["wanted_alerts"])),
        maybe_delivered=MaybeDelivered(stored["maybe_delivered"]),
        attempts=stored["attempts"],
        next_at=stored["next_at"],
        parked_reason=stored["given_up"],
        wanted_since=stored["wanted_since"],
        plan_again_at=stored["plan_again_at"],
    )


TABLES: Final = Tables(
    ("notified",),
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
        ),
        4: (
            "ALTER TABLE notified RENAME COLUMN told TO delivered",
            "ALTER TABLE notified RENAME COLUMN told_at TO delivered_at",
            "ALTER TABLE notified RENAME COLUMN wants TO wanted_alerts",
            "ALTER TABLE notified RENAME COLUMN doubt TO maybe_delivered",
            "ALTER TABLE notified RENAME COLUMN parked TO given_up",
            "ALTER TABLE notified RENAME COLUMN since TO wanted_since",
            "ALTER TABLE notified RENAME COLUMN look_at TO plan_again_at",
        ),
    },
    {"notified": _entry},
)

_SELECT_ALL: Final = "SELECT * FROM notified"
_SELECT_TO_PLAN: Final = "SELECT * FROM notified WHERE plan_again_at <= :now"
_SELECT_CONTENT: Final = "SELECT content FROM notified WHERE target = :target AND key = :key"
_SELECT_TARGETS: Final = "SELECT DISTINCT target FROM notified"
_SELECT_DUE: Final = """
    SELECT * FROM notified
    WHERE target = :target AND wanted <> '' AND given_up = '' AND next_at <= :now
    ORDER BY next_at, rowid LIMIT :most
"""
_SELECT_NEXT: Final = "SELECT min(next_at) FROM notified WHERE target = :target AND wanted <> '' AND given_up = ''"
_SELECT_WAITING: Final = """
    SELECT target, sum(given_up = ''), sum(given_up <> ''),
      min(CASE WHEN given_up = ''
        THEN max(wanted_since, CASE WHEN attempts = 0 THEN next_at ELSE wanted_since END) END)
    FROM notified WHERE wanted <> '' GROUP BY target
"""
_SELECT_LATEST: Final = "SELECT max(max(delivered_at, wanted_since)) FROM notified"
_REPLACE: Final = """
    INSERT OR REPLACE INTO notified (
      target, key, seq, delivered, delivered_at, wanted, wanted_alerts, maybe_delivered, attempts, next_at, given_up,
      wanted_since, plan_again_at, content
    ) VALUES (
      :target, :key, :seq, :delivered, :delivered_at, :wanted, :wanted_alerts, :maybe_delivered, :attempts, :next_at,
      :given_up, :wanted_since, :plan_again_at, :content
    )
"""
_UPDATE: Final = """
    UPDATE notified SET seq = :seq, delivered = :delivered, delivered_at = :delivered_at, wanted = :wanted,
      wanted_alerts = :wanted_alerts, maybe_delivered = :maybe_delivered, attempts = :attempts, next_at = :next_at,
      given_up = :given_up, wanted_since = :wanted_since, plan_again_at = :plan_again_at
    WHERE target = :target AND key = :key
"""
_DELETE: Final = "DELETE FROM notified WHERE target = :target AND key = :key"
_DELETE_WANTED: Final = "DELETE FROM notified WHERE target = :target AND wanted <> ''"
_DELETE_TARGET: Final = "DELETE FROM notified WHERE target = :target"
_TRY_AGAIN: Final = "UPDATE notified SET given_up = '', attempts = 0 WHERE given_up <> ''"
_TAKE: Final = """
    UPDATE notified SET maybe_delivered = :under_way
    WHERE target = :target AND key = :key AND maybe_delivered = :no
"""
_DELIVERED: Final = """
    UPDATE notified SET delivered = :alerts, delivered_at = :at, maybe_delivered = :no, attempts = 0
    WHERE target = :target AND key = :key
"""
_NOTHING_WANTED: Final = """
    UPDATE notified SET wanted = '', plan_again_at = 0 WHERE target = :target AND key = :key AND seq = :seq
"""
_FAILED: Final = """
    UPDATE notified SET attempts = attempts + 1, next_at = max(next_at, :again_at),
      maybe_delivered = CASE WHEN :reached THEN :yes WHEN maybe_delivered = :under_way THEN :no ELSE maybe_delivered END
    WHERE target = :target AND key = :key
"""
_GIVE_UP: Final = """
    UPDATE notified SET given_up = :why, attempts = attempts + 1,
      maybe_delivered = CASE WHEN maybe_delivered = :under_way THEN :no ELSE maybe_delivered END
    WHERE target = :target AND key = :key AND seq = :seq
"""
_INTERRUPTED: Final = "UPDATE notified SET maybe_delivered = :yes WHERE maybe_delivered = :under_way"
_SHIFT: Final = """
    UPDATE notified SET delivered_at = delivered_at + :seconds, next_at = next_at + :seconds,
      wanted_since = wanted_since + :seconds, plan_again_at = plan_again_at + :seconds
"""
_SHIFT_BACK_TO_NOW: Final = """
    UPDATE notified SET delivered_at = min(delivered_at, :now), wanted_since = min(wanted_since, :now),
      next_at = next_at - max(0, max(delivered_at, wanted_since) - :now),
      plan_again_at = plan_again_at - max(0, max(delivered_at, wanted_since) - :now)
"""
"""What has happened does not lie ahead, and what waits for a time after that waits as long as it did."""
_OUTCOMES: Final[Mapping[str, int]] = {
    "no": MaybeDelivered.NO.value,
    "under_way": MaybeDelivered.UNDER_WAY.value,
    "yes": MaybeDelivered.YES.value,
}


def rows(connection: sqlite3.Connection) -> dict[tuple[str, str], NotificationState]:
    """Return every row by target and key."""
    return {(row.target, row.key): row for row in map(_row, _select(connection, _SELECT_ALL))}


def rows_to_plan(connection: sqlite3.Connection, now: float) -> dict[tuple[str, str], NotificationState]:
    """Return the rows that are to be planned again although no alert has changed, by target and key."""
    states = _select(connection, _SELECT_TO_PLAN, {"now": now})
    return {(row.target, row.key): row for row in map(_row, states)}


def entries(connection: sqlite3.Connection) -> list[Entry]:
    """Return every row with its notification, delivered or not."""
    return list(map(_entry, _select(connection, _SELECT_ALL)))


def content(connection: sqlite3.Connection, row: NotificationState) -> Notification | None:
    """Return the notification that a row wanted last."""
    stored = connection.execute(_SELECT_CONTENT, _key(row)).fetchone()
    return None if stored is None else from_text(stored[0])


def put(connection: sqlite3.Connection, row: NotificationState, notification: Notification) -> None:
    """Write a row and its notification."""
    connection.execute(_REPLACE, _values(row) | {"content": to_text(notification)})


def change(connection: sqlite3.Connection, row: NotificationState) -> None:
    """Write a row; its notification stays."""
    connection.execute(_UPDATE, _values(row))


def drop(connection: sqlite3.Connection, row: NotificationState) -> None:
    """Delete a row."""
    connection.execute(_DELETE, _key(row))


def keep_only(connection: sqlite3.Connection, targets: Iterable[str]) -> int:
    """Delete the rows of every other target, and try again what was given up; return how many were never delivered."""
    configured, undelivered = set(targets), 0
    for (target,) in connection.execute(_SELECT_TARGETS).fetchall():
        if target not in configured:
            undelivered += connection.execute(_DELETE_WANTED, {"target": target}).rowcount
            connection.execute(_DELETE_TARGET, {"target": target})
    connection.execute(_TRY_AGAIN)
    return undelivered


def interrupted(connection: sqlite3.Connection) -> None:
    """After a start: note that attempts that were under way when the agent ended may have been delivered."""
    connection.execute(_INTERRUPTED, _OUTCOMES)


def shift(connection: sqlite3.Connection, seconds: float, now: float) -> None:
    """Move all times, after the clock was set by so much; what has happened never lies ahead of now."""
    connection.execute(_SHIFT, {"seconds": seconds})
    latest = connection.execute(_SELECT_LATEST).fetchone()[0]
    if latest is not None and latest > now:
        connection.execute(_SHIFT_BACK_TO_NOW, {"now": now})


def take(connection: sqlite3.Connection, target: str, now: float, most: int) -> list[Entry]:
    """Return what is to be delivered to a target now, what has waited longest first, and note that it is under way.

    In one transaction: what has been taken is not planned away as if it had never been sent.
    """
    due = list(map(_entry, _select(connection, _SELECT_DUE, {"target": target, "now": now, "most": most})))
    for entry in due:
        if entry.row.maybe_delivered is MaybeDelivered.NO:
            connection.execute(_TAKE, {**_key(entry.row), **_OUTCOMES})
    return due


def next_at(connection: sqlite3.Connection, target: str) -> float | None:
    """Return when something is to be delivered to a target next; None where nothing is."""
    at = connection.execute(_SELECT_NEXT, {"target": target}).fetchone()[0]
    return None if at is None else float(at)


def delivered(connection: sqlite3.Connection, entry: Entry, at: float) -> None:
    """Note that a notification was delivered; by now, another one may be wanted."""
    alerts = json.dumps(sorted(entry.row.wanted_alerts))
    connection.execute(_DELIVERED, {**_key(entry.row), **_OUTCOMES, "alerts": alerts, "at": at})
    connection.execute(_NOTHING_WANTED, _key(entry.row) | {"seq": entry.row.seq})


def failed(connection: sqlite3.Connection, entry: Entry, *, again_at: float, reached: bool) -> None:
    """Note that an attempt failed, when to try again, and whether the service may have taken it all the same."""
    connection.execute(_FAILED, {**_key(entry.row), **_OUTCOMES, "again_at": again_at, "reached": reached})


def park(connection: sqlite3.Connection, entry: Entry, why: str) -> None:
    """Give a notification up that the service will never take as it is."""
    connection.execute(_GIVE_UP, {**_key(entry.row), **_OUTCOMES, "why": why, "seq": entry.row.seq})


def waiting(connection: sqlite3.Connection) -> dict[str, tuple[int, int, float]]:
    """Return of each target how much waits, how much was given up, and since when the oldest has been due."""
    return {
        target: (int(count), int(parked), float("inf") if oldest is None else float(oldest))
        for target, count, parked, oldest in connection.execute(_SELECT_WAITING)
    }


def _select(
    connection: sqlite3.Connection, statement: str, values: Mapping[str, Any] | None = None
) -> Iterator[sqlite3.Row]:
    """Yield rows whose columns have names."""
    cursor = connection.execute(statement, values or {})
    cursor.row_factory = sqlite3.Row
    return cursor


def _key(row: NotificationState) -> dict[str, Any]:
    return {"target": row.target, "key": row.key}


def _values(row: NotificationState) -> dict[str, Any]:
    return {
        "target": row.target,
        "key": row.key,
        "seq": row.seq,
        "delivered": None if row.delivered is None else json.dumps(sorted(row.delivered)),
        "delivered_at": row.delivered_at,
        "wanted": row.wanted,
        "wanted_alerts": json.dumps(sorted(row.wanted_alerts)),
        "maybe_delivered": row.maybe_delivered.value,
        "attempts": row.attempts,
        "next_at": row.next_at,
        "given_up": row.parked_reason,
        "wanted_since": row.wanted_since,
        "plan_again_at": row.plan_again_at,
    }

"""Alerts outlive the agent: in one SQLite file, written with the decision.

Only what changed is written, in one transaction a decision, and to the disk before the decision counts
(``synchronous=FULL``: a decision is rare, and costs milliseconds). A process that is killed at any moment finds its
clocks and its firing alerts again, whatever ``for`` is. A pending clock goes on: where the condition holds at the first
evaluation after a restart, it is taken to have held in between.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.rules.group import RuleChange

_MIGRATIONS: Final[tuple[str, ...]] = (
    """
    CREATE TABLE alerts (
      rule TEXT NOT NULL, labels TEXT NOT NULL, state TEXT NOT NULL, value REAL, active_at REAL NOT NULL,
      annotations TEXT NOT NULL, fired_at REAL, resolved_at REAL, keep_firing_since REAL,
      PRIMARY KEY (rule, labels)
    ) WITHOUT ROWID
    """,
)
"""Each makes the next version of what is there."""


class StateFile:
    """The file. May be used from any thread; without a path, everything is in memory only."""

    def __init__(self, path: Path | None, tell: Callable[[str], None], now: float) -> None:
        """Open it, or begin a new one; one that cannot be used is set aside, and that is told.

        Args:
            path: of the file; its folder must exist.
            tell: told what went wrong, in words for people.
            now: in seconds since 1970, for the name of a file that is set aside.

        """
        self._lock = threading.RLock()
        self._tell = tell
        self._lost = ""
        """Why there is no file, though there should be."""
        self.problem = ""
        """Why decisions are not written; empty where they are."""
        self._connection = _memory() if path is None else self._open(path, now)

    def load(self) -> dict[str, dict[Labels, Alert]]:
        """Return the alerts that were known, by rule."""
        found: dict[str, dict[Labels, Alert]] = {}
        with self._lock:
            rows = self._connection.execute("SELECT * FROM alerts").fetchall()
        for rule, labels, state, value, active_at, annotations, fired_at, resolved_at, keep in rows:
            own = Labels(json.loads(labels))
            told = tuple((str(name), str(text)) for name, text in json.loads(annotations))
            alert = Alert(
                own, state, float("nan") if value is None else value, active_at, told, fired_at, resolved_at, keep
            )
            found.setdefault(rule, {})[own] = alert
        return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; what is written on it is kept as a whole, or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def save(self, decided: Iterable[RuleChange]) -> None:
        """Write what became of alerts; where that cannot be, it is said, and the agent goes on without."""
        changed = list(decided)
        if not changed:
            return
        try:
            with self.transaction() as connection:
                for one in changed:
                    _write(connection, one)
        except sqlite3.Error as error:
            if not self.problem:
                self._tell(f"alerts cannot be written: {error}: until they can, a restart forgets what changes now")
            self.problem = str(error)
            return
        self.problem = self._lost

    def forget(self, known: Iterable[str]) -> None:
        """Drop the alerts of every rule but these."""
        kept = set(known)
        with suppress(sqlite3.Error), self.transaction() as connection:
            there = [rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM alerts")]
            connection.executemany("DELETE FROM alerts WHERE rule = ?", [(one,) for one in there if one not in kept])

    def close(self) -> None:
        """Close the file."""
        with self._lock, suppress(sqlite3.Error):
            self._connection.close()

    def _open(self, path: Path, now: float) -> sqlite3.Connection:
        try:
            return _opened(path)
        except (sqlite3.DatabaseError, _Newer) as error:
            if isinstance(error, sqlite3.OperationalError) and not path.exists():
                self.problem = self._lost = str(error)
                self._tell(f"{path}: cannot be made: {error}: alerts are kept in memory only: give another path")
                return _memory()
            aside = path.with_name(f"{path.name}.damaged-{int(now)}")
            try:
                for ending in ("-wal", "-shm"):
                    path.with_name(path.name + ending).unlink(missing_ok=True)
                path.rename(aside)
                self._tell(f"{path}: cannot be used: {error}: set aside as {aside.name}, and begun anew")
                return _opened(path)
            except (OSError, sqlite3.Error) as second:
                self.problem = self._lost = str(second)
                self._tell(f"{path}: cannot be used: {error}; nor begun anew: {second}: alerts are kept in memory only")
                return _memory()


class _Newer(Exception):
    """The file was written by a newer StreamWatch."""


def _memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _migrate(connection)
    return connection


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _check(connection)
        _migrate(connection)
        connection.execute("SELECT count(*) FROM alerts")
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
        raise sqlite3.DatabaseError("the file is damaged")


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(_MIGRATIONS):
        raise _Newer(f"version {version} is newer than this agent's {len(_MIGRATIONS)}")
    for number, statement in enumerate(_MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")


def _write(connection: sqlite3.Connection, one: RuleChange) -> None:
    labels, alert = json.dumps(one.change.labels.pairs), one.change.after
    if alert is None:
        connection.execute("DELETE FROM alerts WHERE rule = ? AND labels = ?", (one.rule.key, labels))
        return
    row = (
        one.rule.key, labels, alert.state, alert.value, alert.active_at, json.dumps(alert.annotations),
        alert.fired_at, alert.resolved_at, alert.keep_firing_since,
    )  # fmt: skip
    connection.execute("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

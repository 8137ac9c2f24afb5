"""Alerts outlive the agent: their rows in the state file. Only what changed is written.

A process that is killed at any moment finds its clocks and its firing alerts again, whatever ``for`` is. A pending
clock goes on: where the condition holds at the first evaluation after a restart, it is taken to have held in between.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from streamwatch.core.times import is_instant
from streamwatch.model.alert import Alert, State
from streamwatch.model.labels import Labels
from streamwatch.rules.group import RuleChange
from streamwatch.state.schema import Tables

_STATES: Final = frozenset(get_args(State))


def _alert(row: Mapping[str, Any] | sqlite3.Row) -> Alert:
    """Return the alert of a row.

    Raises:
        ValueError: the row makes no alert; or TypeError.

    """
    labels = Labels((str(name), str(value)) for name, value in json.loads(row["labels"]))
    annotations = tuple((str(name), str(text)) for name, text in json.loads(row["annotations"]))
    state, value, active_at = row["state"], row["value"], row["active_at"]
    times = (row["fired_at"], row["resolved_at"], row["keep_firing_since"])
    if state not in _STATES or not all(is_instant(at) for at in (active_at, *times) if at is not None):
        raise ValueError(f"state {state!r}, times {(active_at, *times)}")
    return Alert(labels, state, float("nan") if value is None else value, active_at, annotations, *times)


TABLES: Final = Tables(
    ("alerts",),
    {
        1: (
            """
            CREATE TABLE alerts (
              rule TEXT NOT NULL, labels TEXT NOT NULL, state TEXT NOT NULL, value REAL, active_at REAL NOT NULL,
              annotations TEXT NOT NULL, fired_at REAL, resolved_at REAL, keep_firing_since REAL,
              PRIMARY KEY (rule, labels)
            ) WITHOUT ROWID
            """,
        )
    },
    {"alerts": _alert},
)


def load(connection: sqlite3.Connection) -> dict[str, dict[Labels, Alert]]:
    """Return the alerts that were known, by rule."""
    found: dict[str, dict[Labels, Alert]] = {}
    cursor = connection.execute("SELECT * FROM alerts")
    cursor.row_factory = sqlite3.Row
    for row in cursor:
        alert = _alert(row)
        found.setdefault(row["rule"], {})[alert.labels] = alert
    return found


def save(connection: sqlite3.Connection, decided: Iterable[RuleChange]) -> None:
    """Write what became of alerts."""
    for one in decided:
        labels, alert = json.dumps(one.change.labels.pairs), one.change.after
        if alert is None:
            connection.execute("DELETE FROM alerts WHERE rule = ? AND labels = ?", (one.rule.key, labels))
            continue
        row = (
            one.rule.key, labels, alert.state, alert.value, alert.active_at, json.dumps(alert.annotations),
            alert.fired_at, alert.resolved_at, alert.keep_firing_since,
        )  # fmt: skip
        connection.execute("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def forget(connection: sqlite3.Connection, known: Iterable[str]) -> None:
    """Drop the alerts of every rule but these."""
    known_rules = set(known)
    there = [rule for (rule,) in connection.execute("SELECT DISTINCT rule FROM alerts")]
    connection.executemany("DELETE FROM alerts WHERE rule = ?", [(one,) for one in there if one not in known_rules])

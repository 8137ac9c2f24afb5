"""Incidents that were, and are, as rows of the state file: what a restart must not forget.

An incident that goes on has a row, too: after a kill it has its beginning, and what hung below it.
"""

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamwatch.core.times import is_instant
from streamwatch.incidents.past import AGE_SECONDS, MOST, MOST_ALERTS, PastIncident
from streamwatch.model.labels import Labels
from streamwatch.state.schema import Tables
from streamwatch.state.statefile import StateFile

log = logging.getLogger(__name__)


def _incident(row: Mapping[str, Any] | sqlite3.Row) -> PastIncident:
    """Return the incident of a row.

    Raises:
        ValueError: the row makes no incident; or TypeError.

    """
    since, ended = row["since"], row["ended"]
    if not is_instant(since) or (ended is not None and not (is_instant(ended) and since <= ended)):
        raise ValueError(f"since {since}, ended {ended}")
    alerts = [Labels((str(name), str(value)) for name, value in pairs) for pairs in json.loads(row["alerts"])]
    return PastIncident(row["id"], since, row["sentence"], frozenset(alerts[:MOST_ALERTS]), ended)


TABLES: Final = Tables(
    ("past_incidents",),
    {
        6: (
            """
            CREATE TABLE past_incidents (
              number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, since REAL NOT NULL, ended REAL,
              sentence TEXT NOT NULL, alerts TEXT NOT NULL
            )
            """,
            "CREATE INDEX past_incidents_of ON past_incidents (id)",
        ),
    },
    {"past_incidents": _incident},
)
_LAST: Final = "SELECT * FROM past_incidents WHERE ended IS {} NULL ORDER BY number DESC LIMIT ?"
_PRUNE: Final = """
    DELETE FROM past_incidents WHERE ended IS NOT NULL AND number <=
      (SELECT number FROM past_incidents WHERE ended IS NOT NULL ORDER BY number DESC LIMIT 1 OFFSET ?)
"""


def _row(incident: PastIncident) -> tuple[str, float, float | None, str, str]:
    alerts = json.dumps(sorted(labels.pairs for labels in incident.alerts))
    name, sentence = (text.encode(errors="replace").decode() for text in (incident.id, incident.sentence))
    return name, incident.since, incident.ended, sentence, alerts


def load(connection: sqlite3.Connection) -> list[PastIncident]:
    """Return the last incidents that were known, the oldest first; those that went on have no end."""
    found: list[sqlite3.Row] = []
    for which in ("", "NOT"):
        cursor = connection.execute(_LAST.format(which), (MOST,))
        cursor.row_factory = sqlite3.Row
        found += cursor
    return [_incident(row) for row in sorted(found, key=lambda row: int(row["number"]))]


def write_later(state: StateFile, incidents: Sequence[PastIncident], now: float) -> None:
    """Write what became of incidents, in one transaction that nobody waits for; forget what is too old, or too many.

    Args:
        state: the file.
        incidents: each in the place of the row of the one with its id that went on.
        now: in seconds since 1970.

    """
    if not incidents:
        return
    rows = [_row(one) for one in incidents]

    def work(connection: sqlite3.Connection) -> None:
        try:
            for row in rows:
                connection.execute("DELETE FROM past_incidents WHERE id = ? AND ended IS NULL", row[:1])
                connection.execute(
                    "INSERT INTO past_incidents (id, since, ended, sentence, alerts) VALUES (?, ?, ?, ?, ?)", row
                )
            connection.execute("DELETE FROM past_incidents WHERE ended < ?", (now - AGE_SECONDS,))
            connection.execute(_PRUNE, (MOST,))
        except Exception:
            log.exception("incidents: what became of them cannot be written: please report this")
            raise

    state.write_later(work)

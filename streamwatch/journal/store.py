"""The journal as rows of the state file, and what was last seen of each source."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from streamwatch.core.times import is_instant
from streamwatch.journal.kinds import KINDS, moved_by, sentence
from streamwatch.journal.packing import PackError
from streamwatch.journal.question import Question
from streamwatch.journal.seen import Part, Seen, unpacked
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.state.schema import Tables


def _checked(row: Mapping[str, Any]) -> None:
    """Check the times of a change.

    Raises:
        ValueError: one is none.

    """
    if not all(is_instant(row[name]) for name in ("at", "since", "until")):
        raise ValueError(f"at {row['at']}, since {row['since']}, until {row['until']}")


TABLES: Final = Tables(
    ("changes", "seen_sources", "seen_parts"),
    {
        5: (
            """
            CREATE TABLE changes (
              number INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, since REAL NOT NULL, until REAL NOT NULL,
              source TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, sentence TEXT NOT NULL,
              before TEXT NOT NULL, after TEXT NOT NULL, count INTEGER NOT NULL
            )
            """,
            "CREATE INDEX changes_at ON changes (at, number)",
            "CREATE INDEX changes_of ON changes (source, kind, subject, number)",
            """
            CREATE TABLE seen_sources (source TEXT NOT NULL PRIMARY KEY, scope TEXT NOT NULL, at REAL NOT NULL)
            WITHOUT ROWID
            """,
            """
            CREATE TABLE seen_parts (
              source TEXT NOT NULL, part TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (source, part)
            )
            """,
        ),
    },
    {"changes": _checked},
)
_LONGEST_SECONDS: Final = 3600.0
"""What goes on for longer is another entry."""
_COLUMNS: Final = "number, at, since, until, source, kind, subject, sentence, before, after, count"
_INSERT: Final = """
    INSERT INTO changes (at, since, until, source, kind, subject, sentence, before, after, count)
    VALUES (:at, :since, :until, :source, :kind, :subject, :sentence, :before, :after, :count)
"""
_UPDATE: Final = """
    UPDATE changes SET until = :until, subject = :subject, sentence = :sentence, after = :after, count = :count
    WHERE number = :number
"""
_LAST: Final = f"""
    SELECT {_COLUMNS} FROM changes WHERE source = :source AND kind = :kind AND subject = :subject
    ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - our own columns
_LAST_OF_MANY: Final = f"""
    SELECT {_COLUMNS} FROM changes WHERE source = :source AND kind = :kind AND before = '' AND after = ''
    AND subject GLOB '* and [0-9]* more' ORDER BY number DESC LIMIT 1
"""  # noqa: S608 - our own columns


def select(connection: sqlite3.Connection, question: Question) -> list[JournalEntry]:
    """Return changes, the newest first."""
    conditions, values = ["at <= ?", "until >= ?"], [question.until, question.since]
    more: list[Any] = []
    if question.sources:
        conditions.append(f"source IN ({', '.join('?' * len(question.sources))})")
        more += question.sources
    if question.kinds:
        conditions.append(f"({' OR '.join(['kind = ? OR kind GLOB ?'] * len(question.kinds))})")
        more += [text for kind in question.kinds for text in (kind, f"{kind}.*")]
    if question.below is not None:
        conditions.append("(at, number) < (?, ?)")
        more += question.below
    text = f"SELECT {_COLUMNS} FROM changes WHERE {' AND '.join(conditions)} ORDER BY at DESC, number DESC LIMIT ?"  # noqa: S608 - our own words
    return [_change(row) for row in connection.execute(text, (*values, *more, question.limit))]


def add(connection: sqlite3.Connection, changes: Iterable[JournalEntry], join_seconds: float) -> None:
    """Write changes; those that come again and again are joined with their last."""
    for change in changes:
        last = _joinable(connection, change, join_seconds) if KINDS[change.kind].joins else None
        if last is None:
            connection.execute(_INSERT, _values(change))
        else:
            connection.execute(_UPDATE, _values(_joined(last, change)))


def _joinable(connection: sqlite3.Connection, change: JournalEntry, join_seconds: float) -> JournalEntry | None:
    """Return the entry that a change goes on with; which things are many at once may be others each time."""
    last = _found(connection, _LAST_OF_MANY if change.count > 1 else _LAST, change)
    if last is None or not 0 <= change.at - last.until <= join_seconds or change.at - last.at > _LONGEST_SECONDS:
        return None
    if KINDS[change.kind].is_from_to:
        return last
    of_many = _found(connection, _LAST_OF_MANY, change)
    if of_many is not None and of_many.until > last.until:
        return None  # it may have been one of the many in between, by more than is said of it
    return last


def _found(connection: sqlite3.Connection, query: str, change: JournalEntry) -> JournalEntry | None:
    row = connection.execute(query, _values(change)).fetchone()
    return None if row is None else _change(row)


def _joined(last: JournalEntry, change: JournalEntry) -> JournalEntry:
    """Return a change that holds both."""
    count = last.count + change.count
    times = f"{count} changes in {round(change.until - last.at)} s"
    if change.count > 1:  # many things at once: of none of them it is known what it was before
        text = f"{change.sentence} ({times})"
        return replace(last, until=change.until, subject=change.subject, count=count, sentence=text)
    if not KINDS[change.kind].is_from_to:  # each is by an amount of its own: the last one is not that of all
        after = max(last.after, change.after, key=moved_by)
        text = f"{sentence(change.kind, change.subject, '', after)}, the most of {times}"
        return replace(last, until=change.until, after=after, count=count, sentence=text)
    text = sentence(change.kind, change.subject, last.before, change.after)
    if last.before and last.before == change.after:
        text = f"{change.subject}: {change.after} again"
    return replace(last, until=change.until, after=change.after, count=count, sentence=f"{text} ({times})")


def prune(connection: sqlite3.Connection, most: int, before: float) -> None:
    """Forget changes that are too old or too many, and sources that nobody has read since."""
    connection.execute("DELETE FROM changes WHERE until < :before", {"before": before})
    connection.execute(
        "DELETE FROM changes WHERE number <= (SELECT number FROM changes ORDER BY number DESC LIMIT 1 OFFSET :most)",
        {"most": most},
    )
    connection.execute("DELETE FROM seen_sources WHERE at < :before", {"before": before})
    connection.execute("DELETE FROM seen_parts WHERE source NOT IN (SELECT source FROM seen_sources)")


def seen_at(connection: sqlite3.Connection, source: str) -> tuple[str, float] | None:
    """Return how a source was configured when it was last read, and when that was; None where it never was."""
    row = connection.execute("SELECT scope, at FROM seen_sources WHERE source = ?", (source,)).fetchone()
    return None if row is None else (str(row[0]), float(row[1]))


def read_seen(connection: sqlite3.Connection, source: str) -> Seen:
    """Return what was last seen of a source; parts that cannot be read are not known."""
    rows = connection.execute("SELECT part, body FROM seen_parts WHERE source = ?", (source,))
    return Seen(dict(_parts(rows)))


def _parts(rows: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Part]]:
    for name, body in rows:
        try:
            yield name, unpacked(name, body)
        except PackError:
            continue


def write_seen(connection: sqlite3.Connection, source: str, scope: str, at: float, parts: Mapping[str, bytes]) -> None:
    """Write when a source was read, and those parts of what was seen that are new, packed."""
    connection.execute("INSERT OR REPLACE INTO seen_sources VALUES (?, ?, ?)", (source, scope, at))
    for name, body in parts.items():
        connection.execute("INSERT OR REPLACE INTO seen_parts VALUES (?, ?, ?)", (source, name, body))


def _change(row: Sequence[Any]) -> JournalEntry:
    names = ("number", "at", "since", "until", "source", "kind", "subject", "sentence", "before", "after", "count")
    return JournalEntry(**dict(zip(names, row, strict=True)))


def _values(change: JournalEntry) -> dict[str, Any]:
    return {
        "number": change.number, "at": change.at, "since": change.since, "until": change.until,
        "source": change.source, "kind": change.kind, "subject": change.subject, "sentence": change.sentence,
        "before": change.before, "after": change.after, "count": change.count,
    }  # fmt: skip

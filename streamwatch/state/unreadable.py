"""Rows of the state file that nobody can read: somebody wrote by hand, or a disk lost bits where SQLite cannot see it.

One of them must not keep the agent from starting, nor fail every evaluation. It is set aside, and that is said.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Read = Callable[[Mapping[str, Any]], object]
"""Reads a row as its owner does; raises one of ``UNREADABLE`` where it cannot."""
UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row, as it was stored, and why it cannot be read."""

    table: str
    row: Mapping[str, Any]
    key: tuple[Any, ...]
    why: str

    def as_line(self) -> str:
        """Return it as a line of JSON; what is no UTF-8 is written out."""
        return json.dumps({"table": self.table, "why": self.why, "row": self.row}, default=_written_out)


class _Text(bytes):
    """A text as it is stored: maybe no UTF-8."""

    __slots__ = ()


def remove_unreadable(connection: sqlite3.Connection, tables: Mapping[str, Read | None]) -> list[UnreadableRow]:
    """Delete the rows that cannot be read, and return them."""
    connection.text_factory = _Text
    try:
        found = [row for table, read in tables.items() for row in _unreadable(connection, table, read)]
        if found:
            connection.execute("BEGIN IMMEDIATE")
            for row in found:
                _delete(connection, row)
            connection.execute("COMMIT")
    finally:
        connection.text_factory = str
    return found


def write_aside(rows: list[UnreadableRow], path: Path) -> None:
    """Append rows to a file that its owner only can read.

    Raises:
        OSError: it cannot be written.

    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{row.as_line()}\n" for row in rows)


def _unreadable(connection: sqlite3.Connection, table: str, read: Read | None) -> Iterator[UnreadableRow]:
    columns = _columns(connection, table)
    for values in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - a table of ours
        row = dict(zip(columns, values, strict=True))
        try:
            decoded = {name: _decoded(value, *columns[name][:2]) for name, value in row.items()}
            if read is not None:
                read(decoded)
        except UNREADABLE as error:
            key = tuple(row[name] for name, (_, _, is_key) in columns.items() if is_key)
            yield UnreadableRow(table, row, key, f"{type(error).__name__}: {error}"[:200])


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, tuple[str, bool, bool]]:
    """Return of each column its type, whether it must have a value, and whether it is part of the key."""
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {name.decode(): (kind.decode(), bool(required or key), key > 0) for _, name, kind, required, _, key in rows}


def _decoded(value: Any, kind: str, required: bool) -> Any:  # noqa: ANN401, FBT001 - of any column
    if value is None and not required:
        return None
    kinds: dict[str, Any] = {"TEXT": _Text, "REAL": float, "INTEGER": int, "BLOB": bytes}
    if not isinstance(value, kinds.get(kind, object)):
        raise TypeError(f"{type(value).__name__} where {kind} is due")
    return value.decode() if kind == "TEXT" else value


def _delete(connection: sqlite3.Connection, row: UnreadableRow) -> None:
    names = [name for name, (_, _, is_key) in _columns(connection, row.table).items() if is_key]
    condition = " AND ".join(f"({name} IS ? OR {name} IS CAST(? AS TEXT))" for name in names)
    values = [value for value in row.key for _ in range(2)]
    connection.execute(f"DELETE FROM {row.table} WHERE {condition}", values)  # noqa: S608 - columns of ours


def _written_out(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else repr(value)

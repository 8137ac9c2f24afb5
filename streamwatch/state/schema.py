"""The tables of the state file: whoever reads and writes a table declares it, and what each version changes."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamwatch.state.unreadable import Read, UnreadableRow, remove_unreadable


class NewerFileError(Exception):
    """The file was written by a newer StreamWatch."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one owner."""

    names: tuple[str, ...]
    versions: Mapping[int, tuple[str, ...]]
    """Statements by the version of the file that they make; versions are counted over all owners."""
    read: Mapping[str, Read] = field(default_factory=dict)
    """By table: reads a row as its owner does, and raises where it cannot."""


class Schema:
    """All tables of a file."""

    def __init__(self, parts: Sequence[Tables]) -> None:
        self._parts = parts
        self._names = {name for part in parts for name in part.names}
        self._version = max(version for part in parts for version in part.versions)

    def migrate(self, connection: sqlite3.Connection) -> None:
        """Make this version of the tables, version by version, of what is there.

        Raises:
            NewerFileError: the file has a version that this agent does not know.

        """
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > self._version:
            raise NewerFileError(f"version {version} is newer than this agent's {self._version}")
        for number in range(version + 1, self._version + 1):
            connection.execute("BEGIN IMMEDIATE")
            for part in self._parts:
                for statement in part.versions.get(number, ()):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")

    def check(self, connection: sqlite3.Connection) -> None:
        """Check that every table is there.

        Raises:
            sqlite3.DatabaseError: one is not.

        """
        there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if missing := self._names - there:
            raise sqlite3.DatabaseError(f"no such table: {min(missing)}")

    def remove_unreadable(self, connection: sqlite3.Connection) -> list[UnreadableRow]:
        """Delete the rows that their owners cannot read, and return them."""
        return remove_unreadable(connection, {name: part.read.get(name) for part in self._parts for name in part.names})

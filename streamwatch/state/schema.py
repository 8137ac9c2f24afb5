"""The tables of the state file: whoever reads and writes a table declares it, and what each version changes."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from streamwatch.state.unreadable import Read, UnreadableRow, remove_unreadable


class NewerFileError(Exception):
    """The file was written by a newer StreamWatch."""


class ForeignFileError(Exception):
    """The file is not the agent's: another program's database, or what a link leads to that has none of its tables."""


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

    def refuse_foreign(self, connection: sqlite3.Connection) -> None:
        """Look at which tables there are, before anything is changed.

        Raises:
            ForeignFileError: there are some, and none is of these.

        """
        there = _named(connection, "table")
        if there and not there & self._names:
            raise ForeignFileError("it is another program's database")

    def check(self, connection: sqlite3.Connection) -> None:
        """Check that every table is there as it was made, and nothing that acts by itself.

        Raises:
            sqlite3.DatabaseError: it is not so.

        """
        if missing := self._names - _named(connection, "table"):
            raise sqlite3.DatabaseError(f"no such table: {min(missing)}")
        if acting := _named(connection, "trigger", "view"):
            raise sqlite3.DatabaseError(f"it has a trigger or a view: {min(acting)}")
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
            self.migrate(made)
            for name in sorted(self._names):
                if _columns(connection, name) != _columns(made, name):
                    raise sqlite3.DatabaseError(f"table {name} has other columns")

    def remove_unreadable(self, connection: sqlite3.Connection) -> list[UnreadableRow]:
        """Delete the rows that their owners cannot read, and return them."""
        return remove_unreadable(connection, {name: part.read.get(name) for part in self._parts for name in part.names})


def _named(connection: sqlite3.Connection, *kinds: str) -> set[str]:
    """Return the names of what a file has of these kinds."""
    return {name for name, kind in connection.execute("SELECT name, type FROM sqlite_master") if kind in kinds}


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Return the columns of a table: name, type, whether it must have a value, and its place in the key."""
    rows = connection.execute(f"PRAGMA table_info({table})")
    return [(name, kind, must, place) for _, name, kind, must, _, place in rows]

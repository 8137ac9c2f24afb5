"""Work on a database in memory, done once, and the statements with which another database is changed alike."""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_CHANGING: Final = frozenset({"INSERT", "UPDATE", "DELETE"})


class Recorded(sqlite3.Connection):
    """A database in memory that remembers the statements that change it, so that the file can be changed alike."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as sqlite3.connect gives them
        super().__init__(*args, **kwargs)
        self.changes: list[tuple[str, Any]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - of SQL
        """Execute a statement, and remember it where it changes anything."""
        found = super().execute(sql, parameters)
        if sql.lstrip()[:6].upper() in _CHANGING:
            self.changes.append((sql, parameters))
        return found

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Execute a statement many times, and remember each."""
        rows = list(parameters)
        self.changes += [(sql, row) for row in rows]
        return super().executemany(sql, rows)


class Transaction(Generic[T]):
    """Some work, done once in memory, whoever does it; and when it is in the file."""

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work: Callable[[sqlite3.Connection], T] | None = work
        self._results: list[T] = []
        self._error: BaseException | None = None
        self.changes: list[tuple[str, Any]] = []
        """What it changed: nothing, where it failed."""
        self.is_over = threading.Event()

    def run(self, memory: Recorded) -> None:
        """Do the work, where nobody has yet; the lock of the memory is held."""
        work, self._work = self._work, None
        if work is None:
            return
        memory.changes = []
        try:
            memory.execute("BEGIN")
            try:
                self._results.append(work(memory))
                memory.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    memory.execute("ROLLBACK")
                raise
            self.changes = memory.changes
        except BaseException as error:  # noqa: BLE001 - it is raised where the work comes from
            self._error = error

    def result(self) -> T:
        """Return what the work returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._results[0]

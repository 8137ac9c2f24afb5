"""The state file with the tables of all rooms that keep something in it."""

from collections.abc import Callable
from pathlib import Path

from streamwatch.agent import past_incidents
from streamwatch.core.clock import Clock
from streamwatch.journal import store
from streamwatch.notify import outbox, silence_store
from streamwatch.rules import persist
from streamwatch.state import marks
from streamwatch.state.statefile import StateFile


def open_state(path: Path | None, report: Callable[[str], None], clock: Clock) -> StateFile:
    """Open the state file, or begin a new one; the arguments are those of ``StateFile``."""
    tables = (persist.TABLES, outbox.TABLES, silence_store.TABLES, marks.TABLES, store.TABLES, past_incidents.TABLES)
    return StateFile(path, tables, report, clock)

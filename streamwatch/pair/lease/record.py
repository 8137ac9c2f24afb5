"""A lease as one record in a home that writes on a condition: DynamoDB, S3, Kubernetes.

Clocks of two machines are never compared: who holds the lease counts from before it asked to write, and who waits for
it counts from when it first saw the record as it is, as client-go's leader election does. So each of them needs only
that its own clock goes on evenly.
"""

import json
import math
from dataclasses import dataclass
from typing import Final, Protocol

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.lease import Holding

_PATIENCE: Final = 1.2
"""Times the length of a lease after which one that nobody renews is taken: clocks do not go at one speed."""
_MOST_SECONDS: Final = 300.0
_MOST_NAME: Final = 253
_MOST_COUNT: Final = 2**53


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What stands in the home."""

    holder: str
    """The agent's name; empty where the lease was given back."""
    process: str
    """Of the agent's processes the one that holds it: after a restart it is another."""
    seconds: float
    """How long the lease is valid without being renewed."""
    term: int
    """Goes up by one whenever another process takes it."""
    beat: int
    """Goes up by one with every write, so that no two records are alike."""


@dataclass(frozen=True, slots=True)
class VersionedRecord:
    """A record as it was read, and what identifies this very state of it in its home."""

    record: LeaseRecord
    version: str


class Home(Protocol):
    """Where the record is."""

    def read(self) -> VersionedRecord | None:
        """Return what stands there now, as the last writer wrote it; None where there is nothing.

        Raises:
            LeaseError: it was not reached, or not understood.

        """

    def write(self, record: LeaseRecord, seen: VersionedRecord | None) -> VersionedRecord | None:
        """Write if nobody has written since ``seen`` was read; return what stands there, or None: somebody has.

        Raises:
            LeaseError: as ``read``; it may have been written all the same.

        """


class RecordLease:
    """The lease of one agent."""

    def __init__(self, home: Home, name: str, process: str, seconds: float, clock: Clock) -> None:
        """Begin; nothing is asked before the first step.

        Args:
            home: where the record is.
            name: of this agent.
            process: of this process: no two have the same.
            seconds: how long the lease is valid without being renewed.
            clock: its monotonic side is used.

        """
        self._home, self._name, self._process, self._seconds, self._clock = home, name, process, seconds, clock
        self._version = ""
        self._since = -math.inf
        """Monotonic: when the record was first seen as it is."""

    def step(self, *, wants: bool) -> Holding:
        """See ``AgentLease``."""
        asked_at = self._clock.monotonic()
        seen = self._home.read()
        record = None if seen is None else seen.record
        self._note(seen)
        if record is not None and record.process == self._process and not wants:
            self._write(record, holder="", seen=seen)
            return Holding("", term=record.term)
        if not wants or not self._may_take(record):
            held = record is not None and not self._is_over(record)
            return Holding(record.holder if record is not None and held else "", term=_term(record))
        written = self._write(record, holder=self._name, seen=seen)
        if written is None:  # somebody was quicker: who, the next step sees
            return Holding("", term=_term(record))
        self._note(written)
        return Holding(self._name, asked_at + self._seconds, written.record.term)

    def release(self) -> None:
        """See ``AgentLease``."""
        self.step(wants=False)

    def close(self) -> None:
        """See ``AgentLease``: there is nothing open between two steps."""

    def _note(self, seen: VersionedRecord | None) -> None:
        version = "" if seen is None else seen.version
        if version != self._version:
            self._version, self._since = version, self._clock.monotonic()

    def _may_take(self, record: LeaseRecord | None) -> bool:
        return record is None or not record.holder or record.process == self._process or self._is_over(record)

    def _is_over(self, record: LeaseRecord) -> bool:
        return self._clock.monotonic() - self._since > record.seconds * _PATIENCE

    def _write(
        self, record: LeaseRecord | None, *, holder: str, seen: VersionedRecord | None
    ) -> VersionedRecord | None:
        is_own = record is not None and record.process == self._process
        beat = 1 if record is None else record.beat + 1
        term = _term(record) + (0 if is_own else 1)
        return self._home.write(LeaseRecord(holder, self._process, self._seconds, term, beat), seen)


def _term(record: LeaseRecord | None) -> int:
    return 0 if record is None else record.term


def to_text(record: LeaseRecord) -> str:
    """Return a record as JSON."""
    return json.dumps(
        {
            "holder": record.holder,
            "process": record.process,
            "seconds": record.seconds,
            "term": record.term,
            "beat": record.beat,
        }
    )


def from_text(text: str, where: str) -> LeaseRecord:
    """Return the record that a text of ``to_text`` says.

    Raises:
        LeaseError: it says none.

    """
    try:
        found = json.loads(text)
        record = LeaseRecord(
            str(found["holder"])[:_MOST_NAME],
            str(found["process"])[:_MOST_NAME],
            min(_MOST_SECONDS, float(found["seconds"])),
            int(found["term"]),
            int(found["beat"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise LeaseError(f"{where}: no lease of StreamWatch is there: give it a place of its own") from error
    if not (0 <= record.term < _MOST_COUNT and 0 <= record.beat < _MOST_COUNT):
        raise LeaseError(f"{where}: its term or beat is no count: delete it, and the agents begin anew")
    if not record.seconds > 0:
        raise LeaseError(f"{where}: a lease of {record.seconds} s: delete it, and the agents begin anew")
    return record

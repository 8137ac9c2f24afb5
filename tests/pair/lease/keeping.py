"""Agents that only keep a lease, each in a thread of its own, and homes of leases that tests can break."""

import threading
from dataclasses import dataclass, field
from typing import Self

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.lease import AgentLease, Holding
from streamwatch.pair.lease.record import LeaseRecord, VersionedRecord

_PAUSE_SECONDS = 0.05


class MemoryHome:
    """A home in memory, which can be out of reach, or lie."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: VersionedRecord | None = None
        self._writes = 0
        self.is_down = False

    def read(self) -> VersionedRecord | None:
        self._check()
        return self._seen

    def write(self, record: LeaseRecord, seen: VersionedRecord | None) -> VersionedRecord | None:
        self._check()
        with self._lock:
            if (self._seen.version if self._seen else "") != (seen.version if seen else ""):
                return None
            self._writes += 1
            self._seen = VersionedRecord(record, str(self._writes))
            return self._seen

    def _check(self) -> None:
        if self.is_down:
            raise LeaseError("memory: out of reach: put it back")


@dataclass
class Keeper:
    """Steps through a lease until it is stopped: as an agent that is killed, or one that gives the lease back."""

    name: str
    lease: AgentLease
    wants: bool = True
    holding: Holding = field(default_factory=lambda: Holding(""))
    error: str = ""
    spans: list[tuple[float, float]] = field(default_factory=list)
    """When it took itself for the holder: from the answer until the lease had run out, monotonic."""
    steps: int = 0

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._clock = SystemClock()
        self._thread = threading.Thread(target=self._keep, name=self.name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.lease.close()

    def kill(self) -> None:
        self._ended.set()
        self._thread.join(180)

    def leave(self) -> None:
        """Take itself for the holder no more, and give it back."""
        self.kill()
        left_at = self._clock.monotonic()
        self.spans = [(began, min(until, left_at)) for began, until in self.spans]
        self.lease.release()

    @property
    def holds(self) -> bool:
        return self._clock.monotonic() < self.holding.until

    def _keep(self) -> None:
        while not self._ended.wait(_PAUSE_SECONDS):
            try:
                holding = self.lease.step(wants=self.wants)
            except LeaseError as error:
                self.error = str(error)
                continue
            at = self._clock.monotonic()
            if at < holding.until:
                self.spans.append((at, holding.until))
            self.holding, self.error = holding, ""
            self.steps += 1


def overlap(one: Keeper, other: Keeper) -> list[tuple[float, float]]:
    """When both took themselves for the holder."""
    found = [(max(a, c), min(b, d)) for a, b in one.spans for c, d in other.spans]
    return [(begins, ends) for begins, ends in found if begins < ends]

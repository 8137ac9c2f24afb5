"""Fetch sessions (KIP-227): a consumer names its partitions once, and gets those that changed."""

import uuid
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.codes import Code

Key = tuple[str, uuid.UUID, int]
"""Topic by name or by id, and partition."""

_MOST_SESSIONS: Final = 1000
_FINAL_EPOCH: Final = -1


@dataclass(frozen=True, slots=True)
class WantedPartition:
    """What a consumer wants of one partition."""

    key: Key
    offset: int
    most_bytes: int
    leader_epoch: int
    last_epoch: int


@dataclass(slots=True)
class FetchSession:
    """Partitions that a consumer keeps asking for, and what it was sent of each the last time."""

    id: int
    epoch: int
    wanted: dict[Key, WantedPartition] = field(default_factory=dict)
    sent: dict[Key, tuple[int, int, int]] = field(default_factory=dict)
    """(code, high watermark, start offset)"""


class Sessions:
    """The fetch sessions of one broker."""

    def __init__(self) -> None:
        self._by_id: dict[int, FetchSession] = {}
        self._next = 1

    def find(self, number: int, epoch: int) -> FetchSession | Code | None:
        """Return the session of a request; None for one without."""
        if epoch in {_FINAL_EPOCH, 0}:
            self._by_id.pop(number, None)
        if epoch == _FINAL_EPOCH:
            return None
        if epoch == 0:
            return self._made()
        session = self._by_id.get(number)
        if session is None:
            return Code.FETCH_SESSION_ID_NOT_FOUND
        if session.epoch != epoch:
            return Code.INVALID_FETCH_SESSION_EPOCH
        session.epoch += 1
        return session

    def _made(self) -> FetchSession:
        while len(self._by_id) >= _MOST_SESSIONS:
            del self._by_id[next(iter(self._by_id))]
        session = FetchSession(self._next, 1)
        self._next += 1
        self._by_id[session.id] = session
        return session

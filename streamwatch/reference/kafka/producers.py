"""What a replica remembers of producers: sequence numbers (idempotence) and open transactions. Derived from its log."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.batch import RecordBatch
from streamwatch.reference.kafka.codes import Code

_REMEMBERED: Final = 5
"""Batches of each producer that are known as duplicates when they come again: the most a client has in flight."""


@dataclass(slots=True)
class Producer:
    """One producer's recent past in one partition."""

    epoch: int
    recent: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    """(first sequence, last sequence, base offset) of its last batches."""
    open_since: int | None = None
    """The first offset of its transaction, while one is open."""
    timestamp: int = -1
    """Of its last batch, in ms."""
    coordinator_epoch: int = -1
    """Of whoever wrote its last marker; -1 where there is none."""


@dataclass(frozen=True, slots=True)
class Aborted:
    """A transaction that was aborted: readers of committed records skip it."""

    producer_id: int
    first_offset: int
    last_offset: int


class Producers:
    """All producers of one replica of a partition."""

    __slots__ = ("aborted", "by_id")

    def __init__(self) -> None:
        self.by_id: dict[int, Producer] = {}
        self.aborted: list[Aborted] = []

    def check(self, batch: RecordBatch) -> tuple[Code, int | None]:
        """Return whether a batch may be appended; with an offset when it is a duplicate that stands there already."""
        known = self.by_id.get(batch.producer_id)
        if known is None:
            return (Code.NONE, None)  # an unknown producer may start anywhere: its past may have expired
        if batch.producer_epoch != known.epoch:
            return (_new_epoch(batch, known), None)
        for first, last, offset in known.recent:
            if (first, last) == (batch.base_sequence, batch.last_sequence):
                return (Code.NONE, offset)
        return (_next(batch, known) if known.recent else Code.NONE, None)

    def note(self, batch: RecordBatch) -> None:
        """Remember a batch that was appended."""
        if not batch.has_producer:
            return
        known = self.by_id.get(batch.producer_id)
        if known is None or batch.producer_epoch != known.epoch:
            since, coordinator = (known.open_since, known.coordinator_epoch) if known else (None, -1)
            known = Producer(batch.producer_epoch, open_since=since, coordinator_epoch=coordinator)
            self.by_id[batch.producer_id] = known
        known.timestamp = batch.max_timestamp
        if batch.is_control:
            known.coordinator_epoch = batch.coordinator_epoch
            if known.open_since is not None and not batch.committed:
                self.aborted.append(Aborted(batch.producer_id, known.open_since, batch.last_offset))
            known.open_since = None
            return
        known.recent.append((batch.base_sequence, batch.last_sequence, batch.base_offset))
        if batch.is_transactional and known.open_since is None:
            known.open_since = batch.base_offset

    @property
    def first_open(self) -> int | None:
        """The first offset of the oldest open transaction."""
        return min((p.open_since for p in self.by_id.values() if p.open_since is not None), default=None)

    def aborted_within(self, start: int, end: int) -> list[Aborted]:
        """Return the aborted transactions that a reader of [start, end) must know."""
        return [one for one in self.aborted if one.last_offset >= start and one.first_offset < end]


def _new_epoch(batch: RecordBatch, known: Producer) -> Code:
    if batch.producer_epoch < known.epoch:
        return Code.INVALID_PRODUCER_EPOCH
    return Code.NONE if batch.base_sequence == 0 else Code.OUT_OF_ORDER_SEQUENCE_NUMBER


def _next(batch: RecordBatch, known: Producer) -> Code:
    """Return whether a batch follows on the last one; the numbers wrap."""
    expected = (known.recent[-1][1] + 1) & 0x7FFFFFFF
    if batch.base_sequence == expected:
        return Code.NONE
    is_old = (expected - batch.base_sequence) & 0x7FFFFFFF < 1 << 30
    return Code.DUPLICATE_SEQUENCE_NUMBER if is_old else Code.OUT_OF_ORDER_SEQUENCE_NUMBER

"""The log of one replica: real record batches, in memory."""

from bisect import bisect_right
from collections.abc import Iterable

from streamwatch.reference.kafka.batch import RecordBatch, times
from streamwatch.reference.kafka.producers import Producers


class Log:
    """Batches in order of offset. Offsets are those of the log, sizes are bytes, timestamps are milliseconds."""

    __slots__ = ("_bases", "_batches", "_newest_deleted", "end", "epochs", "producers", "size", "start")

    def __init__(self) -> None:
        self._batches: list[RecordBatch] = []
        self._bases: list[int] = []
        self.start = 0
        self.end = 0
        self.size = 0
        self.epochs: list[tuple[int, int]] = []
        """(leader epoch, its first offset), both rising."""
        self.producers = Producers()
        self._newest_deleted: tuple[int, int] | None = None

    def append(self, batches: Iterable[RecordBatch]) -> None:
        """Add batches that have their offsets and epochs already; they must follow on."""
        for batch in batches:
            if batch.base_offset < self.end:
                raise ValueError(f"offset {batch.base_offset} is before the end of the log, {self.end}")
            if not self.epochs or self.epochs[-1][0] < batch.epoch:
                self.epochs.append((batch.epoch, batch.base_offset))
            self._batches.append(batch)
            self._bases.append(batch.base_offset)
            self.end = batch.last_offset + 1
            self.size += len(batch.data)
            self.producers.note(batch)

    def read(self, offset: int, limit: int, most_bytes: int) -> list[RecordBatch]:
        """Return whole batches from the one that holds ``offset`` on, below ``limit``; the first is never too big."""
        found: list[RecordBatch] = []
        taken = 0
        for i in range(self._index(offset), len(self._batches)):
            batch = self._batches[i]
            if batch.last_offset >= limit or (found and taken + len(batch.data) > most_bytes):
                break
            found.append(batch)
            taken += len(batch.data)
        return found

    def bytes_between(self, offset: int, limit: int, enough: int) -> int:
        """Return how many bytes could be read, and stop counting at ``enough``."""
        total = 0
        for i in range(self._index(offset), len(self._batches)):
            if self._batches[i].last_offset >= limit or total >= enough:
                break
            total += len(self._batches[i].data)
        return total

    def _index(self, offset: int) -> int:
        i = max(0, bisect_right(self._bases, offset) - 1)
        if i < len(self._batches) and self._batches[i].last_offset < offset:
            i += 1
        return i

    def end_of_epoch(self, epoch: int) -> tuple[int, int]:
        """Return the largest epoch that is not larger, and where it ends (KIP-101); (-1, -1) where there is none."""
        i = bisect_right(self.epochs, epoch, key=lambda one: one[0]) - 1
        if i < 0:
            return (-1, -1)
        return (self.epochs[i][0], self.epochs[i + 1][1] if i + 1 < len(self.epochs) else self.end)

    def epoch_at(self, offset: int) -> int:
        """Return the leader epoch of an offset; -1 where the log never had one."""
        i = bisect_right(self.epochs, offset, key=lambda one: one[1]) - 1
        return self.epochs[i][0] if i >= 0 else -1

    def diverges_at(self, leader: "Log") -> int:
        """Return the offset from which this log is not the leader's: where a follower truncates to."""
        offset = self.end
        while self.epochs:
            epoch = self.epoch_at(offset - 1)
            theirs, their_end = leader.end_of_epoch(epoch)
            if theirs < 0:
                return self.start
            if theirs == epoch:
                return min(offset, their_end)
            _, own_end = self.end_of_epoch(theirs)
            offset = min(offset, their_end if own_end < 0 else min(own_end, their_end))
            if offset <= self.start:
                return self.start
        return min(offset, leader.end)

    def truncate(self, offset: int) -> None:
        """Forget everything from an offset on."""
        if offset >= self.end:
            return
        kept = bisect_right(self._bases, offset - 1) if offset > 0 else 0
        if kept and self._batches[kept - 1].last_offset >= offset:
            kept -= 1  # a batch is kept whole or not at all
        self._rebuild(
            self._batches[:kept], max(self.start, self._batches[kept - 1].last_offset + 1 if kept else offset)
        )

    def _rebuild(self, batches: list[RecordBatch], end: int) -> None:
        self._batches, self._bases, self.size, self.end, self.epochs = [], [], 0, 0, []
        self.producers = Producers()
        self.append(batches)
        self.end = end

    def start_at(self, offset: int) -> None:
        """Begin anew, empty, at an offset: what a follower does whose log ends before the leader's begins."""
        self.start = offset
        self._rebuild([], offset)

    def delete_before(self, offset: int, *, with_segments: bool = True) -> None:
        """Move the start; batches that are wholly before it are gone.

        Without their segments, as after DeleteRecords, the newest of them is still found as such.
        """
        newest = None if with_segments else self.newest()
        self.start = max(self.start, min(offset, self.end))
        self._newest_deleted = newest if newest is not None and newest[0] < self.start else None
        gone = 0
        while gone < len(self._batches) and self._batches[gone].last_offset < self.start:
            self.size -= len(self._batches[gone].data)
            gone += 1
        del self._batches[:gone], self._bases[:gone]
        while len(self.epochs) > 1 and self.epochs[1][1] <= self.start:
            del self.epochs[0]

    def retained_from(self, before_ms: int | None, most_bytes: int | None) -> int:
        """Return where the log should start, given the oldest timestamp and the size to keep."""
        start, size = self.start, self.size
        for batch in self._batches:
            is_old = before_ms is not None and batch.max_timestamp < before_ms
            is_much = most_bytes is not None and size - len(batch.data) >= most_bytes
            if not (is_old or is_much):
                break
            start, size = batch.last_offset + 1, size - len(batch.data)
        return start

    def at_time(self, timestamp: int) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the first record that is not older, markers too; None where there is none."""
        for batch in self._batches:
            if batch.max_timestamp >= timestamp:
                for offset, at in times(batch):
                    if at >= timestamp and offset >= self.start:
                        return (offset, at)
        return None

    def newest(self) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the record with the largest timestamp; None for an empty log."""
        best = max(self._batches, key=lambda batch: batch.max_timestamp, default=None)
        found = [] if best is None else [max(times(best), key=lambda time: time[1])]
        found += [self._newest_deleted] if self._newest_deleted else []
        return max(found, key=lambda one: one[1], default=None)

    def batches(self) -> tuple[RecordBatch, ...]:
        """Return everything that is kept."""
        return tuple(self._batches)

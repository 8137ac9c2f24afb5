"""Collectors: from a snapshot to samples that the catalogue names. No I/O; time is in the snapshot.

A collector may keep what it derived from parts of a snapshot that did not change, and the history that a metric is
defined by; nothing else. The same snapshots in the same order always give the same samples.
"""

from typing import Protocol, TypeVar

from streamwatch.model.metric import Samples

Seen = TypeVar("Seen", contravariant=True)  # noqa: PLC0105 - what kind of snapshot it takes


class Collector(Protocol[Seen]):
    """What turns one kind of snapshots into samples."""

    def collect(self, now: Seen, /) -> list[Samples]:
        """Return this collector's samples, the most important first; a value that is not known is NaN."""

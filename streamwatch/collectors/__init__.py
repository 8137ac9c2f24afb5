"""Collectors: from a snapshot to samples that the catalogue names. No I/O; time is in the snapshot.

A collector may keep what it derived from parts of a snapshot that did not change, and the history that a metric is
defined by; nothing else. The same snapshots in the same order always give the same samples.
"""

from typing import Protocol

from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.model.metric import Samples


class Collector(Protocol):
    """What turns snapshots of a Kafka cluster into samples."""

    def collect(self, now: ClusterSnapshot) -> list[Samples]:
        """Return this collector's samples, the most important first; a value that is not known is NaN."""

"""What a reference cluster is made of."""

import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Release = tuple[int, int]

RELEASES: Final[tuple[Release, ...]] = ((2, 8), (3, 6), (3, 9), (4, 0), (4, 1), (4, 3))
"""The releases of Kafka that it can pose as; the newest is the default."""
FIRST_KRAFT: Final = (3, 3)
"""From this release on a cluster has no ZooKeeper here."""
FIRST_HELD: Final = (3, 7)
"""From this release on the high watermark stands below min.insync.replicas, of which no more count than there are."""
_GIB: Final = 2**30


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A cluster before it starts. Times in ``settings`` are what Kafka's names say (ms, minutes)."""

    brokers: int = 3
    racks: int = 3
    """Brokers are spread over so many."""
    controllers: int = 3
    """Voters of their own, with ids from 100 on; in ZooKeeper mode (2.8) the brokers are."""
    release: Release = RELEASES[-1]
    settings: Mapping[str, str] = field(default_factory=dict)
    dirs: int = 1
    """Log directories a broker, each on a volume of its own."""
    disk_bytes: int = 100 * _GIB
    """Of each volume."""
    seed: int = 0
    """Of everything that is random: placements, ids, lost packets."""
    cluster_id: str = field(default_factory=lambda: urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.release not in RELEASES:
            known = ", ".join(f"{a}.{b}" for a, b in RELEASES)
            raise ValueError(f"release: {self.release[0]}.{self.release[1]} is not one of {known}")
        if min(self.brokers, self.controllers, self.dirs, self.racks) < 1:
            raise ValueError("brokers, controllers, dirs and racks: at least 1 of each")

    @property
    def kraft(self) -> bool:
        """Whether it has controllers of its own, and no ZooKeeper."""
        return self.release >= FIRST_KRAFT

    @property
    def broker_ids(self) -> tuple[int, ...]:
        """From 1 on, as on MSK."""
        return tuple(range(1, self.brokers + 1))

    @property
    def controller_ids(self) -> tuple[int, ...]:
        """The voters."""
        return tuple(range(100, 100 + self.controllers)) if self.kraft else self.broker_ids

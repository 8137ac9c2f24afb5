"""The features of each release (KIP-584): which levels its brokers know, and at which a new cluster stands."""

from dataclasses import dataclass
from typing import Final

from streamwatch.reference.kafka.spec import Release


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature; at level 0 it is not finalized, which is: off."""

    name: str
    lowest: int
    highest: int
    level: int


_METADATA: Final[dict[Release, tuple[int, int]]] = {
    (3, 6): (1, 14),
    (3, 9): (1, 21),
    (4, 0): (7, 25),
    (4, 1): (7, 27),
    (4, 3): (7, 30),
}
"""The levels of metadata.version."""


def features_of(release: Release) -> tuple[Feature, ...]:
    """Return the features of a release; where a real cluster has on what the model lacks, it is off."""
    if release not in _METADATA:
        return ()
    features = [Feature("metadata.version", *_METADATA[release], _METADATA[release][1])]
    if release >= (3, 9):
        features.append(Feature("kraft.version", 0, 1, 0))
    if release >= (4, 0):
        features += [
            Feature("group.version", 0, 1, 1),
            Feature("transaction.version", 0, 2, 0),
            Feature("eligible.leader.replicas.version", 0, 1, 0),
        ]
    if release >= (4, 1):
        features.append(Feature("share.version", 0, 1, 0))
    if release >= (4, 2):
        features.append(Feature("streams.version", 0, 1, 0))
    return tuple(features)

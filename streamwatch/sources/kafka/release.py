"""Which release of Kafka a broker runs: derived from the APIs and features that it offers, and never guessed.

A broker does not say its release. In KRaft it says up to which metadata version it supports, and each of those belongs
to one release; with ZooKeeper the versions of its APIs do, which differ between any two releases from 2.8 on. Whatever
it says must fit one release, or that is not known: a service that only speaks the protocol is none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

from streamwatch.sources.kafka.apis import API_VERSIONS, Message, decoding

_METADATA_VERSION: Final = "metadata.version"
_LEVELS: Final[Mapping[str, range]] = {
    "3.0-IV": range(1, 2), "3.1-IV": range(2, 3), "3.2-IV": range(3, 4), "3.3-IV": range(4, 8), "3.4-IV": range(8, 9),
    "3.5-IV": range(9, 12), "3.6-IV": range(12, 15), "3.7-IV": range(15, 20), "3.8-IV": range(20, 21),
    "3.9-IV": range(21, 22), "4.0-IV": range(22, 26), "4.1-IV": range(26, 28), "4.2-IV": range(28, 30),
    "4.3-IV": range(30, 31),
}  # fmt: skip
"""Feature levels of the metadata version: Apache Kafka's MetadataVersion, as 4.3 has it."""
_FIRST_IV: Final[Mapping[str, int]] = {"3.0-IV": 1}
"""Where the first level of a release is not its IV0."""
_FORWARDED: Final = frozenset({19, 20, 30, 31, 33, 37, 38, 39, 40, 43, 44, 45, 46, 49, 51, 55, 57, 64, 67, 80, 81})
"""APIs that a broker passes on to the controller: it offers the versions of both, so that they show neither's."""
_APIS: Final[Mapping[str, Mapping[int, int]]] = {
    f"{release[0]}.{release[1]}": {int(key): highest for key, (_, highest) in apis.items()}
    for release, apis in BROKER_API_VERSIONS.items()
    if release >= (2, 8)
}
"""The highest version of each API by release; up to 3.9 as brokers with ZooKeeper offer them."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a broker's answer to ApiVersions says of what it runs."""

    release: str = ""
    """Such as ``4.3``; empty where it fits none."""
    metadata_version: str = ""
    """The cluster's metadata version, such as ``4.3-IV0`` (a level that has no name yet: its number); empty where the
    cluster has none, or the broker does not know it."""
    epoch: int = -1
    """Of the finalized features: a broker with a greater one knows better. -1 where it knows none."""


def offer_of(message: Message) -> Offer:
    """Return what an answer to ApiVersions says of the broker's release.

    Raises:
        SourceMisread: the answer decodes to what cannot be.

    """
    with decoding(API_VERSIONS):
        offered = {api_key.api_key: api_key.max_version for api_key in message.api_keys}
        supported = {feature.name: feature.max_version for feature in _features(message, "supported_features")}
        epoch = getattr(message, "finalized_features_epoch", -1)
        finalized = {feature.name: feature.max_version_level for feature in _features(message, "finalized_features")}
    level = finalized.get(_METADATA_VERSION, 0) if epoch >= 0 else 0
    return Offer(_release(offered, supported.get(_METADATA_VERSION)), metadata_version(level), epoch)


def metadata_version(level: int) -> str:
    """Return the name of a feature level; its number where it has none yet, empty for no level."""
    for name, levels in _LEVELS.items():
        if level in levels:
            return f"{name}{level - levels.start + _FIRST_IV.get(name, 0)}"
    return str(level) if level > 0 else ""


def _release(offered: Mapping[int, int], level: int | None) -> str:
    if level is not None:
        release = metadata_version(level).partition("-IV")[0]
        return release if release in _APIS and _fits(offered, _APIS[release], whole=False) else ""
    found = [release for release, apis in _APIS.items() if release < "4" and _fits(offered, apis, whole=True)]
    return found[0] if len(found) == 1 else ""


def _fits(offered: Mapping[int, int], known: Mapping[int, int], *, whole: bool) -> bool:
    """Say whether the APIs are a release's: all of them, or those that the broker itself answers and both have."""
    keys = known.keys() if whole else (known.keys() & offered.keys()) - _FORWARDED
    return len(keys) > 0 and all(offered.get(key) == known[key] for key in keys)


def _features(message: Message, name: str) -> list[Message]:
    return getattr(message, name, None) or []

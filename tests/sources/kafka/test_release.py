"""Which Kafka a broker runs: never guessed."""

from collections.abc import Mapping
from typing import Any

import pytest
from kafka.protocol.broker_version_data import BROKER_API_VERSIONS

from streamwatch.sources.kafka.apis import API_VERSIONS
from streamwatch.sources.kafka.release import Offer, metadata_version, offer_of

RELEASES = [release for release in BROKER_API_VERSIONS if release >= (2, 8)]
LEVELS: dict[tuple[int, ...], int] = {
    (3, 3): 7, (3, 4): 8, (3, 5): 11, (3, 6): 14, (3, 7): 19, (3, 8): 20, (3, 9): 21, (4, 0): 25, (4, 1): 27,
    (4, 2): 29, (4, 3): 30,
}  # fmt: skip
"""What each release supports at most."""
FORWARDED = {19: 5, 55: 0}
NOT_OF_KRAFT = {4, 5, 6, 7, 56, 58, 67}


def answer(apis: Mapping[int, int], level: int | None = None, finalized: int | None = None, epoch: int = 9) -> Offer:
    """What is made of such an answer, once it was encoded and decoded."""
    classes: Any = API_VERSIONS.response
    keys = [classes.ApiVersion(version=3, api_key=key, min_version=0, max_version=high) for key, high in apis.items()]
    features: dict[str, Any] = {}
    if level is not None:
        supported = classes.SupportedFeatureKey(version=3, name="metadata.version", min_version=1, max_version=level)
        features = {"supported_features": [supported]}
    if finalized is not None:
        key = classes.FinalizedFeatureKey
        last = key(version=3, name="metadata.version", max_version_level=finalized, min_version_level=1)
        features |= {"finalized_features": [last], "finalized_features_epoch": epoch}
    message = classes(version=3, error_code=0, api_keys=keys, **features)
    return offer_of(API_VERSIONS.decode(3, bytes(message.encode())))


def table(release: tuple[int, ...]) -> dict[int, int]:
    return {int(key): high for key, (_, high) in BROKER_API_VERSIONS[release].items()}


def named(release: tuple[int, ...]) -> str:
    return ".".join(map(str, release))


@pytest.mark.parametrize("release", [one for one in RELEASES if one < (4, 0)], ids=named)
def test_with_zookeeper_the_apis_name_the_release(release: tuple[int, ...]) -> None:
    assert answer(table(release)) == Offer(named(release), "", -1)


@pytest.mark.parametrize("release", LEVELS, ids=named)
def test_in_kraft_the_metadata_version_names_it_and_the_apis_agree(release: tuple[int, ...]) -> None:
    apis = {key: high for key, high in table(release).items() if key not in NOT_OF_KRAFT} | FORWARDED
    offer = answer(apis, LEVELS[release], 7)

    assert offer == Offer(named(release), "3.3-IV3", 9), "whatever the controllers offer, and is not finalized yet"


@pytest.mark.parametrize(
    ("apis", "level"),
    [
        pytest.param(table((4, 3)), None, id="a_service_that_has_no_features"),
        pytest.param(table((4, 3)), 31, id="a_release_that_nobody_knows_yet"),
        pytest.param(table((4, 2)) | {0: 14}, 29, id="apis_of_another_release"),
        pytest.param(table((4, 1)), 30, id="features_of_another_release"),
        pytest.param(table((2, 8)) | {0: 8}, None, id="nearly_2_8"),
        pytest.param({3: 12, 18: 3}, None, id="few_apis"),
        pytest.param({}, 30, id="no_apis"),
        pytest.param(table((2, 7)), None, id="before_2_8"),
    ],
)
def test_what_fits_no_release_has_none(apis: dict[int, int], level: int | None) -> None:
    assert answer(apis, level).release == ""


def test_more_apis_than_apaches_do_not_hide_a_release() -> None:
    assert answer(table((2, 8)) | {10_001: 0}).release == "2.8"


def test_features_that_are_not_finalized_are_no_metadata_version() -> None:
    assert answer(table((4, 3)), 30, 30, epoch=-1).metadata_version == ""


@pytest.mark.parametrize(
    ("level", "name"),
    [(1, "3.0-IV1"), (2, "3.1-IV0"), (7, "3.3-IV3"), (11, "3.5-IV2"), (19, "3.7-IV4"), (25, "4.0-IV3"),
     (28, "4.2-IV0"), (30, "4.3-IV0"), (31, "31"), (0, "")],
)  # fmt: skip
def test_metadata_versions_have_their_names(level: int, name: str) -> None:
    assert metadata_version(level) == name

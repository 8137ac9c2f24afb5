"""ApiVersions: what clients conclude from it, such as kminion, which guesses the release by it."""

from typing import Any

import pytest

from streamwatch.reference.kafka import wire
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.features import features_of
from streamwatch.reference.kafka.handlers import HANDLERS
from streamwatch.reference.kafka.spec import RELEASES, Release, Spec
from tests.reference.acting import QUICK, Stage
from tests.reference.listed_apis import LISTED

NAMES = {"client_software_name": "test", "client_software_version": "1.0"}


@pytest.mark.parametrize("release", LISTED)
def test_every_api_of_a_real_broker_is_listed_with_its_versions(release: Release) -> None:
    assert wire.offered(release) == LISTED[release]


@pytest.mark.parametrize("release", RELEASES)
def test_what_is_answered_can_be_read_in_every_version_that_is_listed(release: Release) -> None:
    spans = wire.offered(release)
    known = {key: wire._CLASSES[key][0].max_version for key in spans if key in HANDLERS}

    assert {key: spans[key][1] for key in known if spans[key][1] > known[key]} == {}


def asked(release: Release, version: int, **names: str) -> Any:
    stage = Stage(Spec(release=release, settings=QUICK))
    stage.site.offered = wire.offered(release)
    return stage.ask(1, 18, version, **(NAMES | names))


def test_features_are_told_with_the_epoch_of_the_metadata() -> None:
    answer = asked((4, 3), 4)

    assert {one["name"]: one["max_version_level"] for one in answer["finalized_features"]} == {
        "metadata.version": 30,
        "group.version": 1,
    }
    assert answer["finalized_features_epoch"] >= 0
    assert len(answer["supported_features"]) == 7


def test_features_whose_lowest_level_is_zero_are_told_from_version_4_on() -> None:
    assert [one["name"] for one in asked((4, 3), 3)["supported_features"]] == ["metadata.version"]


@pytest.mark.parametrize("release", RELEASES)
def test_only_kraft_has_features(release: Release) -> None:
    assert bool(features_of(release)) is (release >= (3, 3))


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a-", "\u00e4"])
def test_a_client_with_a_name_that_cannot_be_is_refused(name: str) -> None:
    assert asked((4, 3), 4, client_software_name=name) == {"error_code": Code.INVALID_REQUEST, "api_keys": []}


def test_before_version_3_clients_have_no_names() -> None:
    assert asked((4, 3), 2, client_software_name="")["error_code"] == Code.NONE

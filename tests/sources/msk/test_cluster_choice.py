"""Which cluster it is: by name, by ARN, or by tags that it alone carries."""

import pytest

from streamwatch.catalogue import msk as m
from streamwatch.core.errors import ConfigError
from tests.sources.msk.house import House, read, told


@pytest.mark.parametrize("tags", ["['team=shop']", "['team']", "['team=shop', 'env']"])
def test_a_cluster_is_found_by_its_tags(house: House, tags: str) -> None:
    house.cluster.tags |= {"team": "shop", "env": "prod"}
    house.aws.add_msk(house.kafka, "other").tags["env"] = "prod"
    _, samples = read(house.msk(f"tags: {tags}"))

    assert told(samples, m.CLUSTER_STATE) == {"ACTIVE": 1}


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ("['team=none']", "no cluster is tagged team=none"),
        ("['absent']", "no cluster is tagged absent"),
        ("['env=prod']", "more than one cluster is tagged env=prod: 'other', 'shop': give one entry for each"),
    ],
)
def test_tags_that_do_not_say_which_are_a_problem(house: House, tags: str, why: str) -> None:
    house.cluster.tags |= {"team": "shop", "env": "prod"}
    house.aws.add_msk(house.kafka, "other").tags["env"] = "prod"
    now, _ = read(house.msk(f"tags: {tags}"))

    assert why in now.problems[0].detail
    assert not now.is_up


def test_a_cluster_that_was_made_anew_is_found_again(house: House) -> None:
    msk = house.msk()
    assert read(msk)[0].is_up
    clusters = house.aws.cloud.msk().clusters
    old = clusters.pop(house.cluster.arn)
    assert not read(msk)[0].is_up
    old.arn = old.arn.replace("-2", "-3")
    clusters[old.arn] = old

    now, _ = read(msk)
    assert now.described.arn == old.arn


@pytest.mark.parametrize("given", ["cluster: shop, tags: ['a']", "metrics: all"])
def test_either_a_name_or_tags(house: House, given: str) -> None:
    with pytest.raises(ConfigError, match="either its name or ARN, or `tags`"):
        house.config(given)

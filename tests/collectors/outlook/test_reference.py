"""What is foretold of the loss of a broker is what comes of it in the reference cluster, whose controller elects."""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from streamwatch.collectors.outlook.losses import losses
from streamwatch.collectors.outlook.redundancy import redundancy
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.reference.kafka.spec import Spec
from tests.reference.acting import QUICK, Stage
from tests.snapshots import snapshot

BROKERS = 5
_SETTLED_SECONDS = 15.0
"""Longer than a session, and than a follower may lag."""


def played(seed: int) -> Stage:
    """Play a cluster of which some brokers have died, and perhaps came back."""
    rng, stage = Random(seed), Stage(Spec(brokers=BROKERS, settings=QUICK))
    for number in range(8):
        size = rng.randint(1, 4)
        placed = [tuple(rng.sample(range(1, BROKERS + 1), size)) for _ in range(4)]
        stage.topic(f"t{number}", *placed, min_insync_replicas=str(rng.randint(1, 3)))
    for broker in rng.sample(range(1, BROKERS + 1), rng.randint(0, 2)):
        stage.cluster.stop(stage.cluster.brokers[broker], stage.now)
        stage.advance(_SETTLED_SECONDS)
    return stage


def seen(stage: Stage) -> ClusterSnapshot:
    """Return what a read of it would be."""
    cluster, topics, least = stage.cluster, dict[str, list[Any]](), []
    for name, topic in sorted(cluster.topics.items()):
        topics[name] = [(one.state.leader, one.state.replicas, one.state.isr) for one in topic.partitions]
        least.append(int(cluster.setting(topic, "min.insync.replicas")))
    now = snapshot(topics, min_isr=np.array(least))
    every = snapshot({"t": [(1, range(1, BROKERS + 1), ())]}).brokers
    return replace(now, brokers=tuple(replace(one, up=cluster.brokers[one.id].is_running) for one in every))


def counted(now: ClusterSnapshot) -> dict[str, Any]:
    """Return how the cluster is, by what its metadata say."""
    assert now.topology is not None
    stands = redundancy(now, now.topology)
    leaders = np.bincount(now.topology.leader[now.topology.leader > 0], minlength=BROKERS + 1)[1:]
    led = now.topology.leader > 0
    return {
        "offline": int((~led).sum()),
        "under_min_isr": int((led & (stands.count < stands.needed)).sum()),
        "leaders": leaders.tolist(),
    }


@pytest.mark.parametrize("seed", range(12))
def test_every_broker_is_killed(seed: int) -> None:
    before = seen(played(seed))
    assert before.topology is not None
    stands, places = redundancy(before, before.topology), np.arange(BROKERS)
    found = losses(stands, places, BROKERS)
    for i, broker in enumerate(before.brokers):
        if not broker.up:
            continue
        stage = played(seed)
        stage.cluster.stop(stage.cluster.brokers[broker.id], stage.now)
        stage.advance(_SETTLED_SECONDS)
        after, was = counted(seen(stage)), counted(before)
        assert after["offline"] == was["offline"] + found.offline[i]
        refusing = (before.topology.leader > 0) & (stands.count < stands.needed)
        ours = np.bincount(stands.row[stands.live & (stands.place == i)], minlength=len(refusing)) > 0
        refusing_and_lost = int((refusing & ours & (stands.count == 1)).sum())
        assert after["under_min_isr"] == was["under_min_isr"] + found.under_min_isr[i] - refusing_and_lost
        foretold = np.nan_to_num(found.leaders[i]).tolist()
        assert after["leaders"] == foretold, f"broker {broker.id}"

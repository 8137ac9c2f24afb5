"""Brokers of a real cluster killed, each after what its loss would break was foretold; Kafka's own tool says what came.

    python -m tests.real.losses [COUNT] [SEED]

Three brokers of Kafka 4.3 in three racks, topics with one to three replicas. Every second time another broker is down
before. Prints what was foretold and what came; exit code 1 where they differ.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any, Final

import numpy as np
from confluent_kafka.admin import AdminClient

from streamwatch.collectors.outlook.collector import both
from streamwatch.collectors.outlook.redundancy import redundancy
from streamwatch.model.kafka import ClusterSnapshot
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, eyes
from tests.waiting import wait_for

_SECONDS: Final = 60.0
_TOPICS: Final = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3))
"""Replicas, and min.insync.replicas."""
_PARTITIONS: Final = 6

Counts = dict[str, Any]


def foretold(now: ClusterSnapshot, broker: int) -> Counts:
    """Return what there would be without the broker: what is so already, and what its loss adds."""
    assert now.topology is not None
    left, losses = redundancy(now, now.topology), both(now, now.topology)[0]
    place = [one.id for one in now.brokers].index(broker)
    is_led = left.count > 0
    refusing = is_led & (left.count < left.needed)
    has_last = np.bincount(left.row[left.live & (left.place == place)], minlength=len(is_led)) >= left.count
    return {
        "offline": int((~is_led).sum() + losses.offline[place]),
        "under min ISR": int((refusing & ~has_last).sum() + losses.under_min_isr[place]),
        "leaders": {
            one.id: int(count)
            for one, count in zip(now.brokers, losses.leaders[place].tolist(), strict=True)
            if one.up and one.id != broker
        },
    }


def came(cluster: KafkaCluster) -> Counts:
    """Return what there is: by the tool, and by the metadata for leaders."""
    offline = _listed(cluster, "--unavailable-partitions")
    under = _listed(cluster, "--under-min-isr-partitions")
    topics = (
        AdminClient({"bootstrap.servers": cluster.internal_bootstrap, "log_level": 0}).list_topics(timeout=10).topics
    )
    leaders = Counter(one.leader for topic in topics.values() for one in topic.partitions.values())
    return {
        "offline": len(offline),
        "under min ISR": len(under - offline),
        "leaders": {broker: leaders[broker] for broker in cluster.live_broker_ids},
    }


def _listed(cluster: KafkaCluster, which: str) -> set[tuple[str, str]]:
    lines = cluster.tool("TopicCommand", "--describe", which).splitlines()
    fields = [dict(part.split(": ", 1) for part in line.strip().split("\t") if ": " in part) for line in lines]
    return {(one["Topic"], one["Partition"]) for one in fields if "Partition" in one}


def in_sync(seen: Eyes, brokers: Sequence[int]) -> bool:
    """Say whether all these brokers answer, and hold nothing that is out of sync."""
    now = seen.look()
    if now.topology is None or {one.id for one in now.brokers if one.up} != set(brokers):
        return False
    return bool((now.min_isr >= 0).all() and now.topology.in_sync[np.isin(now.topology.replica, brokers)].all())


def one_round(cluster: KafkaCluster, seen: Eyes, rng: Random, *, is_degraded: bool) -> bool:
    """Kill one broker, and compare; return whether all was as foretold."""
    brokers = list(cluster.broker_ids)
    wait_for(lambda: in_sync(seen, brokers), _SECONDS, "all in sync")
    rng.shuffle(brokers)
    broker, *others = brokers
    if is_degraded:
        cluster.kill(others.pop())
        wait_for(lambda: in_sync(seen, [broker, *others]), _SECONDS, "the others are in sync")
        wait_for(lambda: came(cluster)["leaders"] == _leaders(seen.look()), _SECONDS, "the agent sees who leads")
    expected = foretold(seen.look(), broker)
    cluster.kill(broker)
    try:
        wait_for(lambda: came(cluster) == expected, _SECONDS, "as foretold")
    except TimeoutError:
        print(f"  broker {broker}{' and another' * is_degraded}: foretold {expected}, came {came(cluster)}", flush=True)
        return False
    finally:
        cluster.heal()
    print(f"  broker {broker}{' and another' * is_degraded}: as foretold: {expected}", flush=True)
    return True


def _leaders(now: ClusterSnapshot) -> dict[int, int]:
    assert now.topology is not None
    leaders = Counter(now.topology.leader.tolist())
    return {one.id: leaders[one.id] for one in now.brokers if one.up}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rng = Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    with KafkaCluster(brokers=3, racks=("a", "b", "c")) as cluster, eyes(cluster) as seen:
        for replicas, least in _TOPICS:
            cluster.create_topic(f"t{replicas}{least}", _PARTITIONS, replicas, min_insync_replicas=least)
        right = sum([one_round(cluster, seen, rng, is_degraded=bool(i % 2)) for i in range(count)])
    print(f"{count} kills, {right} as foretold", flush=True)
    sys.exit(int(right < count))


if __name__ == "__main__":
    main()

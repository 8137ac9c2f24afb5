"""Brokers and racks of a real cluster killed, each after its loss was foretold; Kafka's own tool says what came of it.

    python -m tests.real.losses [COUNT] [SEED]

Five brokers of Kafka 4.3 in three racks, topics with one to four replicas anywhere. Each broker is killed, and each
rack; then COUNT of them while another broker is down. Prints what was foretold and what came; exit code 1 where they
differ.
"""

import sys
from collections import Counter
from collections.abc import Collection, Iterator
from random import Random
from typing import Any, Final

import numpy as np
from confluent_kafka.admin import AdminClient

from streamwatch.collectors.outlook.collector import both
from streamwatch.collectors.outlook.losses import racks
from streamwatch.collectors.outlook.redundancy import redundancy
from streamwatch.model.kafka import ClusterSnapshot
from tests.real.kafka import KafkaCluster
from tests.real.seeing import Eyes, eyes
from tests.waiting import wait_for

_SECONDS: Final = 120.0
_RACKS: Final = ("a", "b", "c", "a", "b")
_TOPICS: Final = ((1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3), (4, 2), (4, 3))
"""Replicas, and min.insync.replicas."""
_PARTITIONS: Final = 12

Counts = dict[str, Any]


def domains(cluster: KafkaCluster) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Return what is lost at once, by name: each broker, and each rack."""
    for broker in cluster.broker_ids:
        yield f"broker {broker}", (broker,)
    for rack in sorted(set(_RACKS)):
        yield f"rack {rack}", tuple(one for one, its in zip(cluster.broker_ids, _RACKS, strict=True) if its == rack)


def foretold(now: ClusterSnapshot, name: str, lost: Collection[int]) -> Counts:
    """Return what there would be without a broker or rack: what is so already, and what its loss adds."""
    assert now.topology is not None
    kind, which = name.split()
    left, (of_brokers, of_racks) = redundancy(now, now.topology), both(now, now.topology)
    ids = [one.id for one in now.brokers]
    losses, place = (
        (of_brokers, ids.index(int(which))) if kind == "broker" else (of_racks, racks(now.brokers)[0].index(which))
    )
    is_led = left.count > 0
    refusing = is_led & (left.count < left.needed)
    inside = left.live & np.isin(now.topology.replica, list(lost))
    has_last = np.bincount(left.row[inside], minlength=len(is_led)) >= left.count
    return {
        "offline": int((~is_led).sum() + losses.offline[place]),
        "under min ISR": int((refusing & ~has_last).sum() + losses.under_min_isr[place]),
        "leaders": {
            one.id: int(count)
            for one, count in zip(now.brokers, losses.leaders[place].tolist(), strict=True)
            if one.up and one.id not in lost
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


def in_sync(seen: Eyes, brokers: Collection[int]) -> bool:
    """Say whether all these brokers answer, no other does, and they hold nothing that is out of sync."""
    now = seen.look()
    if now.topology is None or {one.id for one in now.brokers if one.up} != set(brokers):
        return False
    live = np.isin(now.topology.replica, list(brokers))
    return bool((now.min_isr >= 0).all() and now.topology.in_sync[live].all())


def one_round(cluster: KafkaCluster, seen: Eyes, name: str, lost: Collection[int], down: int | None) -> bool:
    """Kill a broker or rack, and compare; return whether all was as foretold."""
    wait_for(lambda: in_sync(seen, cluster.broker_ids), _SECONDS, "all in sync")
    if down is not None:
        cluster.kill(down)
        others = set(cluster.broker_ids) - {down}
        wait_for(lambda: in_sync(seen, others), _SECONDS, "the others are in sync")
        wait_for(lambda: came(cluster)["leaders"] == _leaders(seen.look()), _SECONDS, "the agent sees who leads")
    expected = foretold(seen.look(), name, lost)
    for broker in lost:
        cluster.kill(broker)
    what = name if down is None else f"{name}, broker {down} is down"
    try:
        wait_for(lambda: came(cluster) == expected, _SECONDS, "as foretold")
    except TimeoutError:
        print(f"  {what}: foretold {expected}, came {came(cluster)}", flush=True)
        return False
    finally:
        cluster.heal()
    print(f"  {what}: as foretold: {expected}", flush=True)
    return True


def _leaders(now: ClusterSnapshot) -> dict[int, int]:
    assert now.topology is not None
    leaders = Counter(now.topology.leader.tolist())
    return {one.id: leaders[one.id] for one in now.brokers if one.up}


def rounds(cluster: KafkaCluster, count: int, rng: Random) -> Iterator[tuple[str, tuple[int, ...], int | None]]:
    """Return whom to kill: each once, then at random while another broker is down."""
    every = list(domains(cluster))
    for name, lost in every:
        yield name, lost, None
    for _ in range(count):
        name, lost = rng.choice(every)
        yield name, lost, rng.choice([one for one in cluster.broker_ids if one not in lost])


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    rng = Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    with KafkaCluster(brokers=len(_RACKS), racks=_RACKS) as cluster, eyes(cluster) as seen:
        for replicas, least in _TOPICS:
            placed = {i: rng.sample(cluster.broker_ids, replicas) for i in range(_PARTITIONS)}
            cluster.create_topic_on(f"t{replicas}{least}", placed, min_insync_replicas=least)
        right = [one_round(cluster, seen, *each) for each in rounds(cluster, count, rng)]
    print(f"{len(right)} kills, {sum(right)} as foretold", flush=True)
    sys.exit(int(not all(right)))


if __name__ == "__main__":
    main()

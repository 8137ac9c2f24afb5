"""What collectors judge once for many reads is what they would say of each read alone: the whole is the oracle."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.agent.targets import kafka_collectors
from streamwatch.collectors.health import JudgedPartitions
from streamwatch.model.kafka import NOT_SET, ClusterSnapshot, Topology
from streamwatch.model.metric import Samples
from streamwatch.sources.cluster_config import ClusterConfig
from tests.addresses import servers
from tests.collectors.test_health import BROKERS, clusters

CONFIG = ClusterConfig(name="test", bootstrap=servers(("127.0.0.1:9092",)), granularity="partition")
ABOUT_HEALTH = ("cluster", "losses", "topics", "kafka_exporter")


@st.composite
def reads(draw: st.DrawFn) -> list[ClusterSnapshot]:
    """Draw reads of a cluster, each of which differs from the one before in one thing, or in nothing."""
    now = draw(clusters())
    found = [now]
    for change in draw(
        st.lists(st.sampled_from(["none", "brokers", "adding", "min_isr", "frozen", "isr"]), max_size=6)
    ):
        now = draw(changed(now, change))
        found.append(now)
    return found


@st.composite
def changed(draw: st.DrawFn, now: ClusterSnapshot, what: str) -> ClusterSnapshot:
    """Draw the next read: equal to this one but for one thing, with arrays of its own, as a source makes them."""
    topology = now.topology
    assert topology is not None
    again = replace(now, brokers=tuple(replace(broker) for broker in now.brokers), adding=now.adding.copy())
    match what:
        case "brokers":
            ups = st.sampled_from([True, False, None])
            return replace(again, brokers=tuple(replace(broker, up=draw(ups)) for broker in now.brokers))
        case "adding":
            flags = draw(st.lists(st.booleans(), min_size=len(now.adding), max_size=len(now.adding)))
            return replace(again, adding=np.array(flags, dtype=bool) & ~topology.in_sync)
        case "min_isr":
            size = len(now.min_isr)
            least = draw(st.lists(st.sampled_from([NOT_SET, 1, 2, 3]), min_size=size, max_size=size))
            return replace(again, min_isr=np.array(least, dtype=np.int64))
        case "frozen":
            return replace(again, controllers=draw(st.sampled_from([0.0, 1.0])))
        case "isr":
            leader = draw(st.lists(st.sampled_from([-1, *BROKERS]), min_size=len(topology.leader)))
            return replace(again, topology=_led(topology, leader))
        case _:
            return again


def _led(topology: Topology, leader: list[int]) -> Topology:
    return replace(topology, leader=np.array(leader[: len(topology.leader)], dtype=np.int32))


def _text(samples: list[Samples]) -> list[tuple[str, dict[tuple[str, ...], float]]]:
    return [(one.metric.name, one.known()) for one in samples]


@given(reads())
def test_collectors_that_remember_say_what_new_ones_say(each: list[ClusterSnapshot]) -> None:
    old = kafka_collectors(CONFIG, ["kafka_exporter"])
    for now in each:
        new = kafka_collectors(CONFIG, ["kafka_exporter"])
        for name in ABOUT_HEALTH:
            assert _text(old[name].collect(now)) == _text(new[name].collect(now)), name


@given(clusters())
def test_what_does_not_change_is_judged_once(now: ClusterSnapshot) -> None:
    judged, topology = JudgedPartitions(), now.topology
    assert topology is not None
    same = replace(now, brokers=tuple(replace(broker) for broker in now.brokers), adding=now.adding.copy())
    assert judged.health(now, topology) is judged.health(same, topology)
    other = replace(now, adding=~now.adding)
    assert (judged.health(other, topology) is judged.health(now, topology)) == (len(now.adding) == 0)

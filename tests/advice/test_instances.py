"""Advice on what MSK's instances bear: each one as it comes, as it is not needed, and as it is not known."""

from dataclasses import dataclass

import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.instances import advise_instances
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.metric import Samples
from streamwatch.model.newest_samples import NewestSamples
from tests.advice.hours import Hours
from tests.snapshots import snapshot

STANDARD, EXPRESS = "kafka.m7g.large", "express.m7g.large"


@dataclass(frozen=True)
class Brokers:
    """A cluster of MSK's, and what each of its brokers does all day."""

    instance: str = STANDARD
    type: str = "standard"
    connections: tuple[float, ...] = (100.0, 100.0, 100.0)
    authentication: str = "IAM"
    limit: bool = True
    cpu: tuple[float, ...] = (0.2, 0.2, 0.2)
    megabytes_in: tuple[float, ...] = (5.0, 5.0, 5.0)
    megabytes_out: tuple[float, ...] = (10.0, 10.0, 10.0)
    shaped: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Packets a minute."""
    hours: float = 24


def advice(case: Brokers) -> dict[str, Advice]:
    hours, ids = Hours(), range(1, len(case.cpu) + 1)
    info = {"metadata": "kraft", "kafka_version": "3.9.x", "monitoring_level": "DEFAULT"}
    samples: list[Samples] = [
        m.CLUSTER_INFO.sample(1.0, kafka_cluster="test", type=case.type, instance_type=case.instance, **info)
    ]
    if case.limit:
        samples.append(m.IAM_CONNECTIONS_LIMIT.sample(3000.0, kafka_cluster="test", bound="open"))
    for at, broker in enumerate(map(str, ids)):
        entity = "test", broker
        place = {"kafka_cluster": "test", "broker": broker, "authentication": case.authentication}
        samples.append(m.CLIENT_CONNECTIONS.sample(case.connections[at], **place))
        hours.put("broker", m.CLIENT_CONNECTIONS, entity, case.connections[at], case.hours)
        hours.put("broker", b.CPU, entity, case.cpu[at], case.hours)
        hours.put("broker", b.BYTES_IN, entity, case.megabytes_in[at] * 1e6, case.hours)
        hours.put("broker", b.BYTES_OUT, entity, case.megabytes_out[at] * 1e6, case.hours)
        hours.put("broker", m.TRAFFIC_SHAPED, entity, case.shaped[at] / 60, case.hours)
    now = snapshot({"t": [(1, tuple(ids), tuple(ids))]})
    return {each.question: each for each in advise_instances(now, NewestSamples(samples), hours.past())}


def express(instance: str = EXPRESS, **others: object) -> Brokers:
    return Brokers(instance, "express", **others)  # type: ignore[arg-type]


CASES = {
    "few connections": (
        Brokers(), "connections", "fine", "nothing: broker 3, which has most, has 100 of 3,000 connections by IAM",
    ),
    "connections that two cannot take": (
        Brokers(connections=(2100.0, 2100.0, 2100.0)), "connections", "do",
        "have 4 brokers instead of 3, or larger ones: without one the others are too few",
    ),
    "one has most connections": (
        Brokers(connections=(2500.0, 100.0, 100.0)), "connections", "do",
        "have its clients share connections: broker 1 has 2,500 of 3,000 connections by IAM",
    ),
    "other logins": (
        Brokers(authentication="SASL_SCRAM"), "connections", "unknown", "not known: no connection by IAM is counted",
    ),
    "no limit": (Brokers(limit=False), "connections", "unknown", "not known: how many connections by IAM a broker"),
    "connections of three hours": (
        Brokers(hours=3), "connections", "unknown",
        "not known yet: 3 h of history, needs 24 h of broker 1's kafka_broker_client_connections",
    ),
    "idle": (Brokers(), "cpu", "fine", "nothing: broker 3, which has most, has 20% of its processors' time"),
    "busy": (Brokers(cpu=(0.7, 0.6, 0.6)), "cpu", "do", "have 4 brokers instead of 3"),
    "two that one cannot replace": (Brokers(cpu=(0.59, 0.59)), "cpu", "do", "have 3 brokers instead of 2"),
    "one busy": (
        Brokers(cpu=(0.7, 0.2, 0.2)), "cpu", "do", "move leaders to others: broker 1 has 70% of its processors' time",
    ),
    "bursts": (Brokers("kafka.t3.small"), "cpu", "unknown", "not known: kafka.t3.small bursts"),
    "processors of three hours": (Brokers(hours=3), "cpu", "unknown", "not known yet: 3 h of history, needs 24 h"),
    "little traffic": (
        express(), "network", "fine", "nothing: broker 3, which has most, has 32% of what it may carry out",
    ),
    "too much comes in": (express(megabytes_in=(10.5, 10.5, 10.5)), "network", "do", "have 4 brokers instead of 3"),
    "too much goes out": (express(megabytes_out=(21.0, 21.0, 21.0)), "network", "do", "have 4 brokers instead of 3"),
    "too much of one": (
        express(megabytes_in=(17.0, 1.0, 1.0)), "network", "do",
        "move leaders to others: broker 1 has 109% of what it may carry in",
    ),
    "a larger instance": (
        express("express.m7g.xlarge", megabytes_in=(10.5, 10.5, 10.5)), "network", "fine", "nothing",
    ),
    "an instance that is not in the table": (
        express("express.m9g.large"), "network", "unknown", "not known: AWS's table, as StreamWatch has it, has no",
    ),
    "traffic of three hours": (express(hours=3), "network", "unknown", "not known yet: 3 h of history, needs 24 h"),
    "nothing held back": (Brokers(), "network", "fine", "nothing: AWS held no packet of any broker back"),
    "packets held back": (
        Brokers(shaped=(0.0, 5.0, 1.0)), "network", "do",
        "have more brokers, or larger ones: AWS holds packets back, most of broker 2: 7,200",
    ),
    "packets of three hours": (Brokers(hours=3), "network", "unknown", "not known yet: 3 h of history, needs 24 h"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "question", "state", "action"), CASES.values(), ids=CASES)
def test_instances(case: Brokers, question: str, state: str, action: str) -> None:
    found = advice(case)[question]
    assert (found.state, found.action[: len(action)]) == (state, action), found
    assert bool(found.sum) == bool(found.sure) == bool(found.data) == (state != "unknown")


def test_the_sum_is_one_line_with_the_numbers() -> None:
    found = advice(express(megabytes_in=(10.5, 10.5, 10.5)))["network"]
    assert found.sum == (
        "p99 minute 31.5 MB/s in and 30.0 out, 15.6 and 31.2 a broker of express.m7g.large: 3 brokers carry them, and"
        " one may be lost: 4; 3 there"
    )


def test_a_count_of_five_minutes_that_comes_at_once_is_no_peak() -> None:
    hours = Hours()
    info = {"metadata": "kraft", "kafka_version": "3.9.x", "monitoring_level": "DEFAULT", "type": "express"}
    for broker in ("1", "2", "3"):
        for metric in (b.BYTES_IN, b.BYTES_OUT):
            hours.put("broker", metric, ("test", broker), [0.0, 0.0, 0.0, 0.0, 25e6] * 288)
    samples = [m.CLUSTER_INFO.sample(1.0, kafka_cluster="test", instance_type=EXPRESS, **info)]
    now = snapshot({"t": [(1, (1, 2, 3), (1, 2, 3))]})
    found = {each.question: each for each in advise_instances(now, NewestSamples(samples), hours.past())}
    assert found["network"].sum.startswith("p99 minute 15.0 MB/s in and 15.0 out"), found["network"]


@pytest.mark.parametrize("kind", ["serverless", None])
def test_a_cluster_without_instances_of_msks_gets_none(kind: str | None) -> None:
    info = {"metadata": "", "kafka_version": "", "monitoring_level": "", "instance_type": ""}
    samples = [] if kind is None else [m.CLUSTER_INFO.sample(1.0, kafka_cluster="test", type=kind, **info)]
    now = snapshot({"t": [(1, (1, 2, 3), (1, 2, 3))]})
    assert advise_instances(now, NewestSamples(samples), Hours().past()) == []

"""A reference cluster that is MSK's, audited once: what MSK alone says is found, and nothing where all is well."""

from collections.abc import Callable
from typing import Any

import pytest

from streamwatch.agent.config import Config
from streamwatch.cli.audit_once import audit_once
from streamwatch.reference.aws import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.sources.msk import upgrade
from tests.audit.test_reference import found, make
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.msk.house import House

pytest_plugins = ["streamwatch.reference.pytest_plugin"]
pytestmark = pytest.mark.skipif(not upgrade.is_offered(), reason="the boto3 that is installed is older than 1.44.7")

Factory = Callable[..., ReferenceKafka]
NOT_CHECKED = {"throttled-clients", "plain-listener", "old-clients"}
"""Of a cluster before Kafka 4.0, without open monitoring, whose listeners are on loopback addresses."""


def audited(kafka: ReferenceKafka, level: str, *, assess: bool = True) -> dict[str, Any]:
    time = Time()
    with cloud(time) as aws:
        house = House(kafka, aws, time, aws.add_msk(kafka, "shop", level))
        if assess:
            aws.do(faults.assess)
        return audit_once(Config(kafka=(house.config("cluster: shop"),)))


def test_what_msk_says_of_a_cluster_is_found_beside_what_the_brokers_say(reference_kafka_factory: Factory) -> None:
    kafka = reference_kafka_factory(Spec(release=(4, 3), racks=3))
    make(kafka, "alone", (2,), min_insync_replicas="2")
    make(kafka, "weak", (1, 2, 3), min_insync_replicas="1")

    shown = audited(kafka, "PER_TOPIC_PER_PARTITION")
    assert found(shown) == {
        ("replication-factor-one", "k/alone"),
        ("min-isr-one", "k/weak"),
        ("monitoring-level", "k"),
        ("msk-assessment", "k"),
    }
    (level,) = (each for each in shown["findings"] if each["finding"] == "monitoring-level")
    assert "--enhanced-monitoring PER_TOPIC_PER_BROKER" in level["remedy"]
    assessed = [
        (each["severity"], each["evidence"][0]) for each in shown["findings"] if each["finding"] == "msk-assessment"
    ]
    assert sorted(assessed) == [
        ("critical", "INFRASTRUCTURE, shop: The cluster runs Apache Kafka 4.3.0 with KRaft."),
        ("critical", "TOPIC_CONFIGURATION, alone: The topic has 1 replicas of each partition."),
        ("critical", "TOPIC_CONFIGURATION, weak: The topic's min.insync.replicas is 1."),
    ]
    assert {each["finding"] for each in shown["notChecked"]} >= NOT_CHECKED - {"old-clients"}


@pytest.mark.parametrize("level", ["DEFAULT", "PER_TOPIC_PER_BROKER"])
def test_a_cluster_of_msks_that_is_set_well_has_no_finding(reference_kafka_factory: Factory, level: str) -> None:
    kafka = reference_kafka_factory(Spec(release=(3, 9), racks=3))
    make(kafka, "orders", (1, 2, 3), (2, 3, 1), min_insync_replicas="2")

    shown = audited(kafka, level)
    assert shown["findings"] == []
    assert {each["finding"] for each in shown["notChecked"]} == NOT_CHECKED


def test_a_cluster_that_nobody_assessed_is_said(reference_kafka_factory: Factory) -> None:
    kafka = reference_kafka_factory(Spec(release=(3, 9), racks=3))
    make(kafka, "orders", (1, 2, 3), min_insync_replicas="2")

    shown = audited(kafka, "DEFAULT", assess=False)
    assert shown["findings"] == []
    assert {each["finding"] for each in shown["notChecked"]} == {*NOT_CHECKED, "msk-assessment"}

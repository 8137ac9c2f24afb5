"""Findings about listeners, quotas and old clients."""

from dataclasses import replace

import pytest

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import msk as m
from streamwatch.model.cluster_settings import ClusterSettings
from tests.audit.knowing import ANSWERED, NOW, WELL, Values, facts, observed, only, read, unknown


def listening(listeners: str, protocols: str = "CLIENT:PLAINTEXT") -> ClusterSettings:
    return replace(ANSWERED, brokers={1: {"listeners": listeners, "listener.security.protocol.map": protocols}})


@pytest.mark.parametrize(
    "listeners",
    ["CLIENT://127.0.0.1:9092", "CLIENT://localhost:9092", "CLIENT://[::1]:9092", "SSL://:9093", "SASL_SSL://h:9093"],
)
def test_listeners_that_nobody_else_hears(listeners: str) -> None:
    assert observed("plain-listener", facts(settings=listening(listeners))) == []


def test_a_listener_in_the_clear() -> None:
    found = only("plain-listener", facts(settings=listening("CLIENT://:9092,PRIVATE://127.0.0.1:9093")))
    assert (found.target, found.evidence) == (
        "shop",
        ("listener CLIENT speaks PLAINTEXT: on broker 1 at 0.0.0.0:9092",),
    )
    found = only("plain-listener", facts(settings=listening("SASL_PLAINTEXT://[fd00::1]:9092", "")))
    assert found.evidence == ("listener SASL_PLAINTEXT speaks SASL_PLAINTEXT: on broker 1 at [fd00::1]:9092",)


def test_listeners_that_are_not_known() -> None:
    assert unknown("plain-listener", facts(settings=None)) == [
        "which listeners its brokers have: its brokers are not asked"
    ]
    denied = ClusterSettings(asked_at=NOW, problems=("settings of broker 1: DescribeConfigs: DENIED (31)",))
    (why,) = unknown("plain-listener", facts(settings=denied))
    assert why.endswith("DENIED (31)")
    silent = replace(ANSWERED, brokers={1: {}})
    assert unknown("plain-listener", facts(settings=silent)) == ["which listeners brokers 1 have: they do not say"]


def test_clients_that_a_quota_delays() -> None:
    none: Values = {b.THROTTLED: {("shop", "1", "produce"): 0.0}}
    assert observed("throttled-clients", facts(values=none)) == []
    some: Values = {b.THROTTLED: {("shop", "1", "produce"): 3.0}, m.THROTTLE: {("shop", "2", "fetch"): 0.25}}
    found = only("throttled-clients", facts(values=some))
    assert found.evidence == (
        "a quota delays 3 requests (produce) on broker 1 and 0.250 s a request (fetch) on broker 2",
    )
    (why,) = unknown("throttled-clients", facts())
    assert why.startswith("whether a quota delays clients")


def test_old_clients_are_a_question_below_kafka_4_only() -> None:
    assert observed("old-clients", facts()) == []
    for version in ("3.9", ""):
        (why,) = unknown("old-clients", facts(read({"orders": [WELL]}, version=version)))
        assert "KIP-896" in why


def test_old_clients_are_found_by_what_brokers_count() -> None:
    values: Values = {
        b.DEPRECATED_REQUESTS: {
            ("shop", "1", "Produce", "2", "librdkafka", "0.11.0"): 7.0,
            ("shop", "2", "Fetch", "3", "librdkafka", "0.11.0"): 2.0,
            ("shop", "2", "Fetch", "3", "unknown", "unknown"): 1.0,
            ("shop", "2", "JoinGroup", "1", "sarama", "1.0"): 0.0,
        }
    }
    found = only("old-clients", facts(read({"orders": [WELL]}, version="3.9"), values))

    assert found.evidence == (
        "a client that does not say what it is asks by Fetch 3",
        "librdkafka 0.11.0 asks by Fetch 3 and Produce 2",
    )
    assert observed("old-clients", facts(values=values)) == [], "Kafka 4 has refused them already"

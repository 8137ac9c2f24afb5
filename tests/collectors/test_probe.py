"""Samples of what a probe measured."""

from streamwatch.collectors.probe import ProbeCollector
from streamwatch.export.exposition import Exposition
from streamwatch.model.probe import BOUNDS, BrokerProbe, Latencies, ProbeSnapshot


def snapshot(*brokers: BrokerProbe) -> ProbeSnapshot:
    return ProbeSnapshot("c/probe", "c", "probes", 1.0, 0.0, is_up=True, problems=(), brokers=brokers)


def page(*brokers: BrokerProbe) -> str:
    return Exposition().render(ProbeCollector().collect(snapshot(*brokers))).text.decode()


def test_counters_are_zero_before_the_first_record_and_causes_come_with_the_first_failure() -> None:
    text = page(BrokerProbe(1, is_covered=True), BrokerProbe(2, is_covered=False))

    assert 'kafka_probe_attempts_total{kafka_cluster="c",broker="1"} 0\n' in text
    assert 'kafka_probe_broker_covered{kafka_cluster="c",broker="2"} 0\n' in text
    assert "kafka_probe_failures_total{" not in text


def test_a_cluster_that_was_never_reached_has_no_series() -> None:
    assert page() == ""


def test_latencies_are_one_histogram_with_cumulative_buckets() -> None:
    measured = Latencies().added(0.003).added(0.003).added(BOUNDS[0]).added(100.0)
    text = page(BrokerProbe(1, is_covered=True, attempts=5, successes=4, failures={("consume", "timeout"): 1},
                            produced=measured))  # fmt: skip
    lines = text.splitlines()
    at = lines.index("# TYPE kafka_probe_produce_seconds histogram")

    def bucket(le: str) -> str:
        return f'kafka_probe_produce_seconds_bucket{{kafka_cluster="c",broker="1",le="{le}"}}'

    assert lines[at + 1] == bucket("0.0009765625") + " 1"
    assert bucket("0.001953125") + " 1" in lines
    assert bucket("0.00390625") + " 3" in lines
    assert bucket("16.0") + " 3" in lines
    assert bucket("+Inf") + " 4" in lines
    assert lines[at + len(BOUNDS) + 3] == 'kafka_probe_produce_seconds_count{kafka_cluster="c",broker="1"} 4'
    assert 'kafka_probe_failures_total{kafka_cluster="c",broker="1",stage="consume",cause="timeout"} 1' in lines


def test_openmetrics_has_the_histogram_as_one_family() -> None:
    rendered = Exposition().render(ProbeCollector().collect(snapshot(BrokerProbe(1, is_covered=True))))
    text = rendered.openmetrics.decode()

    assert text.count("# TYPE kafka_probe_consume_seconds histogram\n# UNIT kafka_probe_consume_seconds seconds\n") == 1
    assert "# TYPE kafka_probe_consume_seconds_sum" not in text

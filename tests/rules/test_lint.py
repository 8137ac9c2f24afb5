"""What is allowed, and yet not what is meant."""

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.rules.lint import lint
from streamwatch.rules.load import read


def doubts(
    expr: str, *, rest: str = "labels: {severity: critical}, annotations: {summary: x}", interval: str = "1m"
) -> list[str]:
    text = f"groups:\n- name: g\n  interval: {interval}\n  rules:\n  - {{alert: A, expr: '{expr}', {rest}}}\n"
    groups, mistakes = read(text, "x.yml")
    assert mistakes == []
    return lint(groups, METRICS)


@pytest.mark.parametrize(
    ("expr", "doubt"),
    [
        ("kafka_broker_upp == 0", "no metric of StreamWatch"),
        ('kafka_broker_up{topic="x"} == 0', "has no label 'topic'"),
        ('{job="x"} > 0', "names no metric"),
        ("rate(kafka_broker_received_bytes_total[20s]) > 0", "holds no two samples"),
        ("kafka_broker_received_bytes_total > 100", "is a counter"),
        ("sum by (broker) (kafka_broker_received_bytes_total) > 100", "is a counter"),
        ("count(kafka_broker_up) == 0", "of nothing, there is no count"),
        ("count(kafka_broker_up == 1) < 1", "of nothing, there is no count"),
        ("kafka_brokers > 2 * kafka_brokers", "both sides are the same series"),
        ("count(count_over_time(kafka_broker_up[5m])) > 2 * count(kafka_broker_up)", "both sides are the same series"),
    ],
)
def test_a_doubt_is_told(expr: str, doubt: str) -> None:
    (told,) = doubts(expr)
    assert told.startswith("x.yml:5: group 'g', rule 'A': ")
    assert doubt in told


@pytest.mark.parametrize(
    ("rest", "doubt"),
    [
        ("annotations: {summary: x}", "no label `severity`"),
        ("labels: {severity: critical}", "no annotation `summary`"),
        ("labels: {severity: critical, at: '{{ $value }}'}, annotations: {summary: x}", "changes with the value"),
        ("labels: {severity: critical}, annotations: {summary: x}, for: 90s", "rounds 90s up"),
    ],
)
def test_so_is_one_of_an_alert(rest: str, doubt: str) -> None:
    (told,) = doubts("kafka_broker_up == 0", rest=rest.replace("'", '"'))
    assert doubt in told


@pytest.mark.parametrize(
    "expr",
    [
        'kafka_broker_up{kafka_cluster="x", job="y"} == 0',
        "rate(kafka_broker_received_bytes_total[5m]) > 100",
        "increase(kafka_broker_received_bytes_total[1m]) > 0",
        "count by (kafka_cluster) (kafka_broker_up == 0) > 1",
        "somebody_elses_metric > 0",
        "kafka_brokers > kafka_topics",
        "sum(kafka_broker_under_min_isr_partitions) < 1",
    ],
)
def test_what_is_meant_is_not_doubted(expr: str) -> None:
    assert doubts(expr) == []

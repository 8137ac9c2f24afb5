"""What is allowed, and yet not what is meant."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.catalogue import METRICS, kafka_exporter
from streamwatch.cli.rules import rules
from streamwatch.rules.lint import lint, unknown_metrics
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
        ("kinesis_reader_lag_seconds > 5", "it is called reader_lag_seconds now"),
        ("kafka_reader_up == 0", "it is called reader_up now"),
        ("kinesis_readers == 0", "it is called readers now"),
        ("kinesis_reader_shard_standing_seconds > 5", "it is called reader_standing_seconds now"),
        ("kinesis_reader_nothing > 5", "`streamwatch metrics` lists them"),
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


def of_names(pattern: str, *recorded: str) -> list[str]:
    """Return the doubts about a rule that reads by a part of names, beside rules that record some."""
    text = "groups:\n- name: g\n  rules:\n"
    text += "".join(f"  - {{record: '{name}', expr: vector(1)}}\n" for name in recorded)
    text += f"  - {{record: all, expr: 'count({{__name__=~\"{pattern}\"}})'}}\n"
    groups, mistakes = read(text, "x.yml")
    assert mistakes == []
    return lint(groups, METRICS)


def test_parts_of_names_that_only_recorded_series_have_are_not_doubted() -> None:
    assert of_names("a:.+", "a:b", "a:c") == []
    for doubtful in (
        of_names("a:.+"),
        of_names("a:.+", "b:c"),
        of_names("kafka_.+|a:.+", "a:b"),
        of_names(".+", "a:b"),
    ):
        assert "names no metric" in doubtful[0]


@pytest.mark.parametrize("compatibility", ["[]", "[kafka_exporter]"])
def test_names_of_kafka_exporter_are_known_where_they_are_served(tmp_path: Path, compatibility: str) -> None:
    text = "groups:\n- name: exporter\n  rules:\n"
    for at, one in enumerate(kafka_exporter.METRICS):
        rest = "labels: {severity: info}, annotations: {summary: x}"
        text += f"  - {{alert: A{at}, expr: {one.name} > 0, {rest}}}\n"
    (tmp_path / "rules.yml").write_text(text)
    file = tmp_path / "streamwatch.yaml"
    file.write_text(
        "kafka: [{name: k, bootstrap: ['h:1']}]\n"
        f"export: {{compatibility: {compatibility}}}\nrules: {{pack: false, files: [rules.yml]}}\n"
    )
    count = len(kafka_exporter.METRICS)
    done = CliRunner().invoke(rules, ["check", "--config", str(file)])
    assert done.exit_code == 0
    if compatibility == "[kafka_exporter]":
        assert done.output == f"1 file, {count} rules: fine\n"
        return
    assert done.output.count("kafka_exporter's: it is there with `export.compatibility: [kafka_exporter]`") == count
    assert done.output.endswith(f"1 file, {count} rules: fine, {count} doubts\n")
    assert CliRunner().invoke(rules, ["check", str(tmp_path / "rules.yml")]).output == done.output


def test_a_wrong_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "streamwatch.yaml").write_text("kafkas: 1")
    done = CliRunner().invoke(rules, ["check", "--config", str(tmp_path / "streamwatch.yaml")])
    assert done.exit_code == 1
    assert "unknown key 'kafkas'" in done.output


def test_the_shipped_rules_are_fine() -> None:
    assert CliRunner().invoke(rules, ["check"]).output.endswith(" rules: fine\n")


def test_a_recorded_name_that_the_agent_exports_is_doubted() -> None:
    groups, _ = read("groups: [{name: g, rules: [{record: reader_lag_seconds, expr: vector(1)}]}]", "x.yml")

    (doubt,) = lint(groups, METRICS)
    assert "reader_lag_seconds is a metric of StreamWatch" in doubt
    assert unknown_metrics(groups, METRICS) == [doubt]

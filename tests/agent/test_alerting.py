"""Rules in the agent as a whole, on a cluster that is not there."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.agent import config
from streamwatch.agent.app import App
from streamwatch.cli.main import main
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import RuleError
from tests.agent.test_app import samples
from tests.conftest import Start, closed_port, get
from tests.waiting import wait_for

RULES = """
groups:
  - name: mine
    rules:
      - alert: Blind
        expr: streamwatch_source_up{job="j", instance="i"} == 0
        labels: {severity: critical}
      - {alert: NotThere, expr: absent(kafka_brokers)}
      - {alert: Here, expr: up == 1}
      - {alert: Later, expr: up == 1, for: 1h, labels: {kafka_cluster: shop}}
"""


def settings(folder: Path, **rules: Any) -> config.Config:
    cluster = f"{{name: shop, bootstrap: ['127.0.0.1:{closed_port()}'], interval: 1s}}"
    text = f"kafka: [{cluster}]\nlisten: {{address: '127.0.0.1:0'}}\n"
    text += "rules: {pack: false, files: ['rules/*.yml'], state: state.db, evaluation_interval: 500ms,\n"
    text += "  job: j, instance: i}\n"
    found = config.parse(text, "test.yaml", folder)
    return replace(found, rules=replace(found.rules, **rules))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yml").write_text(RULES)
    return tmp_path


def asked(app: App, path: str) -> Any:
    return json.loads(get(app, f"/api/v1/{path}")[1])["data"]


def shown(app: App) -> list[dict[str, str]]:
    """The alerts on the page, with the labels that are not empty."""
    families = text_string_to_metric_families(get(app, "/metrics")[1])
    alerts = [one for family in families for one in family.samples if one.name == "streamwatch_alerts"]
    return [{name: value for name, value in one.labels.items() if value} for one in alerts]


def states(app: App) -> dict[str, str]:
    return {one["labels"]["alertname"]: one["state"] for one in asked(app, "alerts")["alerts"]}


def test_alerts_are_decided_and_told(folder: Path, start: Start) -> None:
    app = start(settings(folder))
    wanted = {"Blind": "firing", "NotThere": "firing", "Here": "firing", "Later": "pending"}
    wait_for(lambda: states(app) == wanted, 20, "every alert")
    assert samples(app)["streamwatch_alert_state_up"] == {"": 1.0}
    assert asked(app, "query?query=ALERTS_FOR_STATE")["result"]
    assert [rule["health"] for rule in asked(app, "rules")["groups"][0]["rules"]] == ["ok"] * 4
    (blind,) = [one for one in asked(app, "alerts")["alerts"] if one["labels"]["alertname"] == "Blind"]
    assert blind["labels"] == {
        "alertname": "Blind",
        "severity": "critical",
        "source": "shop",
        "job": "j",
        "instance": "i",
    }


def test_the_page_counts_what_is_decided(folder: Path, start: Start) -> None:
    app = start(settings(folder))
    wait_for(lambda: samples(app).get("streamwatch_rule_evaluations_total", {}).get("mine", 0) > 1, 20, "evaluations")
    wait_for(lambda: len(shown(app)) == 4, 20, "the alerts")
    assert {"alertname": "Blind", "alertstate": "firing", "severity": "critical", "source": "shop"} in shown(app)
    assert {"alertname": "Later", "alertstate": "pending", "kafka_cluster": "shop"} in shown(app)
    assert samples(app)["streamwatch_rule_failures_total"] == {"mine": 0.0}


def test_a_reload_takes_new_rules_and_keeps_what_stays(folder: Path, start: Start) -> None:
    first = settings(folder)
    app = start(first, lambda: first)
    wait_for(lambda: states(app).get("Later") == "pending", 20, "the first alerts")
    since = {one["labels"]["alertname"]: one["activeAt"] for one in asked(app, "alerts")["alerts"]}
    (folder / "rules" / "mine.yml").write_text(RULES.replace("alert: Here", "alert: There"))
    app.reload()
    wait_for(lambda: {"There", "Later"} <= states(app).keys(), 20, "the new alert")
    assert "Here" not in states(app)
    now = {one["labels"]["alertname"]: one["activeAt"] for one in asked(app, "alerts")["alerts"]}
    assert now["Later"] == since["Later"]


def test_a_reload_with_a_broken_rule_changes_nothing(folder: Path, start: Start) -> None:
    first = settings(folder)
    other = replace(first, kafka=(replace(first.kafka[0], interval=2.0),))
    app = start(first, lambda: other)
    wait_for(lambda: states(app).get("Later") == "pending", 20, "the first alerts")
    (folder / "rules" / "broken.yml").write_text("groups: [{name: x, rules: [{alert: X, expr: '('}]}]")
    with pytest.raises(RuleError, match=r"broken\.yml:1: group 'x', rule 'X'"):
        app.reload()
    assert states(app).get("Later") == "pending"
    assert samples(app)["streamwatch_config_reloads_total"] == {"taken": 0.0, "refused": 1.0}
    assert samples(app)["streamwatch_source_interval_seconds"] == {"shop": 1.0}


def test_a_restart_keeps_the_alerts(folder: Path, start: Start) -> None:
    app = start(settings(folder))
    wait_for(lambda: states(app).get("Later") == "pending", 20, "the first alerts")
    (before,) = [one["activeAt"] for one in asked(app, "alerts")["alerts"] if one["labels"]["alertname"] == "Later"]
    app.stop()
    again = start(settings(folder))
    wait_for(lambda: states(again).get("Later") == "pending", 20, "the alerts of before")
    (after,) = [one["activeAt"] for one in asked(again, "alerts")["alerts"] if one["labels"]["alertname"] == "Later"]
    assert after == before


def test_other_settings_of_rules_are_taken_by_a_reload(folder: Path, start: Start) -> None:
    first = settings(folder)
    app = start(first, lambda: replace(first, rules=replace(first.rules, job="other")))
    wait_for(lambda: states(app).get("Here") == "firing", 20, "the first alerts")
    app.reload()
    wait_for(
        lambda: {one["labels"]["job"] for one in asked(app, "alerts")["alerts"] if "job" in one["labels"]} == {"other"},
        20,
        "the new label",
    )


def test_without_rules_nothing_is_decided(folder: Path, start: Start) -> None:
    app = start(settings(folder, enabled=False))
    wait_for(lambda: samples(app).get("streamwatch_source_up"), 20, "a read")
    assert asked(app, "rules") == {"groups": []}
    assert "streamwatch_alerts" not in samples(app)


def test_rules_that_are_wrong_stop_a_start_with_their_mistakes(folder: Path) -> None:
    (folder / "rules" / "broken.yml").write_text("groups: [{name: x, rules: [{alert: X, expr: '('}]}]")
    with pytest.raises(RuleError, match=r"broken\.yml:1"):
        App(settings(folder), SystemClock())


@pytest.mark.parametrize(
    ("match", "doubt"),
    [
        ('severity="page"', """notify.routes[0]: no alert has a severity that is = 'page': there are critical"""),
        ("severity=~page|warn", "no alert has a severity that is =~ 'page|warn': there are critical"),
        ('severity="critical"', None),
        ('severity!="page"', None),
        ('team="page"', None),
    ],
)
def test_a_route_for_severities_that_no_alert_has_is_doubted(folder: Path, match: str, doubt: str | None) -> None:
    file = folder / "streamwatch.yaml"
    file.write_text(
        "kafka: [{name: shop, bootstrap: ['h:1']}]\nrules: {pack: false, files: ['rules/*.yml']}\n"
        f"notify: {{log: [{{}}], routes: [{{matchers: ['{match}'], channels: [log]}}]}}\n"
    )
    answer = CliRunner().invoke(main, ["check-config", str(file)])
    assert answer.exit_code == 0, answer.output
    if doubt is None:
        assert "doubtful" not in answer.output
    else:
        assert doubt in answer.output


@pytest.mark.parametrize(
    ("more", "doubt"),
    [
        (
            "kinesis: [{name: m, regions: [eu-west-1], readers: {kcl: {interval: 30s}}}]",
            "kinesis[0].readers.kcl: interval is written, and it is not enabled: write `enabled: true`",
        ),
        (
            "kinesis: [{name: m, regions: [eu-west-1], readers: {kcl: {enabled: true, probe: {beyond: 30s}}}}]",
            "kinesis[0].readers.kcl.probe: beyond is written, and it is not enabled",
        ),
        (
            "connect: [{name: c, urls: ['http://w:1'], kafka_cluster: nope}]",
            "connect[0].kafka_cluster: no cluster under `kafka` is called 'nope': there are shop",
        ),
        (
            "kinesis: [{name: m, regions: [aa-b-1],readers: {functions: {clusters: [{source: b, kafka_cluster: k}]}}}]",
            "kinesis[0].readers.functions.clusters[0].kafka_cluster: no cluster under `kafka` is called 'k'",
        ),
        ("kinesis: [{name: m, regions: [eu-west-1], readers: {kcl: {enabled: true, interval: 30s}}}]", None),
        ("connect: [{name: c, urls: ['http://w:1'], kafka_cluster: shop}]", None),
    ],
)
def test_what_is_written_and_does_nothing_is_doubted(folder: Path, more: str, doubt: str | None) -> None:
    file = folder / "streamwatch.yaml"
    file.write_text(f"kafka: [{{name: shop, bootstrap: ['h:1']}}]\n{more}\n")
    answer = CliRunner().invoke(main, ["check-config", str(file)])

    assert answer.exit_code == 0, answer.output
    assert (doubt in answer.output) if doubt else ("doubtful" not in answer.output), answer.output


def test_a_rule_that_reads_an_unknown_metric_is_doubted_and_logged(
    folder: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "rules" / "a.yml").write_text("groups: [{name: x, rules: [{alert: X, expr: kinesis_reader_up == 0}]}]")
    file = folder / "streamwatch.yaml"
    file.write_text("kafka: [{name: shop, bootstrap: ['h:1']}]\nrules: {pack: false, files: ['rules/*.yml']}\n")
    answer = CliRunner().invoke(main, ["check-config", str(file)])
    words = "kinesis_reader_up: no metric of StreamWatch: it is called reader_up now"
    assert words in answer.output

    start(settings(folder))
    assert any(words in one.getMessage() for one in caplog.records)


def test_a_warehouse_in_a_region_that_is_not_read_is_refused(folder: Path) -> None:
    file = folder / "streamwatch.yaml"
    file.write_text(
        "kinesis: [{name: m, regions: [eu-west-1], readers: {redshift: {enabled: true, warehouses:"
        " [{workgroup: w, database: d, region: us-east-1}]}}}]"
    )
    answer = CliRunner().invoke(main, ["check-config", str(file)])

    assert answer.exit_code == 2
    assert "readers.redshift.warehouses[0].region: 'us-east-1' is none of regions: eu-west-1" in answer.output

"""What people see of Kafka Connect: the check-up, the snapshot, the page and the status."""

import json
import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.agent.config import parse
from streamwatch.catalogue import kafka_connect as c
from streamwatch.cli.doctor import check_up
from streamwatch.cli.main import main
from streamwatch.core.clock import SystemClock
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import view
from streamwatch.model.finding import Finding
from streamwatch.sources.connect.source import ConnectSource
from tests.sources.connect.service import Service, running, served
from tests.sources.connect.test_source import NOBODY, config, source


def findings(service: Service) -> list[tuple[str, str, str]]:
    found: list[Finding] = []
    with served(service) as url:
        text = f"connect: [{{name: c, kafka_cluster: k, urls: ['{url}', '{NOBODY}']}}]"
        check_up(parse(text, "test", Path()), found.append)
    return [(one.step, one.verdict, one.detail) for one in found]


def test_the_check_up_tells_of_workers_failures_lost_records_and_a_cluster_that_is_not_watched() -> None:
    silent = running("RUNNING", **{"errors.tolerance": "all"})
    found = findings(Service({"out": running("FAILED"), "silent": silent}))

    assert [(step, verdict) for step, verdict, _ in found] == [
        ("GET /", "ok"), ("REST API", "failed"), ("connectors", "ok"), ("tasks", "warning"), ("errors", "warning"),
        ("kafka_cluster", "warning"),
    ]  # fmt: skip
    assert found[2][2] == "2 connectors with 2 tasks"
    assert found[4][2] == "connector silent skips records that fail, and keeps them nowhere"


def test_the_check_up_names_connectors_of_which_nobody_can_see_whether_they_work() -> None:
    every = {"connector.class": "PostgresConnector", "topic.prefix": "db", "heartbeat.interval.ms": "5000"}
    writes = running("RUNNING", **every, **{"heartbeat.action.query": "UPDATE beat SET at = now()"})
    off = running("RUNNING", **{**every, "heartbeat.interval.ms": "0"})
    found = findings(Service({"blind": running("RUNNING", **every), "off": off, "writes": writes}))

    named = [detail.split()[1:4] for step, verdict, detail in found if (step, verdict) == ("heartbeat", "warning")]
    assert named == [["off", "writes", "no"], ["blind", "writes", "heartbeats,"]]


def test_the_check_up_says_that_workers_rebalance() -> None:
    assert ("connectors", "warning", "the workers rebalance") in findings(
        Service(answers={"/connectors": lambda: (409, b"")})
    )


def test_a_snapshot_shows_connectors_and_what_failed(tmp_path: Path) -> None:
    with served(Service({"out": running("FAILED"), "well": running("RUNNING")})) as url:
        file = tmp_path / "c.yaml"
        file.write_text(f"connect: [{{name: sinks, kafka_cluster: k, urls: ['{url}']}}]")
        table = CliRunner().invoke(main, ["snapshot", "--config", str(file)])
        as_json = CliRunner().invoke(main, ["snapshot", "--json", "--config", str(file)])
        checked = CliRunner().invoke(main, ["check-config", str(file)])

    assert (table.exit_code, as_json.exit_code) == (0, 0)
    assert "1 FAILED" in table.output
    assert "connect-well" in table.output
    (found,) = json.loads(as_json.output)
    assert found["source"] == "sinks"
    exported = {one["name"] for one in found["samples"]}
    assert {c.CONNECTOR_TASKS.name, c.TASK_FAILURE.name, c.CONNECTOR_GROUP.name} <= exported
    assert found["notes"][0].startswith("task 0 of connector out failed")
    assert "1 Kafka Connect cluster" in checked.output


def test_the_page_lists_the_source_with_what_failed() -> None:
    with served(Service({"out": running("FAILED")})) as url:
        now = source([url]).read()
    shown = view("1", [Read("c", "c", "connect", 30.0, now)], {}, [], [], 0, now.taken_at)

    assert shown.clusters == []
    assert shown.sources[0].problems[0].startswith("task 0 of connector out failed: ConnectException")


def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    service = Service({"out": running("FAILED"), "other": running("RUNNING")})
    with served(service) as url:
        reader = ConnectSource(config([url]), SystemClock())
        reader.read()
        reader.read()
        service.connectors["other"] = running(*["FAILED"] * 30)
        reader.read()

    assert len(caplog.records) == 1 + 20 + 1

"""``streamwatch dashboards push`` and ``export``: nothing is changed that was not asked for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from streamwatch.cli.main import main
from streamwatch.dashboards.files import files
from tests.conftest import closed_port
from tests.dashboards.grafana import LOGIN, TOKEN, Grafana, grafana, source

BOARDS = {json.loads(text)["uid"]: json.loads(text) for text in files().values()}


@pytest.fixture
def house() -> Iterator[Grafana]:
    with grafana() as found:
        yield found


def push(house: Grafana, *args: str, token: str = TOKEN, url: str = "") -> Result:
    done = CliRunner().invoke(
        main, ["dashboards", "push", "--url", url or house.url, *args], env={"GRAFANA_TOKEN": token}
    )
    assert TOKEN not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


def chosen(house: Grafana, uid: str) -> dict[str, Any]:
    (found,) = (one["current"] for one in house.boards[uid]["templating"]["list"] if one["type"] == "datasource")
    return dict(found)


def test_an_empty_grafana_gets_a_folder_with_all_dashboards(house: Grafana) -> None:
    done = push(house)

    assert done.exit_code == 0, done.output
    assert house.boards.keys() == BOARDS.keys()
    assert [one["title"] for one in house.folders] == ["StreamWatch"]
    assert {one["folder"] for one in house.boards.values()} == {"f0"}
    (variable,) = (
        one for one in house.boards["streamwatch-kafka"]["templating"]["list"] if one["type"] == "datasource"
    )
    assert variable["current"] == {"text": "Prometheus", "value": "prom", "selected": True}


def test_a_second_time_nothing_is_written(house: Grafana) -> None:
    push(house)
    done = push(house)

    assert (done.exit_code, done.output.count("is there, the same")) == (0, len(BOARDS))
    assert {one["version"] for one in house.boards.values()} == {1}
    assert len(house.folders) == 1


def test_a_dry_run_changes_nothing(house: Grafana) -> None:
    done = push(house, "--dry-run")
    assert (done.exit_code, done.output.count("would be written")) == (0, len(BOARDS))
    assert (house.boards, house.folders) == ({}, [])


def test_what_somebody_changed_is_shown_and_stays(house: Grafana) -> None:
    push(house)
    house.boards["streamwatch-kafka"]["title"] = "Mine"
    house.boards["streamwatch-kafka"]["version"] = 5
    done = push(house)

    assert done.exit_code == 1
    assert '- "title": "Mine",' in done.output
    assert '+ "title": "StreamWatch / Kafka cluster",' in done.output
    assert "left as they are: StreamWatch / Kafka cluster: give --overwrite" in done.output
    assert house.boards["streamwatch-kafka"]["title"] == "Mine"

    assert push(house, "--overwrite").exit_code == 0
    assert house.boards["streamwatch-kafka"]["title"] == "StreamWatch / Kafka cluster"
    assert house.boards["streamwatch-kafka"]["version"] == 6


def test_who_changes_it_at_the_same_moment_is_not_overwritten(house: Grafana) -> None:
    push(house)
    house.boards["streamwatch-kafka"]["title"] = "Mine"
    house.changed_by_others = True
    done = push(house, "--overwrite")

    assert done.exit_code == 1
    assert "has been changed by someone else" in done.output
    assert house.boards["streamwatch-kafka"]["title"] == "Mine"


def test_of_several_data_sources_one_is_named(house: Grafana) -> None:
    house.sources = [source("a", "Old"), source("b", "Mimir"), source("l", "Loki", "loki")]
    assert "give --datasource NAME" in push(house, "--dry-run").output
    push(house, "--datasource", "Mimir")
    (variable,) = (
        one for one in house.boards["streamwatch-agent"]["templating"]["list"] if one["type"] == "datasource"
    )
    assert variable["current"]["value"] == "b"
    wrong = push(house, "--datasource", "Loki")
    assert (wrong.exit_code, "no Prometheus is called 'Loki': there are 'Old', 'Mimir'" in wrong.output) == (1, True)


def test_a_user_with_a_password_will_do(house: Grafana, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(LOGIN[1] + "\n")
    done = push(house, "--user", LOGIN[0], "--password-file", str(tmp_path / "password"), token="")
    assert (done.exit_code, len(house.boards)) == (0, len(BOARDS))
    assert push(house, token="").exit_code == 2


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ((401, '{"message": "x"}'), "the token or the password is not taken"),
        ((403, '{"message": "You need dashboards:write"}'), "You need dashboards:write"),
        ((500, '{"message": "database is locked"}'), "database is locked"),
        ((502, "<html>no message from upstream</html>"), "the answer is not Grafana's: is there a proxy"),
        ((200, "<html>sign in</html>"), "the answer is not Grafana's: is there a proxy"),
        ((200, ""), "the answer is not Grafana's"),
    ],
)
def test_every_failure_says_where_and_what_to_do(house: Grafana, broken: tuple[int, str], told: str) -> None:
    house.broken = broken
    done = push(house)
    assert (done.exit_code, told in done.output, house.url in done.output) == (1, True, True), done.output


def test_nobody_there_and_no_address(house: Grafana) -> None:
    port = closed_port()
    assert "no answer: ConnectionError" in push(house, url=f"http://127.0.0.1:{port}").output
    wrong = push(house, url="http://admin:s3cr3t@grafana.example")
    assert (wrong.exit_code, "s3cr3t" in wrong.output, "is no address" in wrong.output) == (1, False, True)


def export(folder: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["dashboards", "export", str(folder), *args])


def test_files_come_with_a_provider(tmp_path: Path) -> None:
    done = export(tmp_path / "new", "--folder", "Streams")

    assert done.exit_code == 0, done.output
    provider = yaml.safe_load((tmp_path / "new" / "streamwatch-provider.yaml").read_text())["providers"][0]
    assert (provider["folder"], provider["options"]["path"]) == ("Streams", str(tmp_path / "new"))
    assert {path.name: path.read_text() for path in (tmp_path / "new").glob("*.json")} == dict(files())


@pytest.mark.parametrize(("form", "kind"), [("sidecar", "ConfigMap"), ("operator", "GrafanaDashboard")])
def test_kubernetes_gets_an_object_each(tmp_path: Path, form: str, kind: str) -> None:
    assert export(tmp_path, "--as", form, "--namespace", "monitoring").exit_code == 0
    found = [json.loads(path.read_text()) for path in sorted(tmp_path.iterdir())]

    assert {(one["kind"], one["metadata"]["namespace"]) for one in found} == {(kind, "monitoring")}
    inside = [one["data"][next(iter(one["data"]))] if form == "sidecar" else one["spec"]["json"] for one in found]
    assert {json.loads(text)["uid"] for text in inside} == BOARDS.keys()
    if form == "sidecar":
        assert {one["metadata"]["labels"]["grafana_dashboard"] for one in found} == {"1"}


def test_what_is_there_and_differs_is_not_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "kafka.json").write_text("mine")
    done = export(tmp_path)
    assert (done.exit_code, "kafka.json: give --overwrite" in done.output) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["kafka.json"], "all or nothing"
    assert export(tmp_path, "--overwrite").exit_code == 0
    assert json.loads((tmp_path / "kafka.json").read_text())["uid"] == "streamwatch-kafka"

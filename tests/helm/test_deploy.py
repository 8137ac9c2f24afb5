"""docs/deploy.md and the Dockerfile: what is written there can be used."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from streamwatch.agent.config import parse
from streamwatch.export.endpoints import Health
from tests.helm.chart import ROOT, container, render
from tests.http.serving import World, page, serving
from tests.real import artefacts
from tests.real.conftest import had

TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """The first block of a kind."""
    found = re.search(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.real
def test_the_values_for_kubernetes_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCALL_URL", "https://oncall.example/")
    documents = render(had(artefacts.helm), yaml.safe_load(block("yaml")))
    told = next(one["data"]["streamwatch.yaml"] for one in documents if "streamwatch.yaml" in one.get("data", {}))
    assert parse(told, "deploy.md", tmp_path).notify.webhook[0].name == "oncall"
    assert container(documents)["env"][0]["name"] == "ONCALL_URL"


def test_the_task_for_ecs_holds_a_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCALL_URL", "https://oncall.example/")
    task = json.loads(block("json"))
    (own,) = task["containerDefinitions"]
    config = parse(own["environment"][0]["value"], "deploy.md", tmp_path)
    assert str(config.listen.address) == f"0.0.0.0:{own['portMappings'][0]['containerPort']}"
    mounted = {one["containerPath"] for one in own["mountPoints"]}
    assert {str(Path(str(config.rules.state)).parent), "/tmp"} <= mounted  # noqa: S108 - of the container
    assert {one["sourceVolume"] for one in own["mountPoints"]} == {one["name"] for one in task["volumes"]}
    assert own["readonlyRootFilesystem"] is True
    compile(own["healthCheck"]["command"][-1], "health check", "exec")


def test_the_unit_for_systemd_is_one(tmp_path: Path) -> None:
    unit = (ROOT / "docs" / "share" / "streamwatch" / "streamwatch.service").read_text(encoding="utf-8")
    assert {"DynamicUser=yes", "Type=notify", "WatchdogSec=60"} <= set(unit.splitlines())
    assert "ExecReload=/bin/kill -HUP $MAINPID" in unit
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    file = tmp_path / "streamwatch.service"
    file.write_text(unit.replace("/opt/streamwatch/bin/streamwatch", "/bin/true"))
    done = subprocess.run([program, "verify", str(file)], capture_output=True, text=True, check=False)
    assert "streamwatch.service" not in done.stderr, done.stderr


def test_the_image_is_made_of_what_there_is() -> None:
    sources = [
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    ]  # fmt: skip
    assert len(sources) >= 6
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(sources) == let_in
    assert [one for one in sources if not (ROOT / one).exists()] == []
    user = re.search(r"^USER (\d+):", DOCKERFILE, re.MULTILINE)
    assert user is not None
    assert int(user[1]) > 0


def test_the_image_is_asked_whether_it_is_healthy() -> None:
    check = re.search(r"^HEALTHCHECK .*\\\n *CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert check is not None
    python, flag, code = json.loads(check[1])
    port = re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    assert port is not None
    with serving() as healthy, serving(world=World(page(), health=Health(("it hangs",)))) as hanging:
        asked = [
            subprocess.run(
                [sys.executable, flag, code.replace(port[1], str(one.port))], check=False, capture_output=True
            )
            for one in (healthy, hanging)
        ]
    assert python == "python"
    assert [one.returncode for one in asked] == [0, 1]
    assert b"503" in asked[1].stderr

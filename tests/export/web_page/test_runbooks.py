"""Runbooks as the agent serves them: every shipped one, safe whatever is asked for and whatever stands in them."""

import http.client
import json
import re
import tomllib
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.agent import config
from streamwatch.export.web_page.markdown import blocks
from streamwatch.export.web_page.render import Renderer
from streamwatch.export.web_page.runbooks import Runbooks
from streamwatch.http.message import Request, Response
from streamwatch.rules import config as rules_config
from streamwatch.rules.config import pack_folder, runbooks_folder
from tests.conftest import Start, closed_port, get
from tests.waiting import wait_for

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.stem for path in runbooks_folder().glob("*.md"))
HTML = "text/html"
RULES = """
groups:
  - name: mine
    rules:
      - {alert: Ours, expr: vector(1), annotations: {summary: x, runbook_url: /runbooks/KafkaBrokerDown}}
      - {alert: Theirs, expr: vector(1), annotations: {summary: x, runbook_url: "https://wiki.example.com/Theirs"}}
      - {alert: Evil, expr: vector(1), annotations: {summary: x, runbook_url: "javascript:alert(1)"}}
"""


def ask(path: str, accept: str = "", folder: Path | None = None) -> Response:
    headers = Message()
    headers["Accept"] = accept
    return Runbooks(folder or runbooks_folder()).answer(Request("GET", path, headers))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_one_is_served_as_text_and_for_a_browser(name: str) -> None:
    text = (runbooks_folder() / f"{name}.md").read_text(encoding="utf-8")
    assert ask(f"/runbooks/{name}").body.decode() == text
    assert ask(f"/runbooks/{name}.md").body.decode() == text
    shown = ask(f"/runbooks/{name}", HTML)
    page = shown.body.decode()
    assert f"<h1>{name}</h1>" in page
    assert re.search(r"<h2>What to do</h2>\s*<ol>\s*<li>", page)
    assert not {"```", "**", "| --", "## "} & set(page.split("<body>")[1].split())
    assert "default-src 'none'" in dict(shown.headers)["Content-Security-Policy"]


def test_all_are_listed() -> None:
    assert ask("/runbooks/").body.decode().split() == NAMES
    page = ask("/runbooks/", HTML).body.decode()
    assert all(f'<a href="/runbooks/{name}">' in page for name in NAMES)


@pytest.mark.parametrize(
    "name", ["No", "../notifications", "..%2fnotifications", "/etc/passwd", "a/b", "KafkaBrokerDown/", "\0", "é", "."]
)
def test_nothing_else_is(name: str) -> None:
    answer = ask(f"/runbooks/{name}", HTML)
    assert answer.status == 404
    assert answer.content_type.startswith("text/plain")


def test_what_stands_in_one_is_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    (tmp_path / "Evil.md").write_text(
        f"# {evil}\n\n{evil} **{evil}** `{evil}`\n\n- {evil}\n\n| {evil} |\n\n```\n{evil}\n"
    )
    page = ask("/runbooks/Evil", HTML, tmp_path).body.decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 7


@given(st.text(alphabet="#`*|-1. \n<&x"))
def test_any_text_is_shown_and_none_of_it_is_lost(text: str) -> None:
    words = "".join(word.text for one in blocks(text) for line in one.lines for cell in line for word in cell)
    assert words.count("x") == text.count("x") or "```" in text  # what follows a fence on its line is its language
    assert b"<x" not in Renderer().runbook("x", text).body


def test_they_are_in_the_wheel_where_the_agent_looks_for_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    monkeypatch.setattr(rules_config, "_HERE", tmp_path / "streamwatch")
    for source, inside in wheel["force-include"].items():
        assert (ROOT / source).is_dir()
        (tmp_path / inside).mkdir(parents=True)
    assert {runbooks_folder(), pack_folder()} == {tmp_path / inside for inside in wheel["force-include"].values()}
    image = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in wheel["force-include"]:
        assert f"COPY {source} {source}\n" in image
        assert f"!{source}" in ignored


@pytest.mark.parametrize("base", ["", "https://agent.example.com/monitoring/"])
def test_an_alert_has_the_address_of_its_runbook(tmp_path: Path, start: Start, base: str) -> None:
    (tmp_path / "mine.yml").write_text(RULES)
    text = f"kafka: [{{name: shop, bootstrap: ['127.0.0.1:{closed_port()}'], interval: 1s}}]\n"
    text += "listen: {address: '127.0.0.1:0'}\nrules: {pack: false, files: [mine.yml], evaluation_interval: 200ms}\n"
    text += f"notify: {{links: {{runbooks: '{base}'}}}}\n" if base else ""
    app = start(config.parse(text, "test.yaml", tmp_path))
    alerts = wait_for(lambda: json.loads(get(app, "/api/v1/alerts")[1])["data"]["alerts"][2:], 20, "three alerts fire")
    assert alerts
    found = json.loads(get(app, "/api/v1/alerts")[1])["data"]["alerts"]
    urls = {one["labels"]["alertname"]: one["annotations"]["runbook_url"] for one in found}
    ours = f"{base.rstrip('/') or f'http://{app.address}'}/runbooks/KafkaBrokerDown"
    assert urls == {"Ours": ours, "Theirs": "https://wiki.example.com/Theirs", "Evil": "javascript:alert(1)"}
    if not base:
        assert get(app, ours.removeprefix(f"http://{app.address}")) == (
            200,
            ask("/runbooks/KafkaBrokerDown").body.decode(),
        )
    host, _, port = app.address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    connection.request("GET", "/", headers={"Accept": HTML})
    page = connection.getresponse().read().decode()
    connection.close()
    assert f'href="{ours if base else "/runbooks/KafkaBrokerDown"}"' in page
    assert 'href="https://wiki.example.com/Theirs"' in page
    assert "javascript:" not in page

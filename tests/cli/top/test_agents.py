"""An agent of its own: real, and seen by nobody else. It costs half a second of a processor, the start of an agent."""

import http.client
from pathlib import Path

from streamwatch.agent.config import parse
from streamwatch.cli.top.agents import await_first_read, own_agent
from streamwatch.cli.top.poll import poll
from streamwatch.cli.top.state import TopState
from tests.conftest import closed_port
from tests.waiting import wait_for

CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:{port}'], interval: 15s}}]
rules: {{state: '{folder}/state.db'}}
notify: {{webhook: [{{name: pager, url: 'http://127.0.0.1:{port}/'}}], heartbeat: {{url: 'http://127.0.0.1:{port}/'}}}}
remote_write: [{{name: prometheus, url: 'http://127.0.0.1:{port}/'}}]
"""


def test_it_watches_and_notifies_nobody_writes_nothing_and_is_asked_by_nobody_else(tmp_path: Path) -> None:
    config = parse(CONFIG.format(port=closed_port(), folder=tmp_path), "test", tmp_path)
    with own_agent(config, "shop", is_live=True) as agent:
        await_first_read(agent)
        wanted = TopState("overview").place.wanted
        (row,) = wait_for(lambda: poll(agent, wanted).rows, 60, "it is read")
        receivers = [each["name"] for each in agent.get("/api/v2/receivers")]
        nothing = agent.get("/api/v1/nothing")
        connection = http.client.HTTPConnection(agent.url.removeprefix("http://"), timeout=60)
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        connection.close()

    assert (row.health, row.cells["how it is"].text, row.cells["every"].text) == (
        "bad",
        "cannot be read: unreachable",
        "5s",
    )
    assert answer.status == 401
    assert nothing is None
    assert "pager" not in receivers
    assert list(tmp_path.iterdir()) == []

"""Two agents as users run them, a lease in a stand-in of Kubernetes, and one page."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path

from tests.agent_process import Agent, agent
from tests.notify.receiver import Receiver, receiver
from tests.pair.lease.kube import TOKEN, kube
from tests.real.processes import free_ports
from tests.waiting import wait_for

CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:{port}'}}
rules: {{pack: false, files: [rules.yml], evaluation_interval: 500ms, state: {name}.db}}
notify: {{pagerduty: [{{name: pager, routing_key: k, url: '{url}'}}], group_by: [alertname], group_interval: 0s}}
ha:
  name: {name}
  token: 0123456789abcdef
  peers: [{{url: 'http://127.0.0.1:{first}'}}, {{url: 'http://127.0.0.1:{second}'}}]
  lease: {{kubernetes: {{namespace: shop, url: '{kube}', token_file: token}}, seconds: 3s}}
"""
RULES = """
groups:
  - {name: g, rules: [{alert: Blind, expr: streamwatch_source_up == 0, labels: {severity: critical}}]}
"""


def notifies(one: Agent) -> bool:
    return one.value("streamwatch_pair_notifies") == 1


def agrees(one: Agent, peer: str) -> bool:
    return one.value("streamwatch_pair_peer_disagreements", peer=peer) == 0


def actions(service: Receiver) -> list[str]:
    return [json.loads(one.body)["event_action"] for one in service.requests]


def test_one_of_two_pages_and_the_other_follows_without_another_page(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "token").write_text(TOKEN)
    first, second = free_ports(2)
    with kube() as home, receiver() as service:
        files = []
        for name, port in (("a", first), ("b", second)):
            files.append(tmp_path / f"{name}.yaml")
            files[-1].write_text(
                CONFIG.format(name=name, port=port, url=service.url, first=first, second=second, kube=home.url)
            )
        with agent("--config", str(files[1])) as b:
            with agent("--config", str(files[0])) as a:
                wait_for(lambda: actions(service) == ["trigger"], 60, "one page")
                peer = f"127.0.0.1:{second}"
                wait_for(lambda: a.value("streamwatch_pair_peer_up", peer=peer) == 1, 60, "a hears b")
                wait_for(lambda: notifies(a) != notifies(b), 60, "one of them notifies")
                wait_for(lambda: agrees(a, peer), 20, "they listen elsewhere, and see the same")
                silence = {
                    "matchers": [{"name": "alertname", "value": "Blind", "isRegex": False}],
                    "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2050-01-01T00:00:00Z",
                    "createdBy": "me", "comment": "",
                }  # fmt: skip
                post(a, silence)
                wait_for(lambda: "Blind" in b.get("/api/v2/silences")[1], 60, "the silence holds on both")
            wait_for(lambda: notifies(b), 60, "b follows")
            wait_for(lambda: b.value("streamwatch_pair_peer_up", peer=f"127.0.0.1:{first}") == 0, 60, "a is gone")
        assert actions(service) == ["trigger"]


def post(one: Agent, silence: Mapping[str, object]) -> None:
    connection = HTTPConnection(one.address, timeout=30)
    connection.request("POST", "/api/v2/silences", json.dumps(silence), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()

"""Two agents on one cluster, and a stand-in for PagerDuty that makes incidents of dedup keys: one incident."""

import json
from pathlib import Path

from tests.agent_process import agent
from tests.notify.receiver import Receiver, receiver
from tests.waiting import wait_for

CONFIG = """
kafka: [{{name: shop, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [rules.yml], evaluation_interval: 500ms, instance: '{name}'}}
notify: {{pagerduty: [{{name: pager, routing_key: k, url: '{url}'}}], group_by: [{group_by}], group_interval: 0s}}
"""
RULES = """
groups:
  - {name: g, rules: [{alert: Blind, expr: streamwatch_source_up == 0, labels: {severity: critical}}]}
"""


def incidents(service: Receiver) -> dict[str, str]:
    """What PagerDuty would have open: the last word of each key."""
    events = [json.loads(one.body) for one in service.requests]
    return {event["dedup_key"]: event["event_action"] for event in events}


def test_two_agents_make_one_incident(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    with receiver() as service:
        files = []
        for name, group_by in (("a", "alertname, source"), ("b", "alertname, source"), ("c", "'...'"), ("d", "'...'")):
            files.append(tmp_path / f"{name}.yaml")
            files[-1].write_text(CONFIG.format(name=name, url=service.url, group_by=group_by))
        with agent("--config", str(files[0])), agent("--config", str(files[1])):
            wait_for(lambda: len(service.requests) == 2, 30, "both have paged")
        assert list(incidents(service).values()) == ["trigger"]
        with agent("--config", str(files[2])), agent("--config", str(files[3])):
            wait_for(lambda: len(service.requests) == 4, 30, "both have paged")
        assert list(incidents(service).values()) == ["trigger"] * 2, "another grouping is another incident, but one"

"""From a broker's death to a page: the agent, and a Prometheus with an Alertmanager beside it, on the same incident.

STREAMWATCH_PAGES=20 for figures; ``pytest -s`` prints them.
"""

import json
import os
import statistics
import subprocess
from pathlib import Path

from streamwatch.rules.config import pack_folder
from tests.agent_process import agent
from tests.notify.receiver import receiver
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.paging import RAISING, RULES, Pager, alertmanager, page, pagers, watched
from tests.real.prometheus import asked
from tests.waiting import wait_for

RUNS = int(os.environ.get("STREAMWATCH_PAGES", "1"))


def show(what: str, some: list[Pager]) -> None:
    for one in some:
        told = f"median {statistics.median(one.seconds):6.2f} s, worst {max(one.seconds):6.2f} s"
        print(f"{what}, {len(one.seconds)} times: {one.name:52} {told}")  # noqa: T201 - the figures


def test_a_death_pages_through_every_way_and_so_does_its_end(cluster_43: KafkaCluster, tmp_path: Path) -> None:
    with pagers(cluster_43, tmp_path) as some:
        for _ in range(RUNS):
            page(cluster_43, some)
        show("killed", some)
    ours = [one for one in some if one.name.startswith("StreamWatch")]
    for one in ours:
        assert len(one.told("firing")) == 1, "paged once"
        assert len(one.seconds) == RUNS


def test_a_broker_that_hangs_pages_as_well(cluster_43: KafkaCluster, tmp_path: Path) -> None:
    with (
        receiver() as hook,
        watched(tmp_path, cluster_43.bootstrap, 15, hook.url, ", pulse: {interval: 500ms, deadline: 1s}"),
    ):
        some = [Pager("StreamWatch, a pulse every 0.5 s with a deadline of 1 s", hook)]
        for _ in range(RUNS):
            page(cluster_43, some, freeze=True)
        show("frozen", some)
        assert len(some[0].told("firing")) == 1


def test_a_rule_that_cannot_be_evaluated_delays_no_page_behind_it(cluster_43: KafkaCluster, tmp_path: Path) -> None:
    with (
        receiver() as hook,
        watched(tmp_path, cluster_43.bootstrap, 15, hook.url, rules=RAISING) as address,
    ):
        some = [Pager("StreamWatch, behind a rule that raises and twenty groups", hook)]
        for _ in range(RUNS):
            page(cluster_43, some)
        show("killed", some)
        health = [rule["health"] for group in asked(address, "rules")["groups"] for rule in group["rules"]]
        assert health == ["err", *["ok"] * 21]


CONFIG = """
kafka: [{{name: real, bootstrap: ['127.0.0.1:1'], interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: [rules.yml], evaluation_interval: 1s, instance: {instance}}}
notify: {{alertmanager: [{{name: am, urls: ['http://127.0.0.1:1', 'http://{at}'], resend_delay: 1s}}]}}
log: {{level: error}}
"""


def test_two_agents_and_one_alertmanager_make_one_incident_that_ends(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.replace("kafka_broker_up == 0", "streamwatch_source_up == 0"))
    with receiver() as hook, alertmanager(tmp_path, hook.url) as at:
        files = [tmp_path / f"{name}.yaml" for name in ("a", "b")]
        for file in files:
            file.write_text(CONFIG.format(at=at, instance=file.stem))
        pager = Pager("both", hook)
        with agent("--config", str(files[0])), agent("--config", str(files[1])) as other:
            wait_for(lambda: pager.told("firing"), 30, "a page, though the other Alertmanager is down")
            wait_for(lambda: (other.value("streamwatch_notifications_total", channel="am[1]") or 0) > 5, 30, "resends")
            incidents = {json.dumps(json.loads(one.body)["groupLabels"]) for one in hook.requests}
            assert len(incidents) == 1
            assert len(pager.told("firing")) == 1
        # An Alertmanager that hears nothing more takes it to be over: that is what `endsAt` is for.
        wait_for(lambda: pager.told("resolved"), 30, "it is over")


def test_alertmanager_takes_the_inhibitions(tmp_path: Path) -> None:
    amtool = had(artefacts.alertmanager) / "usr/bin/amtool"
    shipped = (pack_folder() / "inhibit" / "streamwatch.yml").read_text()
    file = tmp_path / "alertmanager.yml"
    file.write_text(f"route: {{receiver: none}}\nreceivers: [{{name: none}}]\n{shipped}")
    done = subprocess.run([amtool, "check-config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{shipped.count('source_matchers')} inhibit rules" in done.stdout

"""Every panel of every dashboard, asked of a real Prometheus that scrapes the agent, in the scenario that it is for.

The reference has everything that there is to see: a cluster with exporters that is MSK's, streams, load on both.
CloudWatch counts by the minute, so this takes some; it waits for most of them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from streamwatch.app import App
from streamwatch.clock import SystemClock
from streamwatch.config import parse
from streamwatch.dashboards.files import ALL, files
from streamwatch.dashboards.panel import Panel
from streamwatch.demo.hurried import hurried
from streamwatch.demo.pager import Pager
from streamwatch.demo.run import QUICK
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.play import LoadProcess
from streamwatch.reference.scenarios import Step
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.prometheus import asked, free_port, prometheus, query
from tests.waiting import wait_for

pytestmark = pytest.mark.real
CONFIG = """
kafka:
  - name: shop
    bootstrap: [{kafka}]
    interval: 2s
    deadline: 1500ms
    log_dirs_interval: 2s
    open_monitoring: {{interval: 2s, targets: [{targets}]}}
    msk: {{cluster: shop, region: us-east-1, interval: 10s, metrics: all, access: {access}}}
kinesis:
  - name: streams
    regions: [us-east-1]
    interval: 5s
    describe_interval: 10s
    access: {access}
    cloudwatch: {{detail_interval: 60s}}
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], interval: 1s, state: '{rules}/state.db'}}
notify: {{webhook: [{{name: pager, url: '{pager}'}}], group_interval: 1s}}
remote_write: [{{name: prometheus, url: 'http://{receiver}/api/v1/write', interval: 5s}}]
"""


@dataclass
class Stage:
    """What there is to see, and who looks."""

    kafka: ReferenceKafka
    streams: LoadProcess
    prometheus: str


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder, binary = tmp_path_factory.mktemp("walk"), had(artefacts.prometheus)
    rules = folder / "rules"
    rules.mkdir()
    hurried(rules, 20)
    port = free_port()
    with ExitStack() as stack:
        kafka = stack.enter_context(ReferenceKafka(Spec(brokers=3, settings=QUICK)))
        aws = stack.enter_context(ReferenceAws())
        aws.add_msk(kafka, "shop", "PER_BROKER")
        pages = [f"{{broker: {id_}, jmx: '{jmx}', node: '{node}'}}" for id_, (jmx, node) in kafka.serve_pages().items()]
        stack.enter_context(LoadProcess(kafka.bootstrap, 50))
        streams = stack.enter_context(LoadProcess(aws.url, 50, "streams_load"))
        pager = stack.enter_context(Pager())
        told = {
            "kafka": kafka.bootstrap,
            "targets": ", ".join(pages),
            "access": f"{{endpoint_url: '{aws.url}', access_key_id: agent, secret_access_key: agent}}",
            "rules": rules,
            "pager": pager.url,
            "receiver": f"127.0.0.1:{port}",
        }
        app = App(parse(CONFIG.format(**told), "test", folder), SystemClock())
        app.start()
        stack.callback(app.stop)
        scraped = [{"job_name": "streamwatch", "static_configs": [{"targets": [app.address]}]}]
        config, flag = {"scrape_configs": scraped}, "--web.enable-remote-write-receiver"
        at = stack.enter_context(prometheus(binary, folder / "prometheus", config, flag, port=port))
        yield Stage(kafka, streams, at)


def asks(panel: Panel) -> list[str]:
    """The queries of a panel as Grafana sends them, with everything chosen and a narrow window."""
    return [
        re.sub(r"\$(?!__)\w+", ".*", one.expr).replace("$__rate_interval", "90s").replace("[5m]", "[20s]")
        for one in panel.queries
    ]


def empty(prometheus: str, panels: Sequence[Panel]) -> dict[str, list[str]]:
    """Panels with queries that have no data, and those queries."""
    found = {one.title: [expr for expr in asks(one) if not query(prometheus, expr)] for one in panels}
    return {title: exprs for title, exprs in found.items() if exprs}


def have_data(prometheus: str, panels: Sequence[Panel], seconds: float) -> None:
    left: dict[str, list[str]] = {}

    def all_have() -> bool:
        nonlocal left
        left = empty(prometheus, panels)
        return not left

    try:
        wait_for(all_have, seconds, "every panel has data")
    except TimeoutError:
        pytest.fail(f"without data: {json.dumps(left, indent=1)}")


def panels(*titles: str) -> list[Panel]:
    """The panels with these titles, on whichever dashboard."""
    found = [one for board in ALL for one in board.panels if one.title in titles]
    assert {one.title for one in found} == set(titles)
    return found


TROUBLE = (
    "Alerts that fire", "What the agent could not learn", "What it could not learn",
    "From the decision to the delivery",
)  # fmt: skip
HOT = ("To split",)
FILLING = ("Full in",)
CATCHING_UP = ("Caught up in",)


def test_every_panel_has_data_in_its_scenario(stage: Stage) -> None:
    at = stage.prometheus
    stage.streams.order(Step(0, "", "hot", {"stream": "purchases", "share": 0.95}))
    stage.streams.order(Step(0, "", "rate", {"stream": "purchases", "records_per_second": 700}))
    stage.kafka.do(lambda site, now: faults.fill_disk(site, now, broker=1, to=0.3, within=300.0))
    calm = [one for board in ALL for one in board.panels if one.title not in {*TROUBLE, *HOT, *FILLING, *CATCHING_UP}]
    have_data(at, calm, 300)
    have_data(at, panels(*HOT, *FILLING), 120)

    stage.kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers"))
    lag = 'kafka_group_lag{group="orders-readers"}'
    wait_for(lambda: any(float(one["value"][1]) > 500 for one in query(at, lag)), 60, "a group is late")
    stage.kafka.do(lambda site, now: faults.stall_group(site, now, group="orders-readers", on=False))
    have_data(at, panels(*CATCHING_UP), 60)

    stage.kafka.do(lambda site, now: faults.stop(site, now, broker=2))
    have_data(at, panels(*TROUBLE), 90)


def test_variables_and_annotations_are_answered(stage: Stage) -> None:
    for name, text in files().items():
        told = json.loads(text)
        for one in told["templating"]["list"]:
            if one["type"] == "query":
                found = re.fullmatch(r"label_values\((\w+), (\w+)\)", one["definition"])
                assert found is not None
                values = asked(stage.prometheus, f"label/{found[2]}/values", **{"match[]": found[1]})
                assert values, f"{name}: {one['definition']}"
        for one in told["annotations"]["list"]:
            query(stage.prometheus, one["expr"])  # which may be nothing, and must be understood

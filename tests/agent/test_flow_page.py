"""The data-flow map of a running agent, as JSON and for browsers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from streamwatch.agent.alerting import Alerting
from streamwatch.agent.config import parse
from streamwatch.agent.flow_page import FlowPage
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import kafka_groups as g
from streamwatch.core.clock import ManualClock
from streamwatch.export.web_page.addresses import FLOW, FLOW_JSON
from streamwatch.model.metric import Samples
from streamwatch.samples.hub import Hub
from streamwatch.samples.precedence import SourcePrecedence
from tests.agent.test_app import settings
from tests.conftest import Start, get
from tests.flow.maps import ones, samples


@dataclass(frozen=True)
class Read:
    taken_at: float
    problems: tuple[str, ...] = ()
    is_up: bool = True


@dataclass(frozen=True)
class Runner:
    """What the page asks of who reads a source."""

    name: str
    kind: str
    last: Read


ORDERS = ("shop", "billing", "orders")


def lag(seconds: float) -> Sequence[Samples]:
    return [samples(g.GROUP_TOPIC_LAG_SECONDS, {ORDERS: seconds}), samples(g.GROUP_TOPIC_LAG, {ORDERS: 3.0})]


def test_it_is_made_of_what_the_hub_knows_once_a_second_and_ends_with_it() -> None:
    clock = ManualClock(1000.0)
    hub = Hub(clock)
    hub.add("shop", "kafka", "shop", SourcePrecedence())
    page = FlowPage(hub, clock)
    hub.append("shop", lag(7.0), at=1000.0, valid_seconds=10.0)

    first = page.answer(FLOW_JSON, ())
    (edge,) = json.loads(first.body)["data"]["edges"]
    assert (edge["source"], edge["target"]) == ("topic:shop/orders", "group:shop/billing")
    assert (edge["lagSeconds"], edge["lagRecords"], edge["unknown"]) == (7.0, 3.0, "")
    hub.append("shop", lag(8.0), at=1000.0, valid_seconds=10.0)
    assert page.answer(FLOW_JSON, ()) is first, "however many look"
    assert b"group billing is 8 s behind topic orders" in page.answer(FLOW, ()).body

    clock.advance(1.0)
    assert json.loads(page.answer(FLOW_JSON, ()).body)["data"]["paths"][0]["ageSeconds"] == 8.0
    clock.advance(10.0)
    assert json.loads(page.answer(FLOW_JSON, ()).body)["data"]["nodes"] == [], "what is no longer true is not shown"


def test_what_a_sink_has_left_passed_the_source_a_while_ago_and_it_counts_how_that_was_then() -> None:
    clock = ManualClock(990.0)
    hub = Hub(clock)
    page = FlowPage(hub, clock)
    bank, lake = ("connect", "shop", "bank"), ("connect", "shop", "lake")
    for name in ("shop", "connect"):
        hub.add(name, "kafka" if name == "shop" else "connect", name, SourcePrecedence())
    for changed, unread in ((940.0, 0.0), (1009.0, 10.0)):
        of_source = [
            ones(c.CONNECTOR_INFO, [(*bank, "source", "x.X", "none"), (*lake, "sink", "x.Y", "none")]),
            ones(c.CONNECTOR_TOPIC, [(*bank, "orders", "name")]),
            ones(c.CONNECTOR_GROUP, [(*lake, "billing")]),
            samples(c.HEARTBEAT_WRITES_SOURCE, {bank: 1.0}),
            samples(c.CHANGE_TIMESTAMP, {bank: changed}),
        ]
        clock.advance(10.0)
        hub.append("connect", of_source, at=clock.now(), valid_seconds=60.0)
        hub.append("shop", lag(unread), at=clock.now(), valid_seconds=60.0)
    runners = cast(
        "list[TargetRunner]", [Runner("connect", "connect", Read(1010.0)), Runner("shop", "kafka", Read(1010.0))]
    )
    (path,) = json.loads(page.answer(FLOW_JSON, runners).body)["data"]["paths"]
    assert (path["from"], path["to"]) == ("connector:connect/bank", "connector:connect/lake")
    assert path["ageSeconds"] == 70.0, "it passed at 1000 s, when the source had come to 940"


def test_an_agent_looks_back_an_hour_at_how_far_sources_were_and_at_nothing_else(tmp_path: Path) -> None:
    clock = ManualClock(1_800_000_000.0)
    hub = Hub(clock)
    hub.add("connect", "connect", "connect", SourcePrecedence())
    config = parse("kafka: [{name: shop, bootstrap: ['127.0.0.1:1']}]\nrules: {pack: false}", "test.yaml", tmp_path)
    alerting = Alerting(config, (), hub, clock, tuple)
    bank = ("connect", "shop", "bank")
    try:
        for _ in range(5):
            numbers = [
                samples(metric, {bank: clock.now()}) for metric in (c.CHANGE_TIMESTAMP, c.HEARTBEAT_WRITES_SOURCE)
            ]
            hub.append("connect", numbers, at=clock.now(), valid_seconds=60.0)
            clock.advance(600.0)
        assert len(hub.past(c.CHANGE_TIMESTAMP)[bank]) == 5
        assert len(hub.past(c.HEARTBEAT_WRITES_SOURCE)[bank]) < 3
    finally:
        alerting.state.close()


def test_what_could_not_be_read_is_on_it(start: Start) -> None:
    app = start(settings("a"))
    _, text = get(app, FLOW_JSON)
    (unread,) = json.loads(text)["data"]["unread"]
    assert unread.startswith("a: ")


def test_the_agent_serves_it_before_anything_is_known(start: Start) -> None:
    app = start(settings("a"))
    status, text = get(app, FLOW_JSON)
    assert (status, json.loads(text)["status"]) == (200, "success")
    status, text = get(app, FLOW)
    assert status == 200
    assert "Nobody is known who reads or writes" in text

"""May it be restarted: a running agent asked over HTTP, and by the command of a script."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.message import Message
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatch.agent.restarts import Restarts
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Target, precedence
from streamwatch.cli.may_restart import may_restart
from streamwatch.core.clock import Clock, ManualClock, SystemClock
from streamwatch.export.restart_api import PATH
from streamwatch.http.message import Request, Response
from streamwatch.http.server import Config, PathHandler, Server
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.samples.hub import Hub
from streamwatch.settings.types import HostPort
from streamwatch.sources.cluster_config import ClusterConfig
from tests.agent.test_app import settings
from tests.collectors.outlook.test_restart import ONE_BEHIND, seen
from tests.conftest import Start, get
from tests.snapshots import group


class Prepared:
    """A source whose next read is set by the test."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock, self.name = clock, name
        self.next = seen(groups=[group("billing", members=2)])

    def read(self) -> ClusterSnapshot:
        return replace(self.next, cluster=self.name, taken_at=self._clock.now())

    def close(self) -> None:
        """There is nothing to drop."""


class Agent:
    """As much of an agent as answers."""

    def __init__(self, clock: Clock, *names: str) -> None:
        self.sources = {name: Prepared(clock, name) for name in names}
        self.hub = Hub(clock)
        self.runners = [self._runner(clock, source) for source in self.sources.values()]
        self.woken: list[str] = []
        self.restarts = Restarts(clock, self.wake)

    def wake(self, name: str) -> None:
        self.woken.append(name)

    def read(self) -> None:
        for runner in self.runners:
            runner.run()

    def ask(self, query: str) -> tuple[int, Any]:
        response = self.restarts.answer(Request("GET", PATH, Message(), query=query), self.runners)
        return response.status, json.loads(response.body)

    def _runner(self, clock: Clock, source: Prepared) -> TargetRunner:
        config = ClusterConfig(name=source.name, bootstrap=(HostPort("127.0.0.1", 1),))
        target = Target(
            name=source.name, kind="kafka", source=source, interval=15.0, max_series=100, collectors={}, about=()
        )
        self.hub.add(source.name, "kafka", source.name, precedence(config))
        return TargetRunner(config, target, clock, self.hub)


def test_yes_and_no() -> None:
    agent = Agent(ManualClock(1000.0), "shop")
    agent.read()

    status, answer = agent.ask("broker=1")
    assert (status, answer["status"]) == (200, "success")
    assert answer["data"] == {
        "may": True,
        "subject": "broker 1 of shop",
        "askedAt": 1000.0,
        "readAt": "1970-01-01T00:16:40.000Z",
        "count": 0,
        "objections": [],
    }
    agent.sources["shop"].next = seen(ONE_BEHIND)
    agent.read()
    data = agent.ask("cluster=shop&broker=1")[1]["data"]
    assert (data["may"], data["count"]) == (False, 2)
    assert data["objections"][1] == {
        "kind": "min_isr",
        "unknown": False,
        "topic": "orders",
        "partition": 0,
        "text": "2 replicas are in sync, min ISR 2 and a margin of 1 need 3",
        "count": 1,
    }
    assert agent.ask("reader=billing")[1]["data"]["may"] is False, "it is gone"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("", "either broker or reader is wanted"),
        ("broker=1&reader=a", "either broker or reader is wanted"),
        ("broker=one", "broker: 'one': a whole number is wanted"),
        ("broker=1&broker=2", "broker: is there several times: ask about one at a time"),
        ("broker=1&margin=-1", "margin: '-1': a whole number is wanted"),
        ("broker=1&after=now", "after: 'now': seconds since 1970 are wanted"),
        ("broker=1&brokers=2", "'brokers': is no parameter: there are cluster, broker, reader, margin, after"),
        ("broker=1", "cluster: which one?: there are: pay, shop"),
        ("broker=1&cluster=x", "cluster: 'x': there are: pay, shop"),
    ],
)
def test_what_is_not_understood(query: str, why: str) -> None:
    status, answer = Agent(ManualClock(1000.0), "shop", "pay").ask(query)
    assert (status, answer["error"]) == (400, why)


def test_a_newer_read_is_brought_forward_but_not_by_everybody_who_asks() -> None:
    clock = ManualClock(1000.0)
    agent = Agent(clock, "shop", "pay")
    agent.read()
    assert agent.ask("cluster=shop&broker=1")[1]["data"]["may"] is True
    assert agent.woken == []

    for _ in range(3):
        data = agent.ask("cluster=shop&broker=1&after=1000.5")[1]["data"]
        assert [one["kind"] for one in data["objections"]] == ["stale"]
    assert agent.woken == ["shop"]
    clock.advance(2.0)
    agent.ask("cluster=shop&broker=1&after=1000.5")
    assert agent.woken == ["shop", "shop"]
    agent.read()
    assert agent.ask("cluster=shop&broker=1&after=1000.5")[1]["data"]["may"] is True
    agent.sources["shop"].next = seen()
    agent.read()
    agent.ask("reader=billing&after=1002.5")
    assert agent.woken == ["shop", "shop", "pay"], "who does not know the name is not read for it"


def test_an_agent_that_cannot_read_its_cluster_does_not_know(start: Start) -> None:
    status, text = get(start(settings("a")), f"{PATH}?broker=1")
    data = json.loads(text)["data"]
    assert (status, data["may"]) == (200, False)
    assert [one["text"] for one in data["objections"]] == ["a: it cannot be read"]


class Live(Agent):
    """Is read whenever somebody asks; there are several reads to come, and the last one stays."""

    coming: Sequence[ClusterSnapshot] = ()

    def answer(self, request: Request) -> Response:
        source = self.sources["shop"]
        source.next, self.coming = (self.coming[0], self.coming[1:]) if self.coming else (source.next, ())
        self.read()
        return self.restarts.answer(request, self.runners)


@pytest.fixture
def served() -> Iterator[tuple[Live, str]]:
    agent = Live(SystemClock(), "shop")
    server = Server(Config(address=HostPort("127.0.0.1", 0)), [PathHandler(PATH, agent.answer)])
    server.start()
    yield agent, f"http://{server.address}"
    server.stop()


def run(*args: str) -> tuple[int, str]:
    found = CliRunner().invoke(may_restart, args)
    return found.exit_code, found.output


def test_the_command(served: tuple[Live, str]) -> None:
    agent, url = served
    assert run("broker", "1", "--url", url) == (0, "yes: broker 1 of shop\n")
    assert run("reader", "billing", "--url", url, "--cluster", "shop") == (0, "yes: reader billing\n")

    agent.sources["shop"].next = seen(
        {"orders": [(1, (1,), (1,))] * 22, "pay": [(1, (1, 2, 3), (1, 2, 3))]}, reassigning=float("nan")
    )
    code, text = run("broker", "1", "--url", url, "--wait", "0s")
    lines = text.splitlines()
    assert (code, lines[0]) == (1, "no: broker 1 of shop must not be restarted now")
    assert lines[1].startswith("  not known: whether partitions are being reassigned is not known")
    assert lines[2].startswith("  orders-0: its only replica is on the broker")
    assert lines[-1] == "  and 3 more"
    code, text = run("broker", "1", "--url", url, "--json")
    assert (code, json.loads(text)["count"]) == (1, 23)


def test_the_command_waits_until_it_may(served: tuple[Live, str]) -> None:
    agent, url = served
    agent.coming = [seen(ONE_BEHIND), seen(ONE_BEHIND), seen()]
    assert run("broker", "1", "--url", url, "--wait", "10m") == (0, "yes: broker 1 of shop\n")


def test_the_answer_rests_on_a_read_that_began_after_the_question(served: tuple[Live, str]) -> None:
    agent, url = served
    agent.coming = [seen(), seen(ONE_BEHIND)]
    assert run("broker", "1", "--url", url)[0] == 1, "the first read is of before the question"


def test_a_question_that_is_not_understood_is_answered_by_a_sentence(served: tuple[Live, str]) -> None:
    _, url = served
    code, text = run("broker", "1", "--url", url, "--cluster", "x")
    assert (code, text) == (1, f"Error: {url}: refused, status 400: cluster: 'x': there are: shop\n")


def test_without_an_answer_it_is_a_no() -> None:
    code, text = run("broker", "1", "--url", "http://127.0.0.1:1")
    assert code == 1
    assert "no answer" in text
    assert run("broker", "1", "--wait", "soon")[0] == 2

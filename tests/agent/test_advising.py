"""What to change: a running agent asked over HTTP, and by the command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatch.advice.config import Config, read_prices
from streamwatch.agent.advising import Advising
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Target, precedence
from streamwatch.archive.archive import Archive
from streamwatch.catalogue import kinesis as k
from streamwatch.cli.advise import advise
from streamwatch.cli.main import main
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import ConfigError
from streamwatch.export.advice_api import PATH
from streamwatch.http.message import Request
from streamwatch.http.server import Config as ListenConfig
from streamwatch.http.server import PathHandler, Server
from streamwatch.model.kinesis import Description, Stream, StreamsSnapshot
from streamwatch.samples.hub import Hub
from streamwatch.settings.types import HostPort
from streamwatch.sources.account_config import AccountConfig
from tests.agent.test_app import settings
from tests.conftest import Start, get

STREAM = {"aws_account": "1234", "aws_region": "us-east-1", "stream": "clicks"}
EXAMPLE = Path(__file__).parents[2] / "docs" / "prices.example.yml"


class Prepared:
    """A source that has one stream, of which CloudWatch has nothing."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    def read(self) -> StreamsSnapshot:
        description = Description("ACTIVE", "PROVISIONED", 86_400.0, 2, None, (), frozenset())
        stream = Stream("1234", "us-east-1", "clicks", description)
        return StreamsSnapshot(source="mine", taken_at=self._clock.now(), read_seconds=0.0, streams=(stream,))

    def close(self) -> None:
        """There is nothing to drop."""


class Agent:
    """As much of an agent as answers; a day in which the stream had this use of its two shards, minute by minute."""

    def __init__(self, use: float, hours: int = 24) -> None:
        self.clock = ManualClock(1_800_000_000.0)
        self.archive = Archive(2**20, self.clock)
        config = AccountConfig(name="mine", regions=("us-east-1",))
        target = Target(
            name="mine",
            kind="kinesis",
            source=Prepared(self.clock),
            interval=60.0,
            max_series=9,
            collectors={},
            about=(),
        )
        hub = Hub(self.clock)
        hub.add("mine", "kinesis", "mine", precedence(config))
        self.runner = TargetRunner(config, target, self.clock, hub)
        self.hub = hub
        self.advising = Advising(Config(prices=str(EXAMPLE)), hub, self.clock)
        for _ in range(hours * 60):
            self.clock.advance(60)
            uses = [(k.WRITE_BYTES_USE, use), (k.WRITE_RECORDS_USE, use), (k.OPEN_SHARDS, 2.0)]
            self.archive.take("mine", [metric.sample(value, **STREAM) for metric, value in uses], self.clock.now())
        self.runner.run()
        self.clock.advance(60)

    def answer(self, _: Request) -> Any:
        return self.advising.answer([self.runner], self.archive)

    def advice(self) -> dict[str, Any]:
        body = json.loads(self.advising.answer([self.runner], self.archive).body)
        assert (body["status"], body["data"]["adviceLeftOut"]) == ("success", 0)
        return {each["question"]: each for each in body["data"]["advice"]}


@pytest.fixture(scope="module")
def busy() -> Agent:
    return Agent(0.9)


@pytest.fixture(scope="module")
def url(busy: Agent) -> Iterator[str]:
    server = Server(ListenConfig(address=HostPort("127.0.0.1", 0)), [PathHandler(PATH, busy.answer)])
    server.start()
    yield f"http://{server.address}"
    server.stop()


def test_an_advice_has_its_sum_its_data_and_how_sure_it_is(busy: Agent) -> None:
    shards = busy.advice()["shards"]
    assert shards == {
        "about": "stream",
        "labels": STREAM,
        "question": "shards",
        "state": "do",
        "action": "scale from 2 to 3 shards",
        "sum": "p99 minute 1.80, highest 1.80 shards' worth, 0 records refused in a day; at 0.80 of a shard 3 are"
        " needed, at 0.50 4 are enough; 2 open",
        "data": [f"{k.WRITE_BYTES_USE.name}, {k.WRITE_RECORDS_USE.name}, {k.WRITE_THROTTLED.name} over 24 h"],
        "sure": "a guess: keys are taken for even, what each shard gets is not known; the minutes that CloudWatch was"
        " asked for stand for the others (`cloudwatch.detail_interval`)",
        "commands": [
            (
                "aws kinesis update-shard-count --region us-east-1 --stream-name clicks --target-shard-count 3"
                " --scaling-type UNIFORM_SCALING"
            )
        ],
    }


def test_what_is_not_known_is_said(busy: Agent) -> None:
    young = Agent(0.9, hours=3).advice()
    assert young["shards"]["action"] == young["mode"]["action"] == "not known yet: 3 h of history, needs 24 h"
    without = Advising(Config(), busy.hub, busy.clock).answer([busy.runner], busy.archive)
    actions = [each["action"] for each in json.loads(without.body)["data"]["advice"]]
    assert "not known: no prices of us-east-1: see `advise.prices`" in actions


def test_it_is_computed_once_a_minute_at_most() -> None:
    agent = Agent(0.9, hours=1)
    first = agent.answer(Request("GET", PATH, {}))  # type: ignore[arg-type]
    assert agent.answer(Request("GET", PATH, {})) is first  # type: ignore[arg-type]
    agent.clock.advance(60)
    assert agent.answer(Request("GET", PATH, {})) is not first  # type: ignore[arg-type]


def run(*args: str) -> str:
    found = CliRunner().invoke(advise, args)
    assert found.exit_code == 0, found.output
    return found.output


def test_the_command(url: str) -> None:
    lines = run("--url", url).splitlines()
    assert lines[0] == "stream 1234/us-east-1/clicks, shards: do: scale from 2 to 3 shards"
    assert [line.split(":")[0] for line in lines[1:]] == ["  sum", "  sure", "  data", "  run", "1 more need no change"]
    assert "mode: fine: nothing: provisioned is cheaper" in run("--url", url, "--all")
    assert len(json.loads(run("--url", url, "--json"))["advice"]) == 2


def test_a_running_agent_answers(start: Start) -> None:
    status, text = get(start(settings("a")), PATH)
    assert (status, json.loads(text)["data"]["advice"]) == (200, [])


def test_the_example_has_two_regions_and_its_date() -> None:
    prices = read_prices(Config(prices=str(EXAMPLE)))
    assert prices is not None
    assert (prices.date, sorted(prices.by_region())) == ("2025-11-30", ["us-east-1", "us-west-2"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kinesis: [{region: a, shard_hour: -1}]", "shard_hour"),
        ("date: x\nkinesis: [{region: a}, {region: a}]", "kinesis: a: is there twice"),
        (None, "cannot be read"),
    ],
)
def test_prices_that_are_wrong_are_refused(tmp_path: Path, text: str | None, why: str) -> None:
    prices, config = tmp_path / "prices.yml", tmp_path / "streamwatch.yml"
    if text is not None:
        prices.write_text(text)
    config.write_text("kafka: [{name: a, bootstrap: ['b:9092']}]\nadvise: {prices: prices.yml}\n")
    with pytest.raises(ConfigError, match=why):
        Advising(Config(prices=str(prices)), Hub(ManualClock(0.0)), ManualClock(0.0))
    found = CliRunner().invoke(main, ["check-config", str(config)])
    assert found.exit_code != 0
    assert why in found.output

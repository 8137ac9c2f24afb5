"""The audit of a running agent: what it asks, how often, and what its journal knows; and the command of a person."""

import json
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatch.agent.auditing import Audits
from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import Target, precedence
from streamwatch.audit.config import Ignore
from streamwatch.cli.audit import audit
from streamwatch.core.clock import Clock, ManualClock
from streamwatch.export.audit_api import PATH, answered
from streamwatch.http.message import Request, Response
from streamwatch.http.server import Config, PathHandler, Server
from streamwatch.journal.question import Question
from streamwatch.model.cluster_settings import ClusterSettings
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.samples.hub import Hub
from streamwatch.settings.types import HostPort
from streamwatch.sources.cluster_config import ClusterConfig
from tests.agent.test_app import settings
from tests.audit.knowing import ANSWERED, DAY, NOW, WELL, read
from tests.conftest import Start, closed_port, get
from tests.snapshots import group

ALONE = Ignore(finding="replication-factor-one", target="shop/.*", reason="rebuilt every night", until="2027-02-01")


class Prepared:
    """A source whose next read, and what it answers to an audit, are set by the test."""

    def __init__(self, clock: Clock, now: ClusterSnapshot) -> None:
        self._clock, self.next, self.settings = clock, now, ANSWERED
        self.asked = 0
        self.asking_seconds = 0.0

    def read(self) -> ClusterSnapshot:
        return replace(self.next, taken_at=self._clock.now())

    def ask(self, _: ClusterSnapshot) -> ClusterSettings:
        self.asked += 1
        if isinstance(self._clock, ManualClock):
            self._clock.advance(self.asking_seconds)
        return self.settings

    def close(self) -> None:
        """There is nothing to drop."""


class Agent:
    """As much of an agent as answers."""

    def __init__(self, clock: Clock, *sources: Prepared) -> None:
        self.hub = Hub(clock)
        self.sources = sources
        self.changes: list[JournalEntry] = []
        self.ignores: tuple[Ignore, ...] = ()
        self.runners = [self._runner(clock, f"shop{i or ''}", each) for i, each in enumerate(sources)]
        self.audits = Audits(self.hub, clock, self._changed)
        for runner in self.runners:
            runner.run()

    def _changed(self, question: Question) -> list[JournalEntry]:
        return [each for each in self.changes if each.source in question.sources and each.kind in question.kinds]

    def _runner(self, clock: Clock, name: str, source: Prepared) -> TargetRunner:
        config = ClusterConfig(name=name, bootstrap=(HostPort("127.0.0.1", 1),))
        target = Target(
            name=name, kind="kafka", source=source, interval=15.0, max_series=100, collectors={}, about=(),
            settings=source.ask,
        )  # fmt: skip
        self.hub.add(name, "kafka", name, precedence(config))
        return TargetRunner(config, target, clock, self.hub)

    def audit(self) -> dict[str, Any]:
        return self.audits.answer(self.runners, self.ignores)

    def answer(self, request: Request) -> Response:
        return answered(request, self.audit)


def of(finding: str, shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in shown["findings"] if each["finding"] == finding]


def test_brokers_are_asked_when_somebody_wants_an_audit_and_not_again_and_again() -> None:
    clock = ManualClock(NOW)
    source = Prepared(clock, read({"orders": [WELL]}))
    agent = Agent(clock, source)
    assert source.asked == 0
    for _ in range(3):
        assert agent.audit()["findings"] == []
    clock.advance(300.0)
    agent.audit()
    assert source.asked == 1
    clock.advance(301.0)
    agent.audit()
    assert source.asked == 2


def test_brokers_that_did_not_answer_all_are_asked_again_after_a_minute() -> None:
    clock = ManualClock(NOW)
    source = Prepared(clock, read({"orders": [WELL]}))
    source.settings = ClusterSettings(asked_at=NOW, problems=("no answer within 12s",))
    agent = Agent(clock, source)
    assert "no answer within 12s" in str(agent.audit()["notChecked"])
    source.settings = ANSWERED
    clock.advance(61.0)
    assert "no answer within 12s" not in str(agent.audit()["notChecked"])


def test_clusters_that_are_slow_to_answer_leave_others_to_the_next_audit() -> None:
    clock = ManualClock(NOW)
    first, second = (Prepared(clock, read({"orders": [WELL]})) for _ in range(2))
    first.asking_seconds = 10.0
    agent = Agent(clock, first, second)
    assert "it is not asked yet: the next audit does" in str(agent.audit()["notChecked"])
    clock.advance(200.0)
    assert "it is not asked yet" not in str(agent.audit()["notChecked"])
    assert (first.asked, second.asked) == (1, 1)


def test_an_answer_stays_for_a_moment_but_not_when_something_else_is_ignored() -> None:
    clock = ManualClock(NOW)
    source = Prepared(clock, read({"orders": [(1, (1,), (1,))]}))
    agent = Agent(clock, source)
    shown = agent.audit()
    assert [each["ignored"] for each in of("replication-factor-one", shown)] == [None]
    assert agent.audit() is shown
    agent.ignores = (ALONE,)
    (found,) = of("replication-factor-one", agent.audit())
    assert found["ignored"] == {"reason": "rebuilt every night", "until": "2027-02-01"}


def test_the_journal_knows_since_when_a_group_is_empty() -> None:
    clock = ManualClock(NOW)
    empty = [group("billing", "Empty", members=0), group("again", "Stable")]
    agent = Agent(clock, Prepared(clock, read({"orders": [WELL]}, groups=empty)))
    for name, after, at in (("billing", "Empty", 6.0), ("billing", "Stable", 8.0)):
        agent.changes.append(
            JournalEntry(
                at=NOW - at * DAY, since=0.0, source="shop", kind="group.state", subject=name, sentence="", after=after
            )
        )
    agent.changes.sort(key=lambda change: -change.at)
    (found,) = of("offsets-expiring", agent.audit())
    assert found["target"] == "shop/billing"
    (found,) = of("unused-group", agent.audit())
    assert found["evidence"][1] == "so since 2027-01-09T08:00:00Z"


def test_an_agent_that_cannot_read_its_cluster_has_checked_nothing(start: Start) -> None:
    status, text = get(start(settings("a")), PATH)
    data = json.loads(text)["data"]
    assert (status, data["findings"], data["unread"]) == (200, [], ["a"])
    whys = {each["why"] for each in data["notChecked"] if each["targets"] == ["a"]}
    assert whys == {"the cluster could not be read"}


@pytest.fixture
def served() -> Iterator[tuple[Agent, str]]:
    clock = ManualClock(NOW)
    agent = Agent(clock, Prepared(clock, read({"or\x1bders": [(1, (1,), (1,))]})))
    server = Server(Config(address=HostPort("127.0.0.1", 0)), [PathHandler(PATH, agent.answer)])
    server.start()
    yield agent, f"http://{server.address}"
    server.stop()


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(audit, args, env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_the_command(served: tuple[Agent, str]) -> None:
    agent, url = served
    code, text = run("--url", url)
    assert code == 1
    assert "1 of 1 partitions have one replica" in text
    assert text.splitlines()[-1].startswith("1 critical, 0 warning, 0 info; 0 ignored; ")
    assert "\x1b" not in text
    assert run("--url", url, "--fail-on", "never")[0] == 0
    agent.ignores = (ALONE,)
    code, text = run("--url", url)
    assert (code, "rebuilt every night" in text) == (0, True)
    code, text = run("--url", url, "--json")
    assert (code, json.loads(text)["counts"]) == (0, {"critical": 0, "warning": 0, "info": 0})


def test_the_command_says_what_is_ignored_no_more(served: tuple[Agent, str]) -> None:
    agent, url = served
    agent.ignores = (replace(ALONE, until="2026-12-31"),)
    code, text = run("--url", url)
    assert (code, "it was ignored until 2026-12-31: rebuilt every night" in text) == (1, True)


def test_a_cluster_that_cannot_be_read_is_no_success() -> None:
    code, text = run("--kafka", f"127.0.0.1:{closed_port()}", "--fail-on", "never")
    assert code == 1
    assert "127.0.0.1: could not be read" in text


def test_what_the_command_and_the_api_refuse(served: tuple[Agent, str]) -> None:
    agent, _ = served
    assert run("--url", "http://127.0.0.1:1")[0] == 1
    assert run("--config", "a", "--kafka", "b:1")[0] == 2
    assert run("--kafka", "nonsense")[0] == 2
    refused = agent.answer(Request("GET", PATH, Message(), query="a=b"))
    assert refused.status == 400

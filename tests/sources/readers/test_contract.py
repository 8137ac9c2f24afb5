"""What holds of every kind of readers: what its API does not tell is unknown and named, and nothing else changes."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self, get_args

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.collectors.connect_readers import ConnectReaderCollector
from streamwatch.model import reader as model
from streamwatch.reference.aws.redshift import Redshift
from streamwatch.sources.readers.config import Readers
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.connect.service import Service, running
from tests.sources.connect.test_source import read
from tests.sources.readers.every_kind import (
    KINDS,
    Agent,
    AgentClock,
    Everything,
    Kind,
    Known,
    everything,
)
from tests.sources.readers.mishaps import FAULTS, NONSENSE, PAGES, REASONS, answering, in_three_pages

SETTLED_MINUTES = 10
MONTH_MINUTES = 30 * 24 * 60
RECOVERY_MINUTES = 20
"""One who may not describe is asked again after five, a warehouse after fifteen."""
WAITED_SECONDS = 5
"""Pages are asked for in their turn, half a second apart."""
RECOVERED = {"refused", "garbage"}
"""These are looked at for longer, and until all is as before: the others are treated as one of them is."""
SAID_OF_THE_UNKNOWN = {r.STATE.name, a.REASON.name, r.READERS.name, r.READ_UNITS.name}
OPERATIONS = [(kind, one) for kind in KINDS for one in kind.operations]
LISTINGS = [(kind, one) for kind in KINDS for one in kind.listings]
DOCUMENT = Path(__file__).parents[3] / "docs" / "readers.md"
QUESTIONS = {
    "is it up": r.UP,
    "how far behind, in seconds": r.LAG,
    "in records": r.LAG_RECORDS,
    "what did it lose": r.LOST,
    "when will data be lost": r.TIME_TO_LOSS,
}


@contextmanager
def suffering(account: Everything, operation: str, mishap: str) -> Iterator[None]:
    """Let an operation suffer something, and be well again."""
    with ExitStack() as stack:
        if mishap in NONSENSE:
            stack.enter_context(answering(account.account, operation, NONSENSE[mishap]))
        else:
            fault, given = FAULTS[mishap]
            stack.callback(account.fault, "heal")
            account.fault(fault, operation=operation, **given)
        yield


@dataclass
class Twins:
    """Two accounts in which the same happens at the same moments, and an agent of each; one of them may suffer."""

    well: Everything
    ill: Everything

    def __enter__(self) -> Self:
        self.expected, self.found = (Agent(one.aws.url, one.clock, one.accounts) for one in (self.well, self.ill))
        return self

    def __exit__(self, *why: object) -> None:
        self.expected.close()
        self.found.close()

    def look(self, minutes: int = 2) -> None:
        """Let minutes pass, and both read after each."""
        for _ in range(minutes):
            for account, agent in ((self.well, self.expected), (self.ill, self.found)):
                account.live()
                agent.read()

    def recover(self, kind: str) -> None:
        """Let minutes pass until all is as it would have been."""
        for _ in range(RECOVERY_MINUTES):
            if self.is_the_same(kind):
                return
            self.look(1)
        assert not self.found.snapshots[kind].problems
        assert self.known(kind) == self.known(kind, is_expected=True)

    def is_the_same(self, kind: str) -> bool:
        """Whether all is known again of a kind, and nothing is wrong with it."""
        return not self.found.snapshots[kind].problems and self.known(kind) == self.known(kind, is_expected=True)

    def known(self, kind: str, *, is_expected: bool = False) -> Known:
        """What is known of a kind, but how much was counted since when: that began anew."""
        known = (self.expected if is_expected else self.found).known[kind]
        of_moments = kind == "redshift"  # whose answers, a quarter of an hour apart, are of other moments than before
        return {row: 0.0 if of_moments or row[0].endswith("_total") else value for row, value in known.items()}


@pytest.fixture(scope="module")
def accounts() -> Iterator[tuple[Everything, Everything]]:
    with everything() as well, everything() as ill:
        for one in (well, ill):
            one.live(300)
        yield well, ill


@pytest.fixture(scope="module")
def settled(accounts: tuple[Everything, Everything]) -> Iterator[Agent]:
    """An agent that has read every minute for ten, after its first read."""
    account, other = accounts
    agent = Agent(account.aws.url, account.clock, account.accounts)
    agent.read()
    agent.began = agent.snapshots
    agent.snapshots = {}
    for _ in range(SETTLED_MINUTES):
        account.live()
        other.live()
        agent.read()
    yield agent
    agent.close()


def test_every_kind_that_there_is_stands_in_the_table() -> None:
    """Connectors of Kafka Connect have their own, in tests/sources/connect/test_contract.py: they are not AWS's."""
    assert {one.name for one in KINDS} | {"kafka_connect"} == set(get_args(model.Kind))
    assert {one.setting for one in KINDS} == {one.name for one in fields(Readers)}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_call_of_a_kind_stands_in_the_table_and_while_all_is_well_it_is_known(settled: Agent, kind: Kind) -> None:
    assert settled.calls(kind.name).keys() - {"GetMetricData"} == set(kind.operations)
    assert ("GetMetricData" in settled.calls(kind.name)) == kind.asks_cloudwatch
    assert settled.snapshots[kind.name].problems == ()
    assert {row[0] for row in settled.known[kind.name]} >= {r.UP.name, r.STATE.name, r.READERS.name}


OF_ANY = ("truncated", "empty", "error")
"""What is made of an answer before anything looks whose it is: one operation of each kind stands for all."""
MISHAPS = [
    pytest.param(kind, operation, mishap, id=f"{kind}-{operation}-{mishap}")
    for some, mishaps in (
        (OPERATIONS, (*(each for each in FAULTS if each not in OF_ANY), "twisted")),
        ([(kind, kind.operations[0]) for kind in KINDS], OF_ANY),
        (LISTINGS, ("hollow",)),
    )
    for kind, operation in some
    for mishap in mishaps
]


@pytest.mark.parametrize(("kind", "operation", "mishap"), MISHAPS)
def test_what_an_api_does_not_tell_is_unknown_and_named_and_nothing_else_changes(
    accounts: tuple[Everything, Everything], kind: Kind, operation: str, mishap: str
) -> None:
    with Twins(*accounts) as both:
        with suffering(both.ill, operation, mishap):
            both.look(2 if mishap in RECOVERED else 1)
        problems = both.found.snapshots[kind.name].problems
        assert problems, "it is named"
        assert {one.reason for one in problems} == {REASONS.get(mishap, "misread")}
        assert any(kind.service in one.detail or kind.name in one.detail for one in problems), problems
        assert both.found.names(r.UP.name, kind.name) == set(), "nothing is made up"
        assert both.found.names(r.STATE.name, kind.name) <= {"unknown"}
        assert {row[0] for row in both.found.known[kind.name]} <= SAID_OF_THE_UNKNOWN
        for other in KINDS:
            if other is not kind:
                assert both.found.known[other.name] == both.expected.known[other.name]
                assert both.found.snapshots[other.name].problems == ()
        if mishap in RECOVERED:
            both.recover(kind.name)


@pytest.mark.parametrize("mishap", [*FAULTS, *NONSENSE])
def test_without_cloudwatch_what_the_apis_say_stays_and_nothing_is_made_up(
    accounts: tuple[Everything, Everything], mishap: str
) -> None:
    with Twins(*accounts) as both:
        with suffering(both.ill, "GetMetricData", mishap):
            both.look()
        for kind in (one for one in KINDS if one.asks_cloudwatch):
            found, expected = both.found.known[kind.name], both.expected.known[kind.name]
            assert {one.scope for one in both.found.snapshots[kind.name].problems} == {"cloudwatch"}
            assert found.items() < expected.items()
            assert both.found.names(r.UP.name, kind.name) == both.expected.names(r.UP.name, kind.name)
        for kind in KINDS:
            both.recover(kind.name)


def test_what_comes_in_three_pages_is_what_comes_in_one() -> None:
    with everything(3) as well, everything(3) as ill, Twins(well, ill) as both, in_three_pages(ill.account):
        both.look(4)
        for kind in KINDS:
            found, expected = both.found.known[kind.name], both.expected.known[kind.name]
            assert found.keys() == expected.keys()
            for row, value in found.items():
                later = WAITED_SECONDS if row[0].endswith("_seconds") else 0
                assert value == pytest.approx(expected[row], abs=later), row
            assert both.found.snapshots[kind.name].problems == ()
            calls, once = both.found.calls(kind.name), both.expected.calls(kind.name)
            for operation in PAGES.keys() & once.keys():
                assert calls[operation] >= 2 * once[operation], "of some listings only a part has three of anything"
    assert PAGES.keys() <= {one for kind in KINDS for one in both.found.calls(kind.name)}


def test_a_destination_that_nobody_knows_is_named_and_the_rest_is_known(
    accounts: tuple[Everything, Everything],
) -> None:
    with Twins(*accounts) as both, suffering(both.ill, "DescribeDeliveryStream", "hollow"):
        both.look()
        (reader,) = both.found.snapshots["firehose"].readers or ()
        assert (reader.state, reader.lag_seconds is not None) == ("running", True)
        assert any(one.startswith("delivery: ") for one in reader.unknown)
        assert reader.work is not None
        assert reader.work.success_ratio is None


def test_of_kafka_connect_none_at_all_is_no_problem_and_its_listing_has_no_pages() -> None:
    service = Service({f"out-{at}": running("RUNNING") for at in range(300)})
    assert len(read(service).connectors or ()) == 300
    assert sum(path.startswith("/connectors") for path in service.asked) == 1
    now = read(Service())
    assert (now.connectors, now.problems) == ((), ())


@pytest.fixture(scope="module")
def nothing() -> Iterator[Agent]:
    time = Time()
    with cloud(time) as aws:
        aws.do(lambda cloud, _: cloud.beside(Redshift).create("analytics"))
        agent = Agent(aws.url, AgentClock(time))
        agent.read()
        yield agent
        agent.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_none_at_all_is_no_problem(nothing: Agent, kind: Kind) -> None:
    assert nothing.snapshots[kind.name].readers == ()
    assert nothing.snapshots[kind.name].problems == ()


def cells(heading: str) -> dict[str, dict[str, str]]:
    """The tables of a section of docs/readers.md, by kind and column."""
    text = DOCUMENT.read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found: dict[str, dict[str, str]] = {}
    head: list[str] = []
    for line in (one for one in text.splitlines() if one.startswith("|")):
        row = [one.strip() for one in line.strip("|").split(" | ")]
        if row[0] == "kind":
            head = row
        elif row[0].startswith("`"):
            found.setdefault(row[0].strip("`"), {}).update(zip(head, row, strict=True))
    return found


def _lateness(kind: Kind) -> dict[str, str]:
    """What the table says of the questions that are answered of a kind."""
    row = cells("Every kind, every question")[kind.name]
    return {one: row[one] for one in QUESTIONS if not row[one].startswith("unknown: ")}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_table_of_the_documentation_says_what_is_known_and_what_is_not(settled: Agent, kind: Kind) -> None:
    row = cells("Every kind, every question")[kind.name]
    known = {each[0] for each in settled.known[kind.name]}
    for question, metric in QUESTIONS.items():
        assert row[question].startswith("unknown: ") == (metric.name not in known), question
    calls, rights = row["calls, and how often"], row["rights, besides `cloudwatch:GetMetricData`"]
    for operation in kind.operations:
        assert operation in calls
    assert {one.partition(":")[2].strip("`") for one in rights.split(", ")} == set(kind.operations)


@pytest.fixture(scope="module")
def stalled() -> Iterator[Agent]:
    """An agent that has seen for an hour that nobody gets any further."""
    with everything() as account:
        agent = Agent(account.aws.url, account.clock, account.accounts)
        for minutes in (1,) * 5 + (0,) + (1,) * 10 + (5,) * 14:
            if not minutes:
                account.stall()
            account.live(60 * minutes)
            agent.read()
        yield agent
        agent.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_table_says_of_which_kinds_it_is_known_what_stands_still(stalled: Agent, kind: Kind) -> None:
    cell = cells("Every kind, every question")[kind.name]["what stands still, since when"]
    assert cell.startswith("unknown: ") == (r.STANDING.name not in {row[0] for row in stalled.known[kind.name]})


def test_the_table_says_what_is_known_of_a_connector_of_kafka_connect_and_what_is_asked_for_it() -> None:
    row = cells("Every kind, every question")["kafka_connect"]
    service = Service({"out": running("RUNNING")})
    known = {each.metric.name for each in ConnectReaderCollector().collect(read(service)) if each.known()}
    for question, metric in QUESTIONS.items():
        assert row[question].startswith("unknown: ") == (metric.name not in known), question
    asked = {path.partition("?")[0] for path in service.asked}
    assert asked == set(re.findall(r"`GET (\S+)`", row["calls, and how often"]))
    assert row["CloudWatch, dollars a month and reader"] == "none"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_table_says_how_late_it_is_and_how_often_is_asked(settled: Agent, kind: Kind) -> None:
    of = getattr(settled.config.readers, kind.setting)
    row = cells("Every kind, every question")[kind.name]
    assert of.interval == (900 if kind.name == "redshift" else 60), "what is added to is the interval of a read"
    more = {f"{getattr(of, 'discover_interval', of.interval) / 60:g}", *(["10"] if kind.name == "lambda" else [])}
    assert {one for cell in _lateness(kind).values() for one in re.findall(r"(\d+) min", cell)} <= more
    calls = {one.operation: one.calls for one in settled.snapshots[kind.name].calls}
    for clause in row["calls, and how often"].split("; "):
        every = re.search(r"every (\d+) min", clause)
        times = SETTLED_MINUTES / (1 if every is None else int(every[1]))
        for operation in (one for one in kind.operations if one in clause):
            assert times <= calls[operation] <= 3 * (times + 1), operation


@pytest.mark.parametrize("kind", [one for one in KINDS if one.asks_cloudwatch], ids=str)
def test_the_table_says_what_cloudwatch_costs(settled: Agent, kind: Kind) -> None:
    now = settled.snapshots[kind.name]
    price = re.match(
        r"[\d.]+", cells("Every kind, every question")[kind.name]["CloudWatch, dollars a month and reader"]
    )
    assert price is not None
    spent = (now.cost.dollars - settled.began[kind.name].cost.dollars) / len(now.readers or ())
    assert spent * MONTH_MINUTES / SETTLED_MINUTES == pytest.approx(float(price[0]), rel=0.1)

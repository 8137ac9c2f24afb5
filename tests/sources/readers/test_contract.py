"""What holds of every kind of readers: what its API does not tell is unknown and named, and nothing else changes."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.collectors.connect_readers import ConnectReaderCollector
from streamwatch.reference.aws.redshift import Redshift
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.connect.service import Service, running
from tests.sources.connect.test_source import read
from tests.sources.readers.every_kind import (
    KINDS,
    Agent,
    Everything,
    Kind,
    Known,
    answering,
    everything,
    hollow,
    three_pages,
    twisted,
)

SETTLED_MINUTES = 10
MONTH_MINUTES = 30 * 24 * 60
OPERATIONS = [(kind, one) for kind in KINDS for one in kind.operations]
LISTINGS = [(kind, one) for kind in KINDS for one in kind.listings]
FAULTS = {
    "refused": ("deny", {}),
    "throttled": ("throttle", {}),
    "garbage": ("spoil", {"answers": "garbage"}),
    "truncated": ("spoil", {"answers": "truncated"}),
    "empty": ("spoil", {"answers": "empty"}),
    "error": ("spoil", {"answers": "error"}),
}
NONSENSE: dict[str, Callable[[object], object]] = {"twisted": twisted, "hollow": hollow}
DOCUMENT = Path(__file__).parents[3] / "docs" / "readers.md"
QUESTIONS = {
    "is it up": r.UP,
    "how far behind, in seconds": r.LAG,
    "in records": r.LAG_RECORDS,
    "what did it lose": r.LOST,
    "when will data be lost": r.TIME_TO_LOSS,
}
REASONS = {"refused": "denied", "throttled": "throttled", "error": "unreachable"}


@pytest.fixture(scope="module")
def account() -> Iterator[Everything]:
    with everything() as found:
        found.live(300)
        yield found


def looked(account: Everything) -> Agent:
    """An agent that came just now, and has read twice."""
    agent = Agent(account.aws, account.time, account.accounts)
    account.live()
    agent.read()
    account.live()
    agent.read()
    return agent


@pytest.fixture(scope="module")
def healthy(account: Everything) -> dict[str, Known]:
    agent = looked(account)
    agent.close()
    assert all(not one.problems for one in agent.snapshots.values())
    return agent.known


@contextmanager
def suffering(account: Everything, operation: str, mishap: str) -> Iterator[Agent]:
    """An agent that comes while an operation suffers something."""
    (access,) = account.accounts._known
    is_nonsense = mishap in NONSENSE
    with answering(account.accounts.get(access), operation, NONSENSE[mishap]) if is_nonsense else nullcontext():
        if not is_nonsense:
            fault, given = FAULTS[mishap]
            account.fault(fault, operation=operation, **given)
        agent = looked(account)
        try:
            yield agent
        finally:
            agent.close()
            account.fault("heal")


def test_every_kind_is_known_while_all_is_well(healthy: dict[str, Known]) -> None:
    for kind in KINDS:
        assert {row[0] for row in healthy[kind.name]} >= {r.UP.name, r.STATE.name, r.READERS.name}


def _but_late(known: Known) -> Known:
    """All but how far a view of Redshift is: of one answer that is known when CloudWatch has what was written since."""
    late = {r.LAG.name, r.LOST.name, r.TIME_TO_LOSS.name}
    return frozenset(row for row in known if row[0] not in late or "redshift" not in row)


@pytest.fixture(scope="module")
def settled(account: Everything) -> Iterator[Agent]:
    """An agent that has read every minute for ten, after its first read."""
    agent = Agent(account.aws, account.time, account.accounts)
    agent.read()
    agent.began = agent.snapshots
    agent.snapshots = {}
    for _ in range(SETTLED_MINUTES):
        account.live()
        agent.read()
    yield agent
    agent.close()


MISHAPS = [
    pytest.param(kind, operation, mishap, id=f"{kind}-{operation}-{mishap}")
    for some, mishaps in ((OPERATIONS, (*FAULTS, "twisted")), (LISTINGS, ("hollow",)))
    for kind, operation in some
    for mishap in mishaps
]


@pytest.mark.parametrize(("kind", "operation", "mishap"), MISHAPS)
def test_what_an_api_does_not_tell_is_unknown_and_named_and_nothing_else_changes(
    account: Everything, healthy: dict[str, Known], kind: Kind, operation: str, mishap: str
) -> None:
    with suffering(account, operation, mishap) as agent:
        problems = agent.snapshots[kind.name].problems
        assert problems, "it is named"
        assert {one.reason for one in problems} == {REASONS.get(mishap, "misread")}
        assert any(kind.service in one.detail or kind.name in one.detail for one in problems), problems
        assert agent.names(r.UP.name, kind.name) == set(), "nothing is made up"
        assert agent.names(r.STATE.name, kind.name) <= {"unknown"}
        for other in KINDS:
            if other is not kind:
                assert _but_late(agent.known[other.name]) == _but_late(healthy[other.name])
                assert agent.snapshots[other.name].problems == ()


@pytest.mark.parametrize("mishap", [*FAULTS, "twisted", "hollow"])
def test_without_cloudwatch_what_the_apis_say_stays_and_nothing_is_made_up(
    account: Everything, healthy: dict[str, Known], mishap: str
) -> None:
    with suffering(account, "GetMetricData", mishap) as agent:
        for kind in (one for one in KINDS if one.asks_cloudwatch):  # for kcl the streams' source asks
            assert {one.scope for one in agent.snapshots[kind.name].problems} == {"cloudwatch"}
            assert agent.names(r.UP.name, kind.name) == {row[-1] for row in healthy[kind.name] if row[0] == r.UP.name}
            assert agent.known[kind.name] < healthy[kind.name]
            assert {one for one, cell in _lateness(kind).items() if "CW" not in cell.partition(";")[0]} == {
                one for one, metric in QUESTIONS.items() if metric.name in {row[0] for row in agent.known[kind.name]}
            }


def test_a_destination_that_nobody_knows_is_named_and_the_rest_is_known(account: Everything) -> None:
    with suffering(account, "DescribeDeliveryStream", "hollow") as agent:
        (reader,) = agent.snapshots["firehose"].readers or ()
        assert (reader.state, reader.lag_seconds is not None) == ("running", True)
        assert any(one.startswith("delivery: ") for one in reader.unknown)
        assert reader.work is not None
        assert reader.work.success_ratio is None


CONNECT: dict[str, tuple[int, bytes]] = {
    "refused": (403, b""),
    "throttled": (429, b""),
    "garbage": (200, b"\x00\xff"),
    "truncated": (200, b'{"out": {"status": {'),
    "empty": (200, b""),
    "error": (503, b""),
    **{name: (200, json.dumps(how({"out": running("RUNNING")})).encode()) for name, how in NONSENSE.items()},
}


@pytest.mark.parametrize("mishap", [*FAULTS, *NONSENSE])
def test_of_kafka_connect_what_is_not_told_is_unknown_and_named(mishap: str) -> None:
    now = read(Service({"out": running("RUNNING")}, answers={"/connectors": lambda: CONNECT[mishap]}))

    assert {one.reason for one in now.problems} == {{**REASONS, "error": "error"}.get(mishap, "misread")}
    assert all("127.0.0.1" in one.detail or "'out'" in one.detail for one in now.problems)
    assert not now.connectors


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
        agent = Agent(aws, time)
        agent.read()
        yield agent
        agent.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_none_at_all_is_no_problem(nothing: Agent, kind: Kind) -> None:
    assert nothing.snapshots[kind.name].readers == ()
    assert nothing.snapshots[kind.name].problems == ()


@pytest.fixture(scope="module")
def many() -> Iterator[Agent]:
    time = Time()
    with cloud(time) as aws:
        aws.do(three_pages)
        agent = Agent(aws, time)
        agent.read()
        yield agent
        agent.close()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_three_pages_are_read(many: Agent, kind: Kind) -> None:
    snapshot = many.snapshots[kind.name]
    calls = {one.operation: one.calls for one in snapshot.calls}
    assert calls[kind.operations[kind.paged]] >= 3
    assert {one.reason for one in snapshot.problems} <= {"budget", "timeout"}, "some are described at the next reads"
    if kind.name != "kcl":
        assert len(snapshot.readers or ()) == kind.three_pages


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
    stands = row["what stands still, since when"]
    assert stands.startswith("unknown: ") == (kind.name not in {"kcl", "lambda", "redshift"}), "comes while it stands"
    calls, rights = row["calls, and how often"], row["rights, besides `cloudwatch:GetMetricData`"]
    for operation in kind.operations:
        assert operation in calls
    assert {one.partition(":")[2].strip("`") for one in rights.split(", ")} == set(kind.operations)


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

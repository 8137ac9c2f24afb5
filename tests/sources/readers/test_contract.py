"""What holds of every kind of readers: what its API does not tell is unknown and named, and nothing else changes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from streamwatch.catalogue import readers as r
from tests.reference.kinesis.acting import Time, cloud
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
                assert agent.known[other.name] == healthy[other.name]
                assert agent.snapshots[other.name].problems == ()


@pytest.mark.parametrize("mishap", [*FAULTS, "twisted", "hollow"])
def test_without_cloudwatch_what_the_apis_say_stays_and_nothing_is_made_up(
    account: Everything, healthy: dict[str, Known], mishap: str
) -> None:
    with suffering(account, "GetMetricData", mishap) as agent:
        for kind in (one for one in KINDS if one.name != "kcl"):  # its streams' source asks
            assert {one.scope for one in agent.snapshots[kind.name].problems} == {"cloudwatch"}
            assert agent.names(r.UP.name, kind.name) == {row[-1] for row in healthy[kind.name] if row[0] == r.UP.name}
            assert agent.known[kind.name] < healthy[kind.name]


def test_a_destination_that_nobody_knows_is_named_and_the_rest_is_known(account: Everything) -> None:
    with suffering(account, "DescribeDeliveryStream", "hollow") as agent:
        (reader,) = agent.snapshots["firehose"].readers or ()
        assert (reader.state, reader.lag_seconds is not None) == ("running", True)
        assert any(one.startswith("delivery: ") for one in reader.unknown)
        assert reader.work is not None
        assert reader.work.success_ratio is None


@pytest.fixture(scope="module")
def nothing() -> Iterator[Agent]:
    time = Time()
    with cloud(time) as aws:
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
    assert calls[kind.listings[kind.paged]] >= 3
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


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_table_of_the_documentation_says_what_is_known_and_what_is_not(
    healthy: dict[str, Known], kind: Kind
) -> None:
    said = cells("Every kind, every question")[kind.name]
    known = {row[0] for row in healthy[kind.name]}
    for question, metric in QUESTIONS.items():
        assert said[question].startswith("unknown: ") == (metric.name not in known), question
    stands = said["what stands still, since when"]
    assert stands.startswith("unknown: ") == (kind.name not in {"kcl", "lambda"}), "comes while it stands only"
    calls, rights = said["calls, and how often"], said["rights, besides `cloudwatch:GetMetricData`"]
    for operation in kind.operations:
        assert operation in calls
    assert {one.partition(":")[2].strip("`") for one in rights.split(", ")} == set(kind.operations)

"""Advice on readers: each one as it comes, as it is not needed, and as it is not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.readers import advise_readers
from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.model.newest_samples import NewestSamples
from tests.advice.hours import Hours


@dataclass(frozen=True)
class Case:
    """A reader, and how far it was behind, by the minute."""

    lag: Sequence[float]
    kind: str = "kcl"
    workers: float = 2.0
    leases: float = 8.0
    up: float = 1.0
    states: Sequence[str] = ("running",)
    reason: str = ""
    success: float = 1.0
    """The share of its deliveries that succeeded."""
    standing: Mapping[str, float] = field(default_factory=dict)
    """For how many seconds its position has stood, by shard."""


def moving(a_second: float, end: float = 3600.0, minutes: int = 61) -> Sequence[float]:
    return [end - a_second * 60 * (minutes - 1 - minute) for minute in range(minutes)]


def advised(case: Case) -> Advice:
    reader = ("1234", "eu-west-1", "clicks", "", "", "", case.kind, "billing")
    hours = Hours()
    hours.put("reader", r.LAG, reader, [*case.lag, case.lag[-1]])
    labels = dict(zip(r.READER, reader, strict=True))
    samples = [
        r.LAG.sample(case.lag[-1], **labels),
        r.WORKERS.sample(case.workers, **labels),
        r.LEASES.sample(case.leases, **labels, state="renewed"),
        r.UP.sample(case.up, **labels),
        *(r.STATE.sample(1.0, **labels, group_type="", state=state) for state in case.states),
        *([a.REASON.sample(1.0, **labels, reason=case.reason)] if case.reason else ()),
        a.SUCCESS.sample(case.success, **labels),
        *(r.STANDING.sample(seconds, **labels, shard=shard) for shard, seconds in case.standing.items()),
    ]
    [found] = advise_readers(NewestSamples(samples), hours.past())
    assert found.labels == {name: value for name, value in labels.items() if value}
    return found


CASES = {
    "keeps up": (Case((20.0,) * 60), "fine", "nothing: it keeps up, 20 s behind"),
    "catches up": (Case(moving(-2.0)), "fine", "nothing: it will have caught up in"),
    "too slow": (Case(moving(-0.25)), "do", "run 1."),
    "stands still": (Case(moving(0.0)), "do", "run 2.00 times as many workers"),
    "a function": (Case(moving(0.0), kind="lambda"), "do", "raise the parallelisation factor 2.00 times"),
    "a connector": (Case(moving(0.0), kind="msk_connect"), "do", "run 2.00 times as many tasks"),
    "another kind": (Case(moving(0.0), kind="firehose"), "do", "let it read 2.00 times as fast"),
    "a worker for each shard": (
        Case(moving(0.0), workers=8.0), "do", "have more shards, or let it read 2.00 times as fast",
    ),
    "reads nothing": (Case(moving(1.02, 9000.0)), "do", "find out why it reads nothing"),
    "stopped": (Case((20.0,) * 60, up=0.0, states=["stopped"]), "do", "find out why it does not run, and start it"),
    "stopped, and behind": (Case(moving(0.0), up=0.0), "do", "find out why it does not run, and start it"),
    "disabled": (Case((20.0,) * 60, up=0.0, states=["disabled"]), "do", "enable it, if it is to read"),
    "its target refuses": (Case((20.0,) * 60, success=0.6), "do", "find out why its deliveries fail"),
    "its target refuses a few": (Case((20.0,) * 60, success=0.97), "fine", "nothing: it keeps up"),
    "its results are problems": (Case((20.0,) * 60, states=["failing"]), "do", "find out why it fails"),
    "stands at a record": (
        Case(moving(0.9), kind="lambda", standing={"": 596.0}), "do", "find out why it stands, as at a record",
    ),
    "stood for a moment": (
        Case(moving(0.0), kind="lambda", standing={"": 100.0}), "do", "raise the parallelisation factor 2.00 times",
    ),
    "a view is refreshed seldom": (
        Case(moving(0.0), kind="redshift", standing={"": 900.0}), "do", "let it read 2.00 times as fast",
    ),
    "too little": (Case(moving(0.0, minutes=5)), "unknown", "not known yet: 5.83 min of history, needs 10 min"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "state", "action"), CASES.values(), ids=CASES)
def test_speed(case: Case, state: str, action: str) -> None:
    found = advised(case)
    assert (found.state, found.action[: len(action)]) == (state, action), found
    assert bool(found.sum) == bool(found.sure) == bool(found.data) == (state != "unknown")


def test_the_sum_has_its_numbers_and_units() -> None:
    assert advised(Case(moving(0.0, end=1800.0))).sum == (
        "30 min behind, reads 1.00 s of records a second: drained never; within an hour needs 1.50; 2 workers, 8 leases"
    )


def test_what_does_not_run_or_fails_has_its_evidence() -> None:
    stopped = advised(Case((20.0,) * 60, up=0.0, reason="Tasks failed"))
    assert (stopped.sum, stopped.data) == ("it does not run: 'Tasks failed'; 20 s behind", (r.UP.name, r.LAG.name))
    refused = advised(Case((20.0,) * 60, success=0.6))
    assert (refused.sum, refused.data) == ("60 % of its deliveries succeed; 20 s behind", (a.SUCCESS.name, r.LAG.name))
    failing = advised(Case((20.0,) * 60, states=["failing"]))
    assert (failing.sum, failing.data) == ("its state is failing; 20 s behind", (r.STATE.name, r.LAG.name))
    stands = advised(Case(moving(0.9, 600.0), standing={"shard-1": 400.0, "shard-2": 594.0}))
    assert (stands.sum, stands.data) == (
        "its position in shard-2 and 1 more has stood for 9.9 min, though records came; 10 min behind",
        (r.STANDING.name, r.LAG.name),
    )
    assert {stopped.sure, refused.sure, failing.sure, stands.sure} == {"measured"}

"""Advice on readers: each one as it comes, as it is not needed, and as it is not known."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from streamwatch.advice.advice import Advice
from streamwatch.advice.readers import advise_readers
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

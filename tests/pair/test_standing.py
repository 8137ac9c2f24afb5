"""Who notifies, case by case: what one agent knows, and what it concludes."""

import math
from dataclasses import replace

import pytest

from streamwatch.pair.lease.lease import Holding
from streamwatch.pair.standing import PeerView, Situation, holders, judge

NOW = 1000.0
MINE = Holding("b", NOW + 3, 7)
THEIRS = Holding("a", term=7)
NOBODYS = Holding("")
LEADS = PeerView("a", NOW - 0.5, notifies=True, holds=True)
IDLE = replace(LEADS, notifies=False, holds=False)
GONE = replace(LEADS, received_at=NOW - 60)


def b(
    holding: Holding = THEIRS, *peers: PeerView, reached: float = 0.5, unled: float = 0.0, **more: object
) -> Situation:
    """What agent b knows: when the lease's home answered last, and for how long nobody is known to notify."""
    situation = Situation(
        "b", NOW, holding, NOW - reached, peers, configured=1, lease_seconds=6.0, deaf_after=5.0, notifies=False,
        unled_since=NOW - unled,
    )  # fmt: skip
    return replace(situation, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("situation", "notifies"),
    [
        pytest.param(b(MINE, IDLE), True, id="it holds the lease"),
        pytest.param(b(MINE, GONE), True, id="it holds the lease, and hears nobody"),
        pytest.param(b(MINE, LEADS), False, id="the home lies: both hold it, and the other is the first"),
        pytest.param(b(MINE, replace(LEADS, name="c")), True, id="the home lies: both hold it, and this is the first"),
        pytest.param(
            b(MINE, replace(LEADS, holds=False)), True, id="the other has not heard yet that this one holds it"
        ),
        pytest.param(
            b(replace(MINE, until=NOW - 1), IDLE), False, id="its lease has just run out: the home is waited for"
        ),
        pytest.param(b(THEIRS, LEADS), False, id="the other holds it"),
        pytest.param(b(THEIRS, GONE, unled=999), False, id="the other is not heard, but renews the lease"),
        pytest.param(b(THEIRS, IDLE, unled=1), False, id="the other has just taken it"),
        pytest.param(b(THEIRS, IDLE, unled=9), True, id="the home lies: the other lives, and does not hold it"),
        pytest.param(b(Holding("ghost"), IDLE, unled=9), True, id="the home lies: all of us live, and none is that"),
        pytest.param(b(NOBODYS, IDLE, unled=1), False, id="the lease is free: somebody takes it now"),
        pytest.param(b(NOBODYS, IDLE, unled=9), True, id="the home lies: it is free, and nobody gets it"),
        pytest.param(b(THEIRS, LEADS, reached=60), False, id="the home is out of reach, the other notifies"),
        pytest.param(b(THEIRS, GONE, reached=60, unled=60), True, id="the home is out of reach, and nobody is heard"),
        pytest.param(b(THEIRS, GONE, reached=3, unled=60), False, id="it has been out of reach for a moment only"),
        pytest.param(b(THEIRS, IDLE, reached=60, unled=1), False, id="neither reaches it: the other is the first"),
        pytest.param(b(THEIRS, IDLE, reached=60, unled=3), True, id="neither reaches it: the first did not begin"),
        pytest.param(
            b(THEIRS, replace(LEADS, holds=False), reached=60, notifies=True), False, id="both began: the first goes on"
        ),
        pytest.param(
            b(THEIRS, replace(LEADS, name="c", holds=False), reached=60, notifies=True),
            True,
            id="both began, other way",
        ),
        pytest.param(b(THEIRS, replace(LEADS, name="c"), reached=60, notifies=True), False, id="who holds it goes on"),
        pytest.param(b(MINE, configured=0), True, id="alone"),
    ],
)
def test_who_notifies(situation: Situation, notifies: bool) -> None:  # noqa: FBT001 - a case
    assert judge(situation).notifies is notifies


def test_time_without_a_leader_is_counted_from_when_it_was_last_known_that_one_notifies() -> None:
    assert judge(b(THEIRS, LEADS, unled=50)).unled_since == math.inf
    assert judge(b(NOBODYS, IDLE, unled=5)).unled_since == NOW - 5
    assert judge(b(NOBODYS, IDLE, unled_since=math.inf)).unled_since == NOW


@pytest.mark.parametrize(
    ("situation", "count"),
    [
        pytest.param(b(MINE, IDLE), 1, id="this one"),
        pytest.param(b(THEIRS, LEADS), 1, id="the other one"),
        pytest.param(b(MINE, LEADS), 2, id="both"),
        pytest.param(b(THEIRS, GONE), 1, id="one that is not heard: the home says so"),
        pytest.param(b(THEIRS), 1, id="one that was never heard"),
        pytest.param(b(THEIRS, configured=0), 1, id="one of whom nothing is configured"),
        pytest.param(b(Holding("ghost"), IDLE), 0, id="nobody: all are heard, and it is none of them"),
        pytest.param(b(THEIRS, IDLE), 0, id="nobody: the home names one who does not hold it"),
        pytest.param(b(NOBODYS, IDLE), 0, id="nobody"),
        pytest.param(b(replace(MINE, until=NOW - 1), IDLE), 0, id="nobody: it has run out"),
        pytest.param(b(THEIRS, GONE, reached=60), 0, id="nobody that is known of: the home is out of reach"),
    ],
)
def test_how_many_hold_the_lease(situation: Situation, count: int) -> None:
    assert holders(situation) == count

"""Lives of a function: slow, failing, throttled, poisoned, dead; what is said of it is compared with what is true.

``STREAMWATCH_LIVES`` sets how many lives are tried.
"""

import os
from random import Random

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.lambda_poller import POISON
from tests.sources.readers.functions import QUEUE, World, world

LIVES = max(1, int(os.environ.get("STREAMWATCH_LIVES", "200")) // 25)
LATE = 5 * 60.0
"""What is said may be so old: a minute that is over, and the minutes for which it stays the newest."""


def happen(it: World, random: Random) -> None:
    """Let something become of the function or of its mapping."""
    (poller,) = it.pollers
    function = poller.function
    match random.randrange(6):
        case 0:
            function.is_throttled = not function.is_throttled
        case 1:
            function.fails = not function.fails
        case 2:
            function.records_a_call = random.choice((1, 2, 10_000))
        case 3:
            it.put("k", data=POISON)
        case 4:
            poller.mapping.state = random.choice(("Enabled", "Disabled", "Updating"))
        case 5:
            poller.is_dead = not poller.is_dead


def compare(it: World) -> None:
    """Compare what is said with what is true."""
    (poller,) = it.pollers
    poller.now = it.time.now()
    truth = poller.lag()
    lag = it.value(r.LAG)
    if lag is not None:
        assert lag <= truth + LATE + 60, "more than it ever was in that time"
    up = it.value(r.UP)
    if poller.mapping.state != "Enabled":
        assert up == (0.0 if poller.mapping.state == "Disabled" else None)
    elif not poller.is_dead and up == 0.0:
        assert "poller" in it.reader.reason, "only a poller that was dead for long is taken for dead"
    lost = it.value(r.LOST_RECORDS) or 0.0
    aside = it.value(r.SET_ASIDE_RECORDS) or 0.0
    assert lost + aside <= poller.abandoned


@pytest.mark.parametrize("seed", range(LIVES))
def test_a_life(seed: int) -> None:
    random = Random(seed)
    with world(shards=random.randint(1, 3)) as it:
        it.poll(
            attempts=random.choice((-1, 2)),
            record_age=random.choice((-1, 300)),
            bisects=random.random() < 0.5,
            destination=random.choice(("", QUEUE)),
            measured=random.choice(((), ("EventCount",))),
            is_fan_out=random.random() < 0.3,
        )
        it.pollers[0].mapping.source = {"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}
        for _ in range(30):
            if random.random() < 0.3:
                happen(it, random)
            it.minute(*(f"k{number}" for number in range(random.choice((0, 0, 1, 4)))))
            compare(it)
        # At the end all is well again: everything is done with, and counted.
        poller = it.pollers[0]
        poller.mapping.state, poller.is_dead = "Enabled", False
        poller.function.is_throttled = poller.function.fails = False
        poller.function.records_a_call = 10_000
        if poller.mapping.attempts == -1 and poller.mapping.record_age == -1:
            poller.mapping.attempts = 2
        it.minutes(12, "k")
        assert it.value(r.UP) == 1.0
        assert (it.value(r.LAG) or 0.0) <= 5 + LATE * (poller.lag() > 5)
        if "EventCount" in poller.mapping.measured:
            assert (it.value(r.LOST_RECORDS) or 0) + (it.value(r.SET_ASIDE_RECORDS) or 0) == poller.abandoned

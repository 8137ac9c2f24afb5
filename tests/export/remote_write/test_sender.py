"""Samples on their way to a receiver that fails in every way: none is lost within the bound, and none is sent twice."""

import gc
import random
from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

import cramjam
import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.sender import Sender
from streamwatch.model.metric import Keys, Samples
from streamwatch.settings.types import Secret
from tests.export.remote_write.decode import Point, read_1, read_2

SERIES = 10
KEYS = Keys(k.BROKER, [("orders", str(at)) for at in range(SERIES)])
WROTE = {"X-Prometheus-Remote-Write-Samples-Written": "1"}


def samples(value: float) -> list[Samples]:
    return [k.BROKER_LEADERS.samples(KEYS, np.full(SERIES, value))]


class Receiver:
    """Takes what is sent, or does what it is told to."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.versions: list[str] = []
        self.fails: Callable[[], Exception | None] = lambda: None
        self.speaks_2 = True

    def post(self, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        error = self.fails()
        if error is not None:
            raise error
        version = headers["X-Prometheus-Remote-Write-Version"]
        self.versions.append(version)
        if version == "2.0.0" and not self.speaks_2:
            return {}
        assert headers["Content-Encoding"] == "snappy"
        plain = bytes(cramjam.snappy.decompress_raw(body))
        self.points += read_1(plain) if version == "0.1.0" else read_2(plain)
        return WROTE if version == "2.0.0" else {}


class House:
    """A sender, its receiver, and time that passes when it is told to."""

    def __init__(self, **settings: Any) -> None:
        self.clock, self.receiver = ManualClock(1_800_000_000.0), Receiver()
        config = Config(name="mimir", url=Secret("http://127.0.0.1/"), **settings)
        self.sender = Sender(config, {}, self.receiver.post, self.clock, random.Random(1))

    def cycle(self, value: float, seconds: float = 15.0) -> None:
        """One interval: samples are offered, and sent as far as that goes."""
        self.sender.offer(self.clock.now(), samples(value))
        ends = self.clock.now() + seconds
        while self.clock.now() < ends:
            self.clock.advance(min(ends - self.clock.now(), max(self.sender.step(), 1e-3)))

    def values(self) -> list[float]:
        """What arrived of the first series, as it came."""
        return [one.value for one in self.receiver.points if one.labels["broker"] == "0"]


def failing(error: Exception) -> Callable[[], Exception]:
    return lambda: error


@pytest.mark.parametrize("error", [NotifyUnavailable("mimir: HTTP status 503"), NotifyUnavailable("no answer")])
def test_five_minutes_of_outage_lose_nothing(error: Exception) -> None:
    house = House(max_samples_per_send=4)
    for at in range(4):
        house.cycle(at)
    house.receiver.fails = failing(error)
    for at in range(4, 24):
        house.cycle(at)
    waiting, late = house.sender.waiting()
    assert (waiting, 285 < late < 330) == (20 * SERIES, True)
    assert house.sender.counts.failures < 60, "it is left alone, more and more"
    house.receiver.fails = lambda: None
    for at in range(24, 28):
        house.cycle(at)

    assert house.values() == list(range(28)), "in order, each once"
    assert len({(one.labels["broker"], one.at_ms) for one in house.receiver.points}) == 28 * SERIES
    assert (house.sender.counts.sent, house.sender.counts.dropped, house.sender.counts.refused) == (280, 0, 0)
    assert house.sender.waiting() == (0, 0.0)


def test_what_waits_keeps_nothing_alive_that_others_keep_for_the_pages_label_sets() -> None:
    """Of each set of labels the page keeps its texts, for as long as somebody has it."""
    house, kept = House(), list[ref[Keys]]()
    house.receiver.fails = failing(NotifyUnavailable("no answer"))
    for at in range(3):
        keys = Keys(k.BROKER, [("orders", str(broker)) for broker in range(at, at + SERIES)])
        kept.append(ref(keys))
        house.sender.offer(house.clock.now() + at, [k.BROKER_LEADERS.samples(keys, np.full(SERIES, at))])
        house.sender.step()
        del keys
    gc.collect()
    assert [one() for one in kept] == [None] * 3
    house.receiver.fails = lambda: None
    house.cycle(3.0)
    assert {one.labels["broker"] for one in house.receiver.points} >= {str(broker) for broker in range(SERIES + 2)}


def test_cycles_that_wait_share_the_rows_that_they_have_in_common() -> None:
    house = House()
    house.receiver.fails = failing(NotifyUnavailable("no answer"))
    for at in range(6):
        keys = Keys(k.BROKER, [("orders", f"{broker}") for broker in range(at, at + SERIES)])
        house.sender.offer(house.clock.now() + at, [k.BROKER_LEADERS.samples(keys, np.full(SERIES, at))])
        house.sender.step()
    waiting = house.sender.queued()[0]
    assert len(waiting) == 6
    rows = [row for cycle in waiting[2:] for one in cycle.samples for row in one.keys.rows]
    assert len(rows) == 4 * SERIES
    assert len(set(map(id, rows))) == SERIES + 3
    house.receiver.fails = lambda: None
    house.clock.advance(60)
    house.cycle(9.0, 60)
    assert {one.labels["broker"] for one in house.receiver.points} == {str(broker) for broker in range(SERIES + 5)}
    assert house.sender.counts.dropped == 0


def test_what_does_not_fit_goes_the_oldest_first_and_is_counted() -> None:
    house = House(capacity=1000)
    house.receiver.fails = failing(NotifyUnavailable("down"))
    for at in range(150):
        house.cycle(at, 1.0)
    house.receiver.fails = lambda: None
    house.cycle(150, 60.0)

    counts = house.sender.counts
    assert counts.sent + counts.dropped == 151 * SERIES
    assert counts.sent <= 1000 + 2 * SERIES
    assert house.values()[-1] == 150
    assert house.values()[1:] == sorted(house.values()[1:])


def test_what_is_too_old_is_not_sent() -> None:
    house = House(sample_age_limit=60.0)
    house.receiver.fails = failing(NotifyUnavailable("down"))
    for at in range(10):
        house.cycle(at)
    house.receiver.fails = lambda: None
    house.cycle(10)
    assert house.sender.counts.dropped == 11 * SERIES - house.sender.counts.sent
    assert set(house.values()) <= set(range(6, 11))
    assert 10 in house.values()


def test_what_the_receiver_refuses_for_good_does_not_hold_up_the_rest() -> None:
    house = House(max_samples_per_send=4, version="1.0")
    answers = iter([NotifyRefused("mimir: HTTP status 400: out of bounds", status=400)])
    house.receiver.fails = lambda: next(answers, None)
    house.cycle(1)
    house.cycle(2)
    assert (house.sender.counts.refused, house.sender.counts.sent) == (4, 2 * SERIES - 4)


def test_a_receiver_that_asks_to_wait_is_left_alone() -> None:
    house = House()
    tries = 0

    def busy() -> Exception | None:
        nonlocal tries
        tries += 1
        return NotifyUnavailable("mimir: HTTP status 429", retry_after=40.0) if tries == 1 else None

    house.receiver.fails = busy
    house.cycle(1, 39.0)
    assert (tries, house.values()) == (1, [])
    house.cycle(2, 5.0)
    assert house.values() == [1, 2]


def test_the_newer_version_is_used_where_it_is_understood() -> None:
    house = House()
    house.cycle(1)
    house.cycle(2)
    assert (house.receiver.versions, house.values()) == (["2.0.0", "2.0.0"], [1, 2])


@pytest.mark.parametrize("status", [400, 415])
def test_the_older_version_is_used_where_the_newer_is_refused(status: int) -> None:
    house = House()
    first = iter([NotifyRefused(f"HTTP status {status}", status=status)])
    house.receiver.fails = lambda: next(first, None)
    house.cycle(1)
    house.cycle(2)
    assert (house.receiver.versions, house.values()) == (["0.1.0", "0.1.0"], [1, 2])


def test_a_receiver_that_takes_what_it_does_not_understand_loses_nothing() -> None:
    """One of 1.0 finds nothing that it knows in a request of 2.0, and says that all is well."""
    house = House(max_samples_per_send=4)
    house.receiver.speaks_2 = False
    house.cycle(1)
    assert (house.receiver.versions[:2], house.values()) == (["2.0.0", "0.1.0"], [1])
    assert len(house.receiver.points) == SERIES == house.sender.counts.sent


def test_a_version_that_was_asked_for_is_kept() -> None:
    house = House(version="2.0")
    house.receiver.fails = failing(NotifyRefused("HTTP status 415", status=415))
    house.cycle(1)
    assert house.sender.counts.refused == SERIES
    old = House(version="1.0")
    old.cycle(1)
    assert old.receiver.versions == ["0.1.0"]


def test_what_ends_while_nothing_gets_through_is_marked_in_its_turn() -> None:
    house = House()
    house.cycle(1)
    house.receiver.fails = failing(NotifyUnavailable("down"))
    house.cycle(2)
    house.sender.offer(house.clock.now(), [])
    house.receiver.fails = lambda: None
    house.cycle(3, 60.0)
    bits = [one.bits for one in house.receiver.points if one.labels["broker"] == "0"]
    assert [bit == 0x7FF0000000000002 for bit in bits] == [False, False, True, False]


@pytest.mark.parametrize("version", ["1.0", "2.0", "auto"])
def test_a_request_that_is_too_large_is_halved_until_it_is_taken(version: str) -> None:
    house = House(version=version)
    sizes: list[int] = []
    taken = house.receiver.post

    def post(body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        plain = bytes(cramjam.snappy.decompress_raw(body))
        size = len(read_1(plain) if headers["X-Prometheus-Remote-Write-Version"] == "0.1.0" else read_2(plain))
        sizes.append(size)
        if size > 3:
            raise NotifyRefused("mimir: HTTP status 413", status=413)
        return taken(body, headers)

    house.sender._post = post
    house.cycle(1)
    house.cycle(2)
    assert house.values() == [1, 2]
    assert len({(one.labels["broker"], one.at_ms) for one in house.receiver.points}) == 2 * SERIES
    assert (house.sender.counts.sent, house.sender.counts.refused) == (2 * SERIES, 0)
    assert sizes[:3] == [10, 5, 2], "halved, and not tried again as it was"
    assert max(sizes[3:]) == 2


@pytest.mark.parametrize("culprit", range(10))
def test_one_sample_that_is_too_large_does_not_make_the_others_go_one_by_one(culprit: int) -> None:
    house = House(version="1.0")
    sizes: list[int] = []
    taken = house.receiver.post

    def post(body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        points = read_1(bytes(cramjam.snappy.decompress_raw(body)))
        sizes.append(len(points))
        if any(one.labels["broker"] == str(culprit) for one in points):
            raise NotifyRefused("mimir: HTTP status 413", status=413)
        return taken(body, headers)

    house.sender._post = post
    for value in (1, 2, 3):
        house.cycle(value)
    assert house.sender.waiting() == (0, 0.0)
    assert (house.sender.counts.sent, house.sender.counts.refused) == (3 * (SERIES - 1), 3)
    assert {one.labels["broker"] for one in house.receiver.points} == {str(at) for at in range(SERIES) if at != culprit}
    assert len(house.receiver.points) == 3 * (SERIES - 1), "each once"
    assert len(sizes) <= 3 * 2 * 4, "a few requests a cycle more"


def test_one_sample_that_is_too_large_is_given_up() -> None:
    house = House()
    house.receiver.fails = failing(NotifyRefused("mimir: HTTP status 413", status=413))
    house.cycle(1)
    assert house.sender.counts.refused == SERIES
    assert house.sender.waiting() == (0, 0.0)

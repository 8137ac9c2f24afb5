"""What waits for a receiver outlives the agent: a kill, a torn write, a disk that is full or hangs, another version."""

import gc
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import NotifyUnavailable
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.queue_keeper import QueueKeeper, queue_path
from streamwatch.export.remote_write.queue_packing import HEAD
from streamwatch.export.remote_write.sender import RESTORE_SECONDS, Sender
from streamwatch.model.metric import Keys, Samples
from streamwatch.settings.types import Secret
from tests.export.remote_write.test_sender import KEYS, SERIES, Receiver
from tests.waiting import wait_for

MOST_BYTES = 2**20


def samples(value: float, keys: Keys = KEYS) -> list[Samples]:
    return [k.BROKER_LEADERS.samples(keys, np.full(len(keys), value)), k.BROKER_UP.samples(keys, np.ones(len(keys)))]


class Life:
    """One agent's sender and keeper, until it is killed."""

    def __init__(self, path: Path, clock: ManualClock, receiver: Receiver, stack: ExitStack, **settings: Any) -> None:
        self.clock, self.receiver, self.path, self.stack = clock, receiver, path, stack
        config = Config(name="mimir", url=Secret("http://127.0.0.1/"), queue_file=MOST_BYTES, **settings)
        self.sender = Sender(config, {}, receiver.post, clock, random.Random(1), restores=True)
        self.keep(MOST_BYTES)

    def keep(self, most_bytes: int) -> None:
        self.keeper = QueueKeeper(self.sender, self.path, most_bytes, self.clock)
        self.stack.callback(self.keeper.stop, 0)

    def cycle(self, value: float, keys: Keys = KEYS, seconds: float = 15.0) -> None:
        """One interval: samples are offered, sent as far as that goes, and written."""
        self.sender.offer(self.clock.now(), samples(value, keys))
        self.send(seconds)
        self.keeper.step()

    def send(self, seconds: float) -> None:
        ends = self.clock.now() + seconds
        while self.clock.now() < ends:
            self.clock.advance(min(ends - self.clock.now(), max(self.sender.step(), 1e-3)))

    def killed(self, path: Path, **settings: Any) -> "Life":
        """Return the next agent, on what the file had when this one was killed."""
        if self.path.exists():
            shutil.copy(self.path, path)
        return Life(path, self.clock, self.receiver, self.stack, **settings)

    def values(self) -> list[float]:
        """What arrived of one series, as it came."""
        wanted = {"__name__": "kafka_broker_leaders", "broker": "0"}.items()
        return [point.value for point in self.receiver.points if wanted <= point.labels.items()]


Begin = Callable[[Path], Life]


@pytest.fixture(name="begin")
def beginning() -> Iterator[Begin]:
    with ExitStack() as stack:
        yield lambda path: Life(path, ManualClock(1_800_000_000.0), Receiver(), stack)


@pytest.fixture
def life(tmp_path: Path, begin: Begin) -> Life:
    one = begin(tmp_path / "first")
    one.keeper.step()
    return one


def down() -> Exception:
    return NotifyUnavailable("mimir: HTTP status 503")


def test_while_the_receiver_takes_everything_there_is_no_file(life: Life) -> None:
    for at in range(5):
        life.cycle(at)
        assert not life.path.exists()
    assert life.keeper.figures() == (0.0, 1.0, 0.0)


def test_what_was_sent_is_not_kept_until_the_file_is_written_again(life: Life) -> None:
    """A receiver that is back takes eight cycles between two writes: what was made to send them would all be held."""
    life.receiver.fails = down
    for value in range(8):
        life.cycle(float(value), Keys(k.BROKER, [("orders", str(broker)) for broker in range(value, value + SERIES)]))
    waiting = [ref(cycle) for cycle in life.sender.queued()[0]]
    assert len(waiting) == 8
    assert life.path.exists()
    life.receiver.fails = lambda: None
    life.send(60.0)
    gc.collect()  # an error's traceback has the cycle that could not be sent, until its frames are collected
    assert [cycle() for cycle in waiting] == [None] * 8
    life.keeper.step()
    assert not life.path.exists()


def test_what_waited_when_the_agent_was_killed_is_sent_first_in_order_and_once(life: Life, tmp_path: Path) -> None:
    life.cycle(0)
    life.receiver.fails = down
    for at in range(1, 6):
        life.cycle(at, KEYS if at < 4 else Keys(k.BROKER, [("orders", "0"), ("orders", "new")]))
    after = life.killed(tmp_path / "second")
    after.sender.offer(after.clock.now(), samples(6))
    life.receiver.fails = lambda: None
    after.send(1.0)
    assert after.values() == [0], "nothing is sent before it is known what waited"
    after.keeper.step()
    after.send(60.0)
    after.keeper.step()
    assert after.values() == list(range(7))
    ended = [point for point in after.receiver.points if point.labels["broker"] == "5" and np.isnan(point.value)]
    assert {point.labels["__name__"] for point in ended} == {"kafka_broker_leaders", "kafka_broker_up"}
    keys = [(point.labels["__name__"], point.labels["broker"], point.at_ms) for point in after.receiver.points]
    assert len(keys) == len(set(keys)), "each once"
    assert not (tmp_path / "second").exists(), "nothing waits any more"


def test_what_is_half_sent_goes_on_where_it_was(life: Life, tmp_path: Path) -> None:
    life = life.killed(tmp_path / "small", max_samples_per_send=4)
    life.keeper.step()
    life.receiver.fails = down
    life.cycle(1)
    life.cycle(2)
    taken = iter([None, None])
    life.receiver.fails = lambda: next(taken, down())
    life.send(40.0)
    life.keeper.step()
    assert len(life.receiver.points) == 8
    after = life.killed(tmp_path / "second", max_samples_per_send=4)
    after.receiver.fails = lambda: None
    after.keeper.step()
    after.send(60.0)
    assert len(after.receiver.points) == 2 * 2 * SERIES
    assert after.values() == [1, 2]


@pytest.mark.parametrize("cut", [1, 9, 60, 200])
def test_of_a_file_that_is_torn_what_stands_before_is_sent(life: Life, tmp_path: Path, cut: int) -> None:
    life.receiver.fails = down
    for at in range(5):
        life.cycle(at)
    after = life.killed(tmp_path / "second")
    with after.path.open("r+b") as file:
        file.truncate(after.path.stat().st_size - cut)
    after.receiver.fails = lambda: None
    after.keeper.step()
    after.send(60.0)
    assert after.values() == list(range(len(after.values())))
    assert len(after.values()) >= 2
    after.receiver.fails = down
    after.cycle(9)
    assert after.killed(tmp_path / "third").path.read_bytes().startswith(HEAD)


def test_a_newer_versions_file_is_left_as_it_is(begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "queue"
    newer = HEAD[:-4] + b"\x02\x00\x00\x00" + b"what nobody knows yet"
    path.write_bytes(newer)
    life = begin(path)
    life.keeper.step()
    life.receiver.fails = down
    life.cycle(0)
    life.receiver.fails = lambda: None
    life.cycle(1, seconds=60.0)
    assert life.values() == [0, 1], "it sends all the same"
    assert path.read_bytes() == newer
    assert "version 2" in caplog.text
    figures = life.keeper.figures()
    assert figures is not None
    assert figures[1] == 0.0


def test_what_is_no_queue_is_set_aside(begin: Begin, tmp_path: Path) -> None:
    path = tmp_path / "queue"
    path.write_bytes(b"somebody's letter, which is longer than a head")
    life = begin(path)
    life.keeper.step()
    life.receiver.fails = down
    life.cycle(0)
    assert path.read_bytes().startswith(HEAD)
    assert (tmp_path / "queue.aside-1800000000").read_bytes().startswith(b"somebody")


def test_the_file_is_bounded_and_the_newest_stay(begin: Begin, tmp_path: Path) -> None:
    keys = Keys(k.BROKER, [("orders", str(at)) for at in range(500)])
    dice = np.random.default_rng(1)
    life = begin(tmp_path / "first")
    life.keep(50_000)
    life.keeper.step()
    life.receiver.fails = down
    for at in range(30):
        noise = k.BROKER_LEADERS.samples(keys, np.concatenate([[at], dice.random(499)]))
        life.sender.offer(life.clock.now(), [noise])
        life.clock.advance(15.0)
        life.keeper.step()
        assert life.path.stat().st_size <= 50_000
    figures = life.keeper.figures()
    assert figures is not None
    assert 0 < figures[2] < 30 * 500
    after = life.killed(tmp_path / "second")
    after.receiver.fails = lambda: None
    after.keeper.step()
    after.send(60.0)
    assert after.values() == list(range(30 - len(after.values()), 30))
    assert len(after.values()) * 500 == 30 * 500 - figures[2]


def test_a_disk_that_takes_nothing_costs_what_waits_at_a_restart_and_nothing_else(
    begin: Begin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    life = begin(folder / "queue")
    life.keeper.step()
    life.receiver.fails = down
    for at in range(3):
        life.cycle(at)
    assert life.keeper.figures() == (0.0, 0.0, 2.0 * 3 * SERIES)
    assert caplog.text.count("cannot be written") == 1
    folder.mkdir()
    life.cycle(3)
    figures = life.keeper.figures()
    assert figures is not None
    assert figures[1:] == (1.0, 0.0)
    after = life.killed(tmp_path / "second")
    after.receiver.fails = lambda: None
    after.keeper.step()
    after.send(60.0)
    assert after.values() == [0, 1, 2, 3]


def test_a_disk_that_hangs_keeps_nothing_from_being_sent(begin: Begin, tmp_path: Path) -> None:
    path = tmp_path / "hangs"
    os.mkfifo(path)
    life = begin(path)
    life.keeper.start()
    try:
        life.sender.offer(life.clock.now(), samples(1))
        life.send(RESTORE_SECONDS + 1.0)
        assert life.values() == [1]
        life.clock.advance(61.0)
        wait_for(lambda: life.keeper.figures() is not None, 10, "it is seen to hang")
        figures = life.keeper.figures()
        assert figures is not None
        assert figures[1] == 0.0
    finally:
        reader = threading.Thread(target=path.read_bytes, daemon=True)
        reader.start()
        life.keeper.stop(10.0)


def test_another_agents_queue_is_not_sent(life: Life) -> None:
    life.receiver.fails = down
    life.cycle(1)
    other = Life(life.path, life.clock, Receiver(), life.stack)
    other.keeper.step()
    other.sender.offer(other.clock.now(), samples(7))
    other.send(RESTORE_SECONDS + 1.0)
    assert other.values() == [7]
    figures = other.keeper.figures()
    assert figures is not None
    assert figures[1] == 0.0


def test_each_receiver_has_a_file_of_its_own_beside_the_state(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    assert queue_path(state, "mimir") == tmp_path / "state.db.remote-write-mimir"
    assert queue_path(state, "../a b").parent == tmp_path

"""KCL's real lease tables as the agent reads them: whose they are, who holds what, and what becomes of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Final

import pytest

from streamwatch.model.reader import Position, Reader
from streamwatch.reference.aws.server import ReferenceAws
from tests.real.amazon import Kcl, KclWorker, Leases, dynamodb
from tests.real.artefacts import KCL_VERSIONS
from tests.real.conftest import had
from tests.real.kcl_watch import SECONDS, KinesisStream, LeaseWatch, lease_watch
from tests.waiting import wait_for

NEWEST: Final = KCL_VERSIONS[-1]
FIRST: Final = "shardId-000000000000"
SECOND: Final = "shardId-000000000001"
_INTERVAL: Final = 2.0
_BEYOND: Final = 1.0


class KclStory:
    """Workers of several versions, what they read, and who looks at it."""

    def __init__(self, aws: ReferenceAws, leases: Leases, kcl: Kcl, watch: LeaseWatch) -> None:
        self.leases, self.watch = leases, watch
        self._aws, self._kcl = aws, kcl

    def make(self, *names: str) -> dict[str, KinesisStream]:
        """Make streams of two shards, each in a second of its own: else nothing says which one a table is of."""
        found = {}
        for name in names:
            found[name] = KinesisStream(self._aws.url, name, 2)
            found[name].settle()
        return found

    def worker(self, version: str, application: str, stream: str, name: str = "one") -> KclWorker:
        """A worker."""
        given = {
            "endpoint": self._aws.url, "leases": self.leases.url, "stream": stream, "application": application,
            "how": "polling",
        }  # fmt: skip
        return had(lambda: self._kcl.worker(version, given, name))

    def until(self, application: str, stream: str | None, is_so: Callable[[Reader], object], what: str) -> Reader:
        """Look again and again until it is so."""
        seen: dict[tuple[str, str | None], Reader] = {}

        def look() -> Reader | None:
            seen.clear()
            seen.update(self.watch.look())
            reader = seen.get((application, stream))
            return reader if reader is not None and is_so(reader) else None

        try:
            found = wait_for(look, SECONDS, what)
        except TimeoutError as late:
            pytest.fail(f"{late}: {[one for one in seen.values() if one.name == application]}")
        assert found is not None
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KclStory]:
    with ExitStack() as stack:
        aws = stack.enter_context(ReferenceAws())
        leases = had(lambda: stack.enter_context(dynamodb(tmp_path_factory.mktemp("dynamodb"))))
        watch = stack.enter_context(lease_watch(aws.url, leases.url, _INTERVAL, _BEYOND))
        yield KclStory(aws, leases, Kcl(tmp_path_factory.mktemp("kcl")), watch)


@pytest.fixture
def writing() -> Iterator[Callable[[KinesisStream], None]]:
    """Let somebody write to every open shard of a stream, five times a second."""
    done, threads = Event(), list[Thread]()

    def write(stream: KinesisStream) -> None:
        while not done.wait(0.2):
            stream.put("1", stream.shards())

    def begin(stream: KinesisStream) -> None:
        threads.append(Thread(target=write, args=(stream,), daemon=True))
        threads[-1].start()

    yield begin
    done.set()
    for one in threads:
        one.join(60)


def renewed(reader: Reader) -> int | None:
    """How many leases are renewed."""
    return None if reader.assignment is None else reader.assignment.renewed


def of(reader: Reader, shard: str) -> Position | None:
    """The position in a shard."""
    return next((one for one in reader.positions if one.part == shard), None)


def is_well(reader: Reader) -> bool:
    """Whether both leases are renewed, and the lag of both shards is known."""
    return renewed(reader) == 2 and len([one for one in reader.positions if one.lag_seconds is not None]) == 2


@dataclass(frozen=True, slots=True)
class Read:
    """An application, and the streams that it reads."""

    version: str
    name: str
    streams: tuple[str, ...]


READ: Final = (
    *(Read(one, f"app-{one}", (f"of-{one}",)) for one in KCL_VERSIONS[:-1]),
    Read(NEWEST, "several", tuple(f"of-{one}" for one in KCL_VERSIONS[:-1])),
)


def test_tables_of_every_version_say_whose_they_are_and_who_holds_them(
    story: KclStory, writing: Callable[[KinesisStream], None]
) -> None:
    streams = story.make(*READ[-1].streams)
    with ExitStack() as stack:
        workers = {}
        for one in READ:
            story.leases.make(one.name)
            each = [streams[name] for name in one.streams]
            names = each[0].name if len(each) == 1 else ",".join(stream.identity for stream in each)
            workers[one] = stack.enter_context(story.worker(one.version, one.name, names))
        for stream in streams.values():
            writing(stream)
        for read, name in [(one, name) for one in READ for name in one.streams]:
            found = story.until(read.name, name, is_well, f"{read.name} is joined to {name}")

            assert (found.state, found.unknown) == ("running", ()), workers[read].problems()
            assert {each.worker for each in found.positions} == {"one"}
            assert found.assignment is not None
            assert found.assignment.has_leader is None or read.version[0] == "3"


def test_a_quiet_shard_a_hanging_processor_a_kill_a_lost_lease_and_a_split(
    story: KclStory, writing: Callable[[KinesisStream], None]
) -> None:
    stream = story.make("orders")["orders"]
    first, second = stream.shards()
    story.leases.make("billing")
    until = partial(story.until, "billing", "orders")
    with story.worker(NEWEST, "billing", "orders", "hangs") as worker:
        stream.put("1", [first, second])
        for shard in (FIRST, SECOND):
            until(partial(_has_no_lag, shard), f"{shard}, which is quiet, has no lag")

        stream.put("hang", [first])
        stream.put("1", [first])
        hung = until(lambda now: _stands(now, FIRST), "a processor that hangs stands still")
        assert (hung.state, renewed(hung)) == ("running", 2), worker.problems()
        until(partial(_has_no_lag, SECOND), "the other shard has no lag")

    stream.put("1", [second])
    dead = until(lambda now: now.state == "stopped", "a worker that was killed renews nothing")
    assert dead.assignment is not None
    assert dead.assignment.not_renewed == 2
    story.leases.delete("billing", SECOND)
    hole = until(lambda now: now.assignment is not None and now.assignment.holes, "a lease that is gone is a hole")
    assert hole.assignment is not None
    assert hole.assignment.holes == (SECOND,)

    story.leases.delete("billing", "Leader")  # else the lock of the worker that was killed holds for two minutes
    with story.worker(NEWEST, "billing", "orders", "two") as worker:
        back = until(is_well, "another worker reads both")  # KCL itself makes the lease anew
        assert (back.state, {one.worker for one in back.positions}) == ("running", {"two"}), worker.problems()
        stream.split(first)
        writing(stream)
        apart = until(lambda now: renewed(now) == 3, "the children are read")
        assert apart.assignment is not None
        assert (apart.assignment.finished, apart.assignment.holes) == (1, ())


def _has_no_lag(shard: str, reader: Reader) -> bool:
    found = of(reader, shard)
    return found is not None and found.lag_seconds == 0


def _stands(reader: Reader, shard: str) -> bool:
    found = of(reader, shard)
    return found is not None and found.method == "standing" and (found.lag_seconds or 0.0) > 0

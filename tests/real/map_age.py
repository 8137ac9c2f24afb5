"""How far the age of a path on the map is from the truth: stamped rows, looked at again and again.

    python -m tests.real.map_age [ROUNDS [MILLISECONDS]]

PostgreSQL, Debezium, Kafka 4.3, a sink and its file. A row is written every half second and holds its moment. In each
round rows flow; the sink is paused, and goes on; the sender of PostgreSQL's log is frozen, and goes on; the same, and
the sink is paused meanwhile, so that what it has left passed late. A round takes about eight minutes.

The age of the path from Debezium to the file is compared with that of the oldest row that was not in the file, which is
looked at every 20 ms. Both connectors commit their offsets so many milliseconds apart (100): by these the map knows how
far they are. The truth falls by a minute where a minute of rows arrives at once: any age is right that was true between
the end of the read and the moment at which the first row arrived that one of the two had not committed when the read
began; and a row that the sink has not committed may count as not there, since after a crash it comes again.
"""

import re
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from streamwatch.agent.config import Config, parse
from tests.real.artefacts import debezium_libs
from tests.real.connect import Connect
from tests.real.flowing import Mapped
from tests.real.kafka import KafkaCluster
from tests.real.postgres import Postgres
from tests.real.test_connect_progress import JSON, debezium
from tests.waiting import wait_for

_SINK: Final = "org.apache.kafka.connect.file.FileStreamSinkConnector"
_TOPIC: Final = "bank.public.payments"
_PROMPT: Final = {"heartbeat.interval.ms": "200", "poll.interval.ms": "100"}
_EVERY_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.02
_CLOSE_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 300.0
_PHASE_SECONDS: Final = 50.0


@dataclass
class Written:
    """Which row was in the file when, and when each was written."""

    postgres: Postgres
    file: Path
    _seen: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    """When the file was found to hold all rows up to which."""
    _order: list[int] = field(default_factory=list)
    """The rows in the file, in the order of the topic's offsets."""
    _end: threading.Event = field(default_factory=threading.Event)

    def begin(self, stack: ExitStack) -> None:
        """Write rows and look at the file until the end."""
        threads = [threading.Thread(target=one, daemon=True) for one in (self._write, self._look)]
        for thread in threads:
            thread.start()

        def end() -> None:
            self._end.set()
            for thread in threads:
                thread.join()

        stack.callback(end)

    def _write(self) -> None:
        while not self._end.wait(_EVERY_SECONDS):
            self.postgres.sql("INSERT INTO payments (written) VALUES (extract(epoch from clock_timestamp()))")

    def _look(self) -> None:
        size = 0
        while not self._end.wait(_LOOK_SECONDS):
            now = time.time()  # noqa: TID251 - PostgreSQL's is the machine's, too
            if not self.file.exists() or self.file.stat().st_size == size:
                continue
            text = self.file.read_text()
            size = len(text)
            self._order = [int(one) for one in re.findall(r"after=Struct\{id=(\d+)", text)]
            self._seen.append((now, max(self._order, default=0)))

    @property
    def arrived(self) -> int:
        """The last row that is in the file."""
        return self._seen[-1][1]

    def moments(self) -> dict[int, float]:
        """When each row was written."""
        rows = (one.split("|") for one in self.postgres.sql("SELECT id, written FROM payments").splitlines())
        return {int(number): float(at) for number, at in rows}

    def first_uncommitted(self, look: "Look", moments: dict[int, float]) -> float:
        """When the first row arrived that one of the two had not committed as the read began; or that moment."""
        of_sink = self._order[look.committed] if look.committed < len(self._order) else None
        of_source = min((row for row, at in moments.items() if at > look.changed), default=None)
        rows = [row for row in (of_sink, of_source) if row is not None]
        arrived = (next((at for at, last in self._seen if last >= row), look.began) for row in rows)
        return min(look.began, *arrived) if rows else look.began

    def uncommitted_age(self, look: "Look", moments: dict[int, float]) -> float:
        """The age of the oldest row that the sink had not committed as the read began: such a row may come again."""
        if look.committed >= len(self._order):
            return 0.0
        return look.ended - moments[self._order[look.committed]]

    def age(self, at: float, moments: dict[int, float]) -> float:
        """The age at a moment of the oldest row that was not in the file; 0 where all were."""
        last = self._seen[bisect_right(self._seen, at, key=lambda one: one[0]) - 1][1]
        return max(0.0, at - moments.get(last + 1, at))

    def ages(self, first: float, last: float, moments: dict[int, float]) -> tuple[float, float]:
        """The least and the greatest age of a while; it grows by itself, and falls where rows arrive."""
        arrivals = [at for at, _ in self._seen if first < at <= last]
        every = [self.age(at, moments) for at in (first, last, *arrivals)]
        # Just before they arrived it was as old as it had become.
        every += [self.age(at - 1e-6, moments) for at in arrivals]
        return min(every), max(every)


@dataclass(frozen=True)
class Look:
    """What the map said."""

    phase: str
    began: float
    committed: int
    """The sink's offset as it began."""
    changed: float
    """The last change that Debezium had committed as it began, in seconds since 1970."""
    ended: float
    age: float | None
    source: float
    """What of it is Debezium's."""


def differences(looks: Sequence[Look], written: Written) -> dict[str, list[float]]:
    """How far the map was above the truth, or below it, by phase."""
    moments, found = written.moments(), dict[str, list[float]]()
    for one in looks:
        if one.age is not None:
            least, most = written.ages(written.first_uncommitted(one, moments), one.ended, moments)
            most = max(most, written.uncommitted_age(one, moments))
            gap = one.age - min(max(one.age, least), most)
            found.setdefault(one.phase, []).append(gap)
            if abs(gap) > _CLOSE_SECONDS:
                print(f"  {one.phase}: {one.age:.2f} s on the map, {one.source:.2f} s at the source, {gap:+.2f} s off")
    return found


class Story:
    """All of it, and the map of it."""

    def __init__(self, stack: ExitStack, commit_millis: int) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamwatch-map-")))
        cluster = stack.enter_context(KafkaCluster(brokers=1, combined=True))
        self.postgres = stack.enter_context(Postgres())
        self.connect = stack.enter_context(Connect(cluster, folder, 1, debezium_libs(), commit_millis))
        self.postgres.sql("CREATE TABLE payments (id serial PRIMARY KEY, written float8)")
        self.postgres.sql("CREATE TABLE beat (id int PRIMARY KEY, at timestamptz)")
        self.postgres.sql("INSERT INTO beat VALUES (1, now())")
        self.connect.put("bank", debezium(self.postgres, "bank", "payments") | _PROMPT)
        own = {"connector.class": _SINK, "topics": _TOPIC, "file": str(folder / "lake"), "value.converter": JSON}
        self.connect.put("lake", {**own, "tasks.max": "1"})
        self.written = Written(self.postgres, folder / "lake")
        self.written.begin(stack)
        own = {"bootstrap.servers": cluster.bootstrap, "group.id": "connect-lake", "enable.auto.commit": "false"}
        self._asks = Consumer(own)
        stack.callback(self._asks.close)
        self._before = (0.0, 0, 0.0)
        self.map = stack.enter_context(Mapped(_config(cluster, self.connect), self._begin))
        self.looks: list[Look] = []

    def _begin(self) -> None:
        """Note when a read begins, and what is committed then."""
        began = time.time()  # noqa: TID251 - PostgreSQL's is the machine's, too
        (sink,) = self._asks.committed([TopicPartition(_TOPIC, 0)], timeout=_WAIT_SECONDS)
        _, answer = self.connect.ask(0, "GET", "/connectors/bank/offsets")
        changed = max((one["offset"].get("ts_usec", 0) / 1e6 for one in answer["offsets"]), default=0.0)
        self._before = began, max(0, sink.offset), changed

    def look(self, phase: str) -> Look | None:
        """Read everything, and take the path to the file down."""
        data = self.map.read()
        ended = time.time()  # noqa: TID251
        edges = [one for one in data["edges"] if one["target"] == "connector:c/lake"]
        sources = [one for one in data["edges"] if one["source"] == "connector:c/bank"]
        paths: list[dict[str, Any]] = [one for one in data["paths"] if one["to"] == "connector:c/lake"]
        if not edges or not paths or not sources:
            return None
        age = None if paths[0]["unknown"] else paths[0]["ageSeconds"]
        found = Look(phase, *self._before, ended, age, sources[0]["lagSeconds"] or 0.0)
        if age is None:
            print(f"  {phase}: unknown: {[one['why'] for one in paths[0]['unknown']]}")
        self.looks.append(found)
        return found

    def phase(self, name: str) -> None:
        """Look for a while."""
        until = time.monotonic() + _PHASE_SECONDS
        while time.monotonic() < until:
            self.look(name)

    def round(self) -> None:
        """Let all of it happen once."""
        self.phase("rows flow")
        self.connect.order("/connectors/lake/pause")
        self.phase("the sink is paused")
        self.connect.order("/connectors/lake/resume")
        self.phase("it goes on")
        sender = wait_for(lambda: self.postgres.sender("bank"), _WAIT_SECONDS, "the log is sent")
        self.postgres.freeze(sender or 0)
        self.phase("the sender is frozen")
        self.postgres.thaw(sender or 0)
        self.phase("it sends again")
        self.both()

    def both(self) -> None:
        """What the sink has left to read passed the source while that was behind."""
        sender = wait_for(lambda: self.postgres.sender("bank"), _WAIT_SECONDS, "the log is sent")
        self.postgres.freeze(sender or 0)
        self.phase("the sender stands")
        self.connect.order("/connectors/lake/pause")
        self.phase("both stand")
        self.postgres.thaw(sender or 0)
        self.phase("the sink stands")
        self.connect.order("/connectors/lake/resume")
        self.phase("all goes on")


def _config(cluster: KafkaCluster, connect: Connect) -> Config:
    west = f"{{name: west, bootstrap: ['{cluster.bootstrap}'], interval: 1s}}"
    own = f"{{name: c, kafka_cluster: west, urls: {connect.urls}}}"
    return parse(f"kafka: [{west}]\nconnect: [{own}]\n", "map_age", Path())


def main(rounds: int, commit_millis: int) -> int:
    """Print how far the map was from the truth; return 1 where it once was further than two seconds."""
    with ExitStack() as stack:
        story = Story(stack, commit_millis)
        wait_for(lambda: story.look("") and story.written.arrived > 5, _WAIT_SECONDS, "rows come")
        story.looks.clear()
        for _ in range(rounds):
            story.round()
        found = differences(story.looks, story.written)
    every = sorted(gap for some in found.values() for gap in some)
    unknown = sum(one.age is None for one in story.looks)
    print(f"{len(story.looks)} looks, of which the age was unknown in {unknown}; seconds above the truth:")
    for name, some in (*found.items(), ("in all", every)):
        if not some:
            continue
        some.sort()
        close = sum(abs(one) <= _CLOSE_SECONDS for one in some)
        middle, late = some[len(some) // 2], some[int(0.95 * (len(some) - 1))]
        print(
            f"  {name:22} {some[0]:+6.2f} to {some[-1]:+6.2f}, median {middle:+.2f}, 95 % below {late:+.2f}; ", end=""
        )
        print(f"within {_CLOSE_SECONDS:g} s {close} of {len(some)}")
    return int(any(abs(one) > _CLOSE_SECONDS for one in every))


if __name__ == "__main__":
    rounds, millis, *_ = (*map(int, sys.argv[1:]), *(1, 100)[len(sys.argv) - 1 :])
    sys.exit(main(rounds, millis))

"""Lives of an application: restarts, hangs, reshards, quiet shards; what is said of its lag is never too little.

``STREAMWATCH_LIVES`` sets how many lives are tried.
"""

import math
import os
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from streamwatch.core.clock import ManualClock
from streamwatch.model.reader import Position
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.kinesis.shard import Shard
from tests.sources.readers.reading import World, world

LIVES = max(1, int(os.environ.get("STREAMWATCH_LIVES", "200")) // 25)
LATE = 5 * 60.0
"""CloudWatch tells of a minute so late, at the most, with what a read takes."""


class Life:
    """One application, its workers, and who has died."""

    def __init__(self, it: World, random: Random) -> None:
        self.it, self.random = it, random
        self.keys = tuple(f"k{number}" for number in range(random.randint(1, 12)))
        self.alive_minutes = self.dead_minutes = 0
        self.deleted: set[str] = set()
        it.app.worker("w0")
        it.app.worker("w1", records_a_read=random.choice((1, 3, 10_000)))

    def minute(self) -> None:
        """Let something happen, a minute pass, and compare."""
        if self.random.random() < 0.25:
            self.happen()
        is_alive = any(one.alive for one in self.it.app.workers.values())
        self.alive_minutes, self.dead_minutes = (self.alive_minutes + 1, 0) if is_alive else (0, self.dead_minutes + 1)
        share = self.random.choice((0.0, 0.0, 0.3, 1.0))
        self.it.minute(*(key for key in self.keys if self.random.random() < share))
        self.compare()

    def happen(self) -> None:
        """Let a worker die or come back, a processor hang or go on, shards be split or merged, a lease be deleted."""
        app, random = self.it.app, self.random
        shards = [one for one in self.it.stream().shards.values() if one.is_open]
        match random.randrange(6):
            case 0 | 1:
                worker = random.choice(list(app.workers.values()))
                worker.alive = not worker.alive
            case 2:
                app.hung_shards ^= {random.choice(shards).id}
            case 3 if len(shards) < 6:
                self.it.aws.do(lambda cloud, now: self.reshard(cloud, now, random.randint(1, 6)))
            case 4:
                app.hung_shards.clear()
            case 5 if random.random() < 0.3:
                key = random.choice(shards).id
                self.deleted |= {key} if key in app.table.items else set()
                self.it.aws.do(lambda *_: app.table.items.pop(key, None))

    @staticmethod
    def reshard(cloud: Cloud, now: float, shards: int) -> None:
        """Split and merge."""
        kinesis = cloud.kinesis()
        stream = kinesis.streams["s"]
        kinesis.change(stream, lambda then: stream.resize(shards, then), now)
        kinesis.timers.run(now)

    def compare(self) -> None:
        """Compare what is said with what is true."""
        reader = self.it.agent.reader
        shards = self.it.stream().shards
        truth = self.it.truth()
        for one in reader.positions:
            if not one.part:  # the application as a whole: some record is unread, and none for longer than the bound
                assert 0 < max(truth.values()) <= (math.inf if one.bound_seconds is None else one.bound_seconds + 1), (
                    one
                )
            elif one.lag_seconds is not None:
                self.judge(one, truth[one.part], shards[one.part])
            elif one.bound_seconds is not None:
                assert truth[one.part] <= one.bound_seconds + 1, one
        assert reader.assignment is not None
        assert set(reader.assignment.holes or ()) <= self.without_lease(shards)
        if reader.positions and self.dead_minutes > 2:
            assert reader.state in {"stopped", "unknown"}, reader
        if self.alive_minutes > 3 and reader.assignment.renewed is not None:
            assert reader.state != "stopped" or not reader.assignment.free, reader

    def without_lease(self, shards: Mapping[str, Shard]) -> set[str]:
        """Return the shards whose lease was deleted, and those born of one: KCL makes a lease from a parent's."""
        ends: set[str] = set()
        for shard in shards.values():  # parents before children
            if shard.id in self.deleted or ends & set(shard.parents):
                ends.add(shard.id)
        return ends

    def judge(self, told: Position, truth: float, shard: Shard) -> None:
        """Compare a lag."""
        assert told.lag_seconds is not None
        if told.method == "probed":  # as of then: the read goes on
            assert abs(truth - told.lag_seconds) <= self.it.agent.snapshot.read_seconds + 1, (told, truth)
            return
        if told.method != "idle":
            assert truth <= told.lag_seconds + self.it.agent.snapshot.read_seconds + 1, (told, truth)
            return
        if truth > LATE:  # records of the checkpoint's own minute are not told apart
            item = self.it.app.table.items[shard.id]["checkpoint"]["S"]
            written = int(item) >> 36 & (2**36 - 1)
            first = self.it.time.now() - truth
            assert first // 60 == written // 60, (told, truth)


@pytest.mark.parametrize("part", range(8))
def test_what_is_said_of_an_application_is_never_better_than_it_is(part: int) -> None:
    for seed in range(part, max(LIVES, part + 1), 8):
        random = Random(seed)
        given: dict[str, Any] = {"shards": random.randint(1, 3), "version": random.choice(("2", "3.0", "3.5"))}
        given["more"] = "" if seed % 2 else ", probe: {enabled: true}"
        with world(**given) as it:
            assert isinstance(it.time, ManualClock)
            life = Life(it, random)
            if random.random() < 0.5:
                it.call("EnableEnhancedMonitoring", StreamName="s", ShardLevelMetrics=["IncomingRecords"])
            try:
                for _ in range(random.randint(15, 60)):
                    life.minute()
            except AssertionError as error:
                error.add_note(f"life {seed}")
                raise

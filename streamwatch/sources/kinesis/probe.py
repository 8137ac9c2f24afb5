"""Probes: two reads of one record from a shard tell the age of its oldest record, and bound that of its newest."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.clock import Clock
from streamwatch.errors import SourceError
from streamwatch.model.kinesis import ShardAges, ShardKey, Stream
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.session import Caller
from streamwatch.sources.kinesis.config import Probe
from streamwatch.sources.problems import problem

_FIRST_WINDOW_SECONDS: Final = 60.0
_LEAST_WINDOW_SECONDS: Final = 10.0
_KEPT_INTERVALS: Final = 2.5
_MINUTE: Final = 60
_KEPT_MINUTES_SECONDS: Final = 4 * 3600


@dataclass(slots=True)
class _Shard:
    window: float = _FIRST_WINDOW_SECONDS
    """How far back the newest record is looked for: doubled where there is none, halved where there is."""
    ages: ShardAges = field(default_factory=lambda: ShardAges(-math.inf, None, None))


class Prober:
    """Probes the open shards, each at its interval, so many a second at the most."""

    def __init__(self, config: Probe, caller: Caller, clock: Clock, wait: Callable[[float], object]) -> None:
        self._config = config
        self._caller = caller
        self._clock = clock
        self._wait = wait
        self._shards: dict[ShardKey, _Shard] = {}
        self._minutes: dict[str, set[int]] = {}

    def read(self, streams: Iterable[Stream], deadline: float) -> tuple[dict[ShardKey, ShardAges], list[Problem]]:
        """Probe what is due; return what is known, and what could not be learnt."""
        wanted = {
            (one.account, one.region, one.name, shard.id): one
            for one in streams
            if one.description is not None
            for shard in one.description.shards or ()
            if shard.is_open
        }
        for gone in self._shards.keys() - wanted.keys():
            del self._shards[gone]
        now = self._clock.now()
        problems: list[Problem] = []
        for key, stream in wanted.items():
            shard = self._shards.setdefault(key, _Shard())
            if now - shard.ages.probed_at < self._config.interval:
                continue
            if self._clock.monotonic() >= deadline:
                break
            self._wait(1 / self._config.shards_per_second)
            try:
                self._probe(key, stream, shard, deadline)
            except SourceError as error:
                problems.append(problem("shard", error, f"stream {stream.name}, {key[3]}: {error}"))
        fresh = now - _KEPT_INTERVALS * self._config.interval
        return {key: one.ages for key, one in self._shards.items() if one.ages.probed_at >= fresh}, problems

    def is_ours(self, stream: str, minute: int) -> bool:
        """Whether a probe of ours shows in what CloudWatch says of the stream in that minute."""
        return minute in self._minutes.get(stream, ())

    def _probe(self, key: ShardKey, stream: Stream, shard: _Shard, deadline: float) -> None:
        _, region, name, shard_id = key
        now = self._clock.now()
        minutes = self._minutes.setdefault(name, set())
        minutes.difference_update([one for one in minutes if one < now - _KEPT_MINUTES_SECONDS])
        minutes |= {int(now) // _MINUTE * _MINUTE, (int(now) // _MINUTE + 1) * _MINUTE}
        place = {"StreamName": name, "ShardId": shard_id}
        oldest = self._first(region, place | {"ShardIteratorType": "TRIM_HORIZON"}, deadline)
        since = datetime.fromtimestamp(now - shard.window, UTC)
        recent = self._first(region, place | {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}, deadline)
        newest = None if recent is None else max(0.0, now - recent)
        if newest is None:
            longest = stream.description.retention_seconds if stream.description is not None else math.inf
            shard.window = min(2 * shard.window, longest)
        else:
            shard.window = max(_LEAST_WINDOW_SECONDS, newest / 2)
        shard.ages = ShardAges(now, None if oldest is None else max(0.0, now - oldest), newest)

    def _first(self, region: str, place: dict[str, Any], deadline: float) -> float | None:
        """Return when the first record from a place on arrived; None where there is none."""
        found = self._caller.call(
            "kinesis", region, "GetShardIterator", place, wants=("ShardIterator",), deadline=deadline
        )
        given = {"ShardIterator": found["ShardIterator"], "Limit": 1}
        answer = self._caller.call("kinesis", region, "GetRecords", given, wants=("Records",), deadline=deadline)
        for record in answer["Records"]:
            return float(record["ApproximateArrivalTimestamp"].timestamp())
        return None

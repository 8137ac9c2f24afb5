"""Probes: two reads of one record from a shard give the age of its oldest record, and bound that of its newest."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.kinesis import ShardAges, ShardKey, Stream, StreamKey
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.session import SourceCalls
from streamwatch.sources.kinesis.config import Probe
from streamwatch.sources.problems import problem

_FIRST_WINDOW_SECONDS: Final = 60.0
_LEAST_WINDOW_SECONDS: Final = 10.0
_KEPT_INTERVALS: Final = 2.5
_MINUTE: Final = 60
_KEPT_MINUTES_SECONDS: Final = 3600
_CLOCKS_SECONDS: Final = 2.0
"""AWS's clock may be so far from ours."""


@dataclass(slots=True)
class _Shard:
    window: float = _FIRST_WINDOW_SECONDS
    """How far back the newest record is looked for: doubled where there is none, halved where there is."""
    ages: ShardAges = field(default_factory=lambda: ShardAges(-math.inf, None, None))
    tried_at: float = -math.inf


class Prober:
    """Probes the open shards, each at its interval, so many a second at the most."""

    def __init__(self, config: Probe, caller: SourceCalls, clock: Clock, wait: Callable[[float], object]) -> None:
        self._config = config
        self._caller = caller
        self._clock = clock
        self._wait = wait
        self._shards: dict[ShardKey, _Shard] = {}
        self._calls: dict[StreamKey, Counter[int]] = {}
        """Our calls of GetRecords, by the minute in which CloudWatch may count them."""

    def read(self, streams: Iterable[Stream], deadline: float) -> tuple[dict[ShardKey, ShardAges], list[Problem]]:
        """Probe what is due, the longest unprobed first; return what is known, and what could not be learnt."""
        wanted = {
            (stream.account, stream.region, stream.name, shard.id): stream
            for stream in streams
            if stream.description is not None
            for shard in stream.description.shards or ()
            if shard.is_open
        }
        for gone in self._shards.keys() - wanted.keys():
            del self._shards[gone]
        now = self._clock.now()
        problems: list[Problem] = []
        shards = {key: self._shards.setdefault(key, _Shard()) for key in wanted}
        due = [key for key, one in shards.items() if now - one.ages.probed_at >= self._config.interval]
        due.sort(key=lambda key: shards[key].tried_at)
        for index, key in enumerate(due):
            if self._clock.monotonic() >= deadline:
                left = len(due) - index
                why = f"probe: {left} of {len(shards)} shards wait for a later read: more `probe.shards_per_second`?"
                problems.append(Problem("shard", "timeout", why, left))
                break
            self._wait(1 / self._config.shards_per_second)
            shards[key].tried_at = now
            try:
                self._probe(key, wanted[key], shards[key], deadline)
            except SourceError as error:
                problems.append(problem("shard", error, f"stream {key[2]}, {key[3]}: {error}"))
        fresh = now - _KEPT_INTERVALS * self._config.interval
        return {key: one.ages for key, one in self._shards.items() if one.ages.probed_at >= fresh}, problems

    def calls(self) -> dict[StreamKey, dict[int, int]]:
        """Return how many calls of GetRecords of ours, at the most, CloudWatch counts of a stream in each minute."""
        return {stream: dict(minutes) for stream, minutes in self._calls.items()}

    def is_ours(self, stream: StreamKey, minute: int) -> bool:
        """Whether a probe of ours shows in what CloudWatch says of the stream in that minute."""
        return minute in self._calls.get(stream, ())

    def _count(self, stream: StreamKey, started_at: float, ended_at: float) -> None:
        """Remember a call of GetRecords."""
        calls = self._calls.setdefault(stream, Counter())
        for minute in {
            int(at) // _MINUTE * _MINUTE for at in (started_at - _CLOCKS_SECONDS, ended_at + _CLOCKS_SECONDS)
        }:
            calls[minute] += 1
        for old in [minute for minute in calls if minute < started_at - _KEPT_MINUTES_SECONDS]:
            del calls[old]

    def _probe(self, key: ShardKey, stream: Stream, shard: _Shard, deadline: float) -> None:
        account, region, name, shard_id = key
        now = self._clock.now()
        place = {"StreamName": name, "ShardId": shard_id}
        of = (account, region, name)
        oldest = self._first(of, place | {"ShardIteratorType": "TRIM_HORIZON"}, deadline)
        since = datetime.fromtimestamp(now - shard.window, UTC)
        recent = self._first(of, place | {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since}, deadline)
        newest = None if recent is None else max(0.0, now - recent)
        if newest is None:
            longest = stream.description.retention_seconds if stream.description is not None else math.inf
            shard.window = min(2 * shard.window, longest)
        else:
            shard.window = max(_LEAST_WINDOW_SECONDS, newest / 2)
        shard.ages = ShardAges(now, None if oldest is None else max(0.0, now - oldest), newest)

    def _first(self, of: StreamKey, place: dict[str, Any], deadline: float) -> float | None:
        """Return when the first record from a place on arrived; None where there is none."""
        region = of[1]
        found = self._caller.call(
            "kinesis", region, "GetShardIterator", place, wants=("ShardIterator",), deadline=deadline
        )
        params = {"ShardIterator": found["ShardIterator"], "Limit": 1}
        started_at = self._clock.now()
        try:
            answer = self._caller.call("kinesis", region, "GetRecords", params, wants=("Records",), deadline=deadline)
        finally:
            self._count(of, started_at, self._clock.now())
        for record in answer["Records"]:
            return float(record["ApproximateArrivalTimestamp"].timestamp())
        return None

"""Kinesis: from the answers of the control plane, CloudWatch and probes to samples."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from streamwatch.catalogue import BY_CLOUDWATCH
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.collectors.keys_cache import KeysCache
from streamwatch.model.cloudwatch import Reading, series_of
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot
from streamwatch.model.metric import Metric, Samples

WRITE_RECORDS_A_SECOND: Final = 1000
WRITE_BYTES_A_SECOND: Final = 2**20
READ_BYTES_A_SECOND: Final = 2 * 2**20
READ_CALLS_A_SECOND: Final = 5
_MINUTE: Final = 60.0
FRESH_SECONDS: Final = 3 * _MINUTE
"""A minute that ended so long before CloudWatch was asked is not its newest word: AWS is two minutes late, or less."""
_SPLIT_FROM: Final = 0.5

T = TypeVar("T")
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A stream, or one of its shards or consumers: whose values are looked up."""

    stream: Stream
    part: str = ""

    @property
    def row(self) -> Row:
        """The values of its labels."""
        whole = (self.stream.account, self.stream.region, self.stream.name)
        return (*whole, self.part) if self.part else whole


class Readings:
    """CloudWatch's word on the entities of one snapshot."""

    def __init__(self, now: StreamsSnapshot) -> None:
        self._known = now.cloudwatch
        self._latest = {place: _latest(known.readings.values()) for place, known in now.cloudwatch.items()}
        self._own = now.own_calls

    def latest(self, place: Place) -> float | None:
        """Return the newest minute that CloudWatch has of any stream there.

        None where it has no fresh one: then it is late, and its silence says nothing.
        """
        return self._latest.get((place.stream.account, place.stream.region))

    def own_calls(self, place: Place) -> Mapping[int, int]:
        """Return how often the agent itself read the stream, by minute."""
        return self._own.get((place.stream.account, place.stream.region, place.stream.name), {})

    def of(self, metric: Metric, place: Place) -> Reading | None:
        """Return what is known; None where CloudWatch was not asked, or did not answer."""
        known = self._known.get((place.stream.account, place.stream.region))
        if known is None:
            return None
        labels = {"stream": place.stream.name, "shard": place.part, "consumer": place.part}
        return known.readings.get(series_of(metric, labels))

    def newest(self, metric: Metric, place: Place) -> float:
        """Return the value of the newest minute; NaN where there is none, or it is no longer news."""
        found = self.of(metric, place)
        return found.value if found is not None and found.is_news(FRESH_SECONDS) else math.nan

    def a_minute(self, metric: Metric, place: Place) -> float:
        """Return what a Sum counts a minute; NaN where that is not known, or no longer news."""
        found = self.of(metric, place)
        return found.a_minute if found is not None and found.is_news(FRESH_SECONDS) else math.nan

    def value(self, metric: Metric, place: Place) -> float:
        """Return what the metric has: a gauge the newest minute, a counter all minutes; NaN where not known."""
        if metric.kind == "counter":
            found = self.of(metric, place)
            return math.nan if found is None else found.total
        mapping = metric.cloudwatch
        return self.newest(metric, place) * (mapping.scale if mapping is not None else 1.0)


class StreamCollector:
    """Makes the samples of the streams of one account."""

    def __init__(self) -> None:
        self._keys = KeysCache()

    def collect(self, now: StreamsSnapshot) -> list[Samples]:
        """Return all samples; what is not known is NaN."""
        if now.streams is None:
            return []
        self._keys.turn()
        readings = Readings(now)
        streams = [Place(stream) for stream in now.streams]
        described = [(stream, stream.stream.description) for stream in streams if stream.stream.description is not None]
        shards = [
            (Place(stream, shard.id), shard)
            for stream in now.streams
            if stream.description is not None
            for shard in stream.description.shards or ()
            if shard.is_open
        ]
        consumers = [
            Place(stream, name)
            for stream in now.streams
            if stream.description is not None
            for name in stream.description.consumers or ()
        ]
        return [
            *self._accounts(now),
            *self._descriptions(streams, described),
            *self._from_cloudwatch(k.STREAM, streams, readings),
            *self._from_cloudwatch(k.CONSUMER, consumers, readings),
            *self._from_cloudwatch(k.SHARD, [place for place, _ in shards if _watched(place)], readings),
            *self._readers(now, streams, readings),
            *self._use(described, readings),
            *self._shard_use([place for place, _ in shards if _watched(place)], readings),
            *self._heat(described, readings),
            *self._ages(now, [place for place, _ in shards]),
        ]

    def _accounts(self, now: StreamsSnapshot) -> list[Samples]:
        counts: dict[Row, int] = {}
        for stream in now.streams or ():
            counts[stream.account, stream.region] = counts.get((stream.account, stream.region), 0) + 1
        rows = sorted(counts)
        quotas = {
            (quota.account, quota.region): quota.open_shards / quota.shard_limit
            for quota in now.quotas
            if quota.shard_limit
        }
        return [
            self._column(k.STREAMS, rows, [float(counts[row]) for row in rows]),
            self._column(k.SHARDS_LIMIT_RATIO, sorted(quotas), [quotas[row] for row in sorted(quotas)]),
        ]

    def _descriptions(self, streams: Sequence[Place], described: Sequence[tuple[Place, Description]]) -> list[Samples]:
        rows = [place.row for place, _ in described]
        keys = self._keys.of(k.STREAM, rows)

        def column(metric: Metric, tell: Callable[[Description], float]) -> Samples:
            return metric.samples(keys, np.array([tell(one) for _, one in described], dtype=np.float64))

        states = [(*place.row, one.status, one.mode) for place, one in described]
        return [
            self._column(
                k.STREAM_UP,
                [stream.row for stream in streams],
                [float(stream.stream.description is not None) for stream in streams],
            ),
            self._column(k.STREAM_STATE, states, [1.0] * len(states)),
            column(k.OPEN_SHARDS, lambda one: float(one.open_shards)),
            column(k.CLOSED_SHARDS, lambda one: _count(one.shards, lambda shard: not shard.is_open)),
            column(k.RETENTION, lambda one: one.retention_seconds),
            column(k.CONSUMERS, lambda one: _count(one.consumers, lambda _: True)),
            column(k.CHANNELS, lambda one: _or_nan(one.channels)),
            column(k.QUEUES, lambda one: _or_nan(one.queues)),
            column(k.CONSUMERS_LIMIT_RATIO, _consumers_use),
        ]

    def _from_cloudwatch(self, labels: tuple[str, ...], places: Sequence[Place], readings: Readings) -> list[Samples]:
        """Return what CloudWatch has as it is."""
        keys = self._keys.of(labels, [place.row for place in places])
        return [
            metric.samples(keys, np.array([readings.value(metric, place) for place in places], dtype=np.float64))
            for metric in BY_CLOUDWATCH
            if metric.labels == labels
        ]

    def _readers(self, now: StreamsSnapshot, streams: Sequence[Place], readings: Readings) -> list[Samples]:
        """Return who reads, how old CloudWatch's word is, and how long there is until data is lost."""
        if not now.by_cloudwatch:
            return []
        rows = [place.row for place in streams]
        ages = [readings.value(k.ITERATOR_AGE, place) for place in streams]
        retentions = [
            math.nan if stream.stream.description is None else stream.stream.description.retention_seconds
            for stream in streams
        ]
        loss = [_not_below_0(retention - age) for retention, age in zip(retentions, ages, strict=True)]
        return [
            self._column(k.BEING_READ, rows, [_being_read(place, readings) for place in streams]),
            self._column(k.DATA_AGE, rows, [_data_age(place, readings, now.taken_at) for place in streams]),
            self._column(k.TIME_TO_LOSS, rows, loss),
        ]

    def _use(self, described: Sequence[tuple[Place, Description]], readings: Readings) -> list[Samples]:
        keys = self._keys.of(k.STREAM, [place.row for place, _ in described])
        return [
            use.samples(
                keys,
                np.array(
                    [_share(readings.a_minute(of, place), limit * one.open_shards) for place, one in described],
                    dtype=np.float64,
                ),
            )
            for use, of, limit in (
                (k.WRITE_RECORDS_USE, k.INCOMING_RECORDS, WRITE_RECORDS_A_SECOND),
                (k.WRITE_BYTES_USE, k.INCOMING_BYTES, WRITE_BYTES_A_SECOND),
                (k.READ_BYTES_USE, k.READ_BYTES, READ_BYTES_A_SECOND),
                (k.READ_CALLS_USE, k.READ_CALLS, READ_CALLS_A_SECOND),
            )
        ]

    def _shard_use(self, places: Sequence[Place], readings: Readings) -> list[Samples]:
        keys = self._keys.of(k.SHARD, [place.row for place in places])
        return [
            use.samples(
                keys, np.array([_share(readings.a_minute(of, place), limit) for place in places], dtype=np.float64)
            )
            for use, of, limit in (
                (s.SHARD_WRITE_RECORDS_USE, s.SHARD_IN_RECORDS, WRITE_RECORDS_A_SECOND),
                (s.SHARD_WRITE_BYTES_USE, s.SHARD_IN_BYTES, WRITE_BYTES_A_SECOND),
                (s.SHARD_READ_BYTES_USE, s.SHARD_OUT_BYTES, READ_BYTES_A_SECOND),
            )
        ]

    def _ages(self, now: StreamsSnapshot, places: Sequence[Place]) -> list[Samples]:
        """Return what probes found."""
        known = [
            (place, now.ages.get((place.stream.account, place.stream.region, place.stream.name, place.part)))
            for place in places
        ]
        found = [(place, ages) for place, ages in known if ages is not None]
        rows = [place.row for place, _ in found]
        return [
            self._column(s.SHARD_OLDEST, rows, [_or_nan(ages.oldest_seconds) for _, ages in found]),
            self._column(s.SHARD_NEWEST, rows, [_or_nan(ages.newest_seconds) for _, ages in found]),
        ]

    def _heat(self, described: Sequence[tuple[Place, Description]], readings: Readings) -> list[Samples]:
        """Return how uneven the shards of each stream are, and which one to split where."""
        skews: list[tuple[Row, float]] = []
        splits: list[tuple[Row, float]] = []
        for stream, description in described:
            uses = [(_write_use(Place(stream.stream, one.id), readings), one) for one in _open(description)]
            if not uses or any(math.isnan(total) for (total, _), _ in uses):
                continue  # a mean with a missing addend is not known
            total = sum(size for (size, _), _ in uses)
            if total > 0:
                skews.append((stream.row, max(size for (size, _), _ in uses) * len(uses) / total - 1))
            (_, use), hottest = max(uses, key=lambda us: us[0][1])
            # Where Kinesis itself chooses the shards a split moves nothing: there is no hot key.
            if use > _SPLIT_FROM and description.distribution != "AUTO" and hottest.last > hottest.first + 1:
                splits.append(((*stream.row, hottest.id, str((hottest.first + hottest.last + 1) // 2)), use))
        return [
            self._column(s.SHARD_SKEW, [row for row, _ in skews], [value for _, value in skews]),
            self._column(s.SPLIT, [row for row, _ in splits], [value for _, value in splits]),
        ]

    def _column(self, metric: Metric, rows: Sequence[Row], values: Sequence[float]) -> Samples:
        return metric.samples(self._keys.of(metric.labels, rows), np.array(values, dtype=np.float64))


def _write_use(place: Place, readings: Readings) -> tuple[float, float]:
    """Return a shard's bytes in the newest minute, and the larger use of its two write limits; no traffic is none."""
    if not _watched(place):
        return math.nan, math.nan
    size, records = (_idle_is_none(metric, place, readings) for metric in (s.SHARD_IN_BYTES, s.SHARD_IN_RECORDS))
    return size, max(_share(size, WRITE_BYTES_A_SECOND), _share(records, WRITE_RECORDS_A_SECOND))


def _idle_is_none(metric: Metric, place: Place, readings: Readings) -> float:
    """Return the newest minute's Sum: 0 where CloudWatch was asked and has none, for nothing was written then."""
    found = readings.of(metric, place)
    if found is None:
        return math.nan
    value = readings.a_minute(metric, place)
    return 0.0 if math.isnan(value) else value


def _latest(readings: Collection[Reading]) -> float | None:
    """Return the newest minute of anything; None where none was fresh when CloudWatch was last asked."""
    newest = max((reading.asked_at for reading in readings), default=math.nan)
    return max(
        (reading.minute for reading in readings if reading.asked_at == newest and reading.is_news(FRESH_SECONDS)),
        default=None,
    )


def _being_read(place: Place, readings: Readings) -> float:
    """Return 1 where a reader shows, 0 where CloudWatch is in time, and has none of any kind of reader.

    Minutes in which the agent itself read say nothing, unless there were more reads than its own.
    """
    description = place.stream.description
    names = None if description is None else description.consumers
    age = readings.of(k.ITERATOR_AGE, place)
    asked = [age, *(readings.of(s.CONSUMER_LAG, Place(place.stream, name)) for name in names or ())]
    if any(one is not None and one.is_news(FRESH_SECONDS) for one in asked):
        return 1.0
    own = readings.own_calls(place)
    calls = readings.of(k.READ_CALLS, place) if own else None
    if calls is not None and calls.is_news(FRESH_SECONDS) and calls.value > own.get(int(calls.minute), 0):
        return 1.0
    latest = readings.latest(place)
    if age is None or names is None or latest is None or not all(one is not None for one in asked):
        return math.nan
    period = int(age.period)
    oldest = math.ceil(age.asked_at / period - FRESH_SECONDS / _MINUTE - 1) * period
    judged = range(oldest, int(latest) + 1, period)
    return 0.0 if any(minute not in own for minute in judged) else math.nan


def _data_age(place: Place, readings: Readings, now: float) -> float:
    """Return how long ago the newest minute of any of the stream's series ended."""
    minutes = [
        found.minute + found.period
        for metric in BY_CLOUDWATCH
        if metric.labels == k.STREAM and (found := readings.of(metric, place)) is not None
    ]
    newest = max((minute for minute in minutes if not math.isnan(minute)), default=math.nan)
    return _not_below_0(now - newest)


def _not_below_0(value: float) -> float:
    """Return the value, or 0 where it is less; NaN stays NaN, which ``max`` takes for less."""
    return 0.0 if value < 0 else value


def _watched(place: Place) -> bool:
    description = place.stream.description
    return description is not None and bool(description.watched)


def _open(description: Description) -> Iterable[Shard]:
    return [shard for shard in description.shards or () if shard.is_open]


def _share(per_minute: float, limit_a_second: float) -> float:
    return per_minute / _MINUTE / limit_a_second if limit_a_second else math.nan


def _count(items: tuple[T, ...] | None, fits: Callable[[T], bool]) -> float:
    return math.nan if items is None else float(sum(fits(item) for item in items))


def _consumers_use(description: Description) -> float:
    """Return the share of the consumers that may be registered; none is none of however many."""
    if description.consumers is None:
        return math.nan
    return len(description.consumers) / _or_nan(description.most_consumers) if description.consumers else 0.0


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value

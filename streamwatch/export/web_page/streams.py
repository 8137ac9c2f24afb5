"""A Kinesis stream as it is shown: its shards over the hash range, its readers, and one sentence on how it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.charts import NamedSpark
from streamwatch.export.web_page.clusters import Fact
from streamwatch.export.web_page.sample_index import Read, SampleIndex
from streamwatch.export.web_page.words import WORST_FIRST, Health, ago, counted, number, share, span, worst
from streamwatch.model.kinesis import Description, Shard, Stream, StreamsSnapshot

_KEYS: Final = 2**128
"""As many hash keys there are."""
_MOST_SHARDS: Final = 200
_HOT: Final = 0.8
_STEPS: Final = 10
_LATE: Final = 0.5
"""A reader that is behind by more than this share of the retention is in trouble."""


@dataclass(frozen=True, slots=True)
class Stripe:
    """One open shard over the hash range; place and width are parts of 100."""

    id: str
    x: float
    width: float
    heat: int | None
    """Use of its busiest limit in tenths, 10 at most; None where it is not known."""
    use: str
    title: str


@dataclass(frozen=True, slots=True)
class ConsumerView:
    """A registered one."""

    name: str
    behind: str


@dataclass(frozen=True, slots=True)
class StreamView:
    """All that is shown of one stream."""

    name: str
    place: str
    health: Health
    headline: str
    seen: str
    facts: Sequence[Fact]
    stripes: Sequence[Stripe]
    more: int
    """Open shards that are not drawn."""
    by_shard: bool
    """Whether the use of shards is known."""
    is_watched: bool
    """Whether shard-level metrics are on."""
    hottest: Sequence[Stripe]
    consumers: Sequence[ConsumerView]
    age_width: float
    """Of 100: how much of the retention the slowest reader is behind."""
    age_health: Health
    key: tuple[str, str, str]
    """Account, region and name."""
    path: str
    """Of its page."""
    sparks: Sequence[NamedSpark] = ()
    """The last hour, in small pictures."""


def streams(read: Read, index: SampleIndex, now: float) -> list[StreamView]:
    """Return what is shown of the streams of one account, those in trouble first."""
    last = read.last
    if not isinstance(last, StreamsSnapshot) or last.streams is None or not index.is_up(read):
        return []
    found = [_stream(stream, index, ago(read.age(now))) for stream in last.streams]
    return sorted(found, key=lambda one: (WORST_FIRST.index(one.health), one.name))


def stream_view(key: tuple[str, ...], reads: Sequence[Read], index: SampleIndex, now: float) -> StreamView | None:
    """Return what is shown of one stream; None where it is not among what these sources read."""
    for read in reads:
        last = read.last
        if isinstance(last, StreamsSnapshot) and index.is_up(read):
            for stream in last.streams or ():
                if (stream.account, stream.region, stream.name) == key:
                    return _stream(stream, index, ago(read.age(now)))
    return None


def _stream(stream: Stream, index: SampleIndex, seen: str) -> StreamView:
    key = (stream.account, stream.region, stream.name)
    described = stream.description
    stripes = _stripes(key, described, index)
    retention, age = index.value(s.RETENTION, *key), _age(key, index)
    behind = age / retention if age is not None and retention else None
    statements = _statements(key, stream, index, stripes, behind)
    known = [stripe for stripe in stripes if stripe.heat is not None]
    return StreamView(
        stream.name,
        f"{stream.region}, account {stream.account}",
        worst(health for health, _ in statements),
        "; ".join(sentence for _, sentence in statements[:2]),
        seen,
        _facts(key, index, retention, age),
        stripes[:_MOST_SHARDS],
        max(0, len(stripes) - _MOST_SHARDS),
        bool(known),
        bool(described and described.watched),
        sorted(known, key=lambda stripe: -(stripe.heat or 0))[:3],
        [ConsumerView(name, span(late)) for (name,), late in sorted(index.of(h.CONSUMER_LAG, *key).items())],
        min(100.0, round(100 * (behind or 0.0), 2)),
        "unknown" if behind is None else "bad" if behind > _LATE else "good",
        key,
        EntityRef("stream", key).path,
    )


def _age(key: tuple[str, str, str], index: SampleIndex) -> float | None:
    """Return how far the slowest reader is behind, whether it polls or is pushed to."""
    ages = [one for one in (index.value(s.ITERATOR_AGE, *key), index.most(h.CONSUMER_LAG, *key)) if one is not None]
    return max(ages, default=None)


def _statements(
    key: tuple[str, str, str], stream: Stream, index: SampleIndex, stripes: Sequence[Stripe], behind: float | None
) -> list[tuple[Health, str]]:
    """Return what is wrong, in sentences, the worst first."""
    if stream.description is None:
        return [("unknown", "it could not be described")]
    found: list[tuple[Health, str]] = []
    if index.value(s.BEING_READ, *key) == 0:
        found.append(("bad", "nobody reads it"))
    if behind is not None and behind > _LATE:
        found.append(("bad", f"a reader is behind by {share(behind)} of what is kept: data will be lost"))
    hot = [stripe for stripe in stripes if (stripe.heat or 0) >= _HOT * _STEPS]
    if hot:
        top = max(hot, key=lambda stripe: stripe.heat or 0)
        sentence = f"{top.id} is at {top.use}" if len(hot) == 1 else f"{counted(len(hot), 'shard')} are nearly full"
        found.append(("bad" if (top.heat or 0) >= _STEPS else "warn", f"hot: {sentence}"))
    writes = _most(index.value(s.WRITE_RECORDS_USE, *key), index.value(s.WRITE_BYTES_USE, *key))
    if writes is not None and writes >= _HOT and not hot:
        found.append(("warn", f"writes are at {share(writes)} of the limit"))
    if index.value(s.BEING_READ, *key) is None:
        found.append(("unknown", "whether it is read is not known yet"))
    if stream.description.status != "ACTIVE":
        found.append(("warn", f"it is {stream.description.status.lower()}"))
    return found or [("good", "written within its limits, and read")]


def _most(*values: float | None) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _facts(key: tuple[str, str, str], index: SampleIndex, retention: float | None, age: float | None) -> list[Fact]:
    read = index.value(s.BEING_READ, *key)
    writes = _most(index.value(s.WRITE_RECORDS_USE, *key), index.value(s.WRITE_BYTES_USE, *key))
    data_age = index.value(s.DATA_AGE, *key)
    data = "not known" if data_age is None else f"{span(data_age)} old"
    reads = _most(index.value(s.READ_BYTES_USE, *key), index.value(s.READ_CALLS_USE, *key))
    return [
        Fact("is read", {None: "not known", 0.0: "no"}.get(read, "yes"), _health(read, read == 0)),
        Fact("slowest reader", f"{span(age)} behind" if age is not None else "not known", _health(age, is_bad=False)),
        Fact("retention", span(retention)),
        Fact("writes of the limit", share(writes), _health(writes, (writes or 0) >= _HOT)),
        Fact("reads of the limit", share(reads), _health(reads, (reads or 0) >= _HOT)),
        Fact("open shards", number(index.value(s.OPEN_SHARDS, *key))),
        Fact("CloudWatch's data", data, _health(data_age, is_bad=False)),
    ]


def _health(value: float | None, is_bad: bool) -> Health:  # noqa: FBT001 - reads well
    return "unknown" if value is None else "bad" if is_bad else "good"


def _stripes(key: tuple[str, str, str], described: Description | None, index: SampleIndex) -> list[Stripe]:
    shards = [shard for shard in (described.shards if described else None) or () if shard.is_open]
    use: dict[str, tuple[float, str]] = {}
    for metric, what in (
        (h.SHARD_WRITE_RECORDS_USE, "records written"),
        (h.SHARD_WRITE_BYTES_USE, "bytes written"),
        (h.SHARD_READ_BYTES_USE, "bytes read"),
    ):
        for (shard,), value in index.of(metric, *key).items():
            use[shard] = max((value, what), use.get(shard, (-1.0, "")))
    return [_stripe(shard, use.get(shard.id)) for shard in sorted(shards, key=lambda shard: shard.first)]


def _stripe(shard: Shard, use: tuple[float, str] | None) -> Stripe:
    width = (shard.last - shard.first + 1) / _KEYS * 100
    if use is None:
        return Stripe(shard.id, shard.first / _KEYS * 100, width, None, "not known", f"{shard.id}: use not known")
    value, what = use
    sentence = f"{share(value)} of its limit of {what}"
    heat = min(_STEPS, int(value * _STEPS))
    return Stripe(shard.id, shard.first / _KEYS * 100, width, heat, sentence, f"{shard.id}: {sentence}")

"""Requests of remote write, 1.0 and 2.0, made of samples: protobuf by hand, for a few fields, 10,000 series at a time.

1.0: ``prometheus.WriteRequest``: each series with its labels as text. 2.0: ``io.prometheus.write.v2.Request``: each
text once, series refer to it, and say what kind of metric they are. Labels are encoded once a ``Keys``.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from streamwatch.model.metric import Keys, Metric, Samples

T = TypeVar("T")
Version = Literal["1.0", "2.0"]
STALE: Final = struct.pack("<Q", 0x7FF0000000000002)
"""Prometheus's word for a series that is no more: a NaN of its own."""
_KINDS: Final = {"counter": 1, "gauge": 2, "histogram": 3}
_PER_BYTE: Final = 7
_CONTINUED: Final = 0x80

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Cycle:
    """What is sent of one moment."""

    at: float
    """Seconds since 1970."""
    samples: Sequence[Samples]
    ended: Sequence[tuple[Metric, tuple[str, ...]]]
    """Series that are no more: their metric, and their labels' values."""
    offered: float = 0.0
    """When it was taken, by the monotonic clock: how long it waits does not depend on who sets the wall clock."""
    done: int = 0
    """How many of its samples were over before the agent began."""

    @property
    def size(self) -> int:
        """How many samples it may have at most."""
        return sum(len(one.keys) for one in self.samples) + len(self.ended)


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One request, not compressed yet, and how many samples it has."""

    body: bytes
    samples: int


class Encoder:
    """Makes requests, and remembers what it may use again. Used by one thread at a time."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        """Begin; every series gets these labels that has none of that name."""
        self._labels = dict(labels)
        self._pairs: WeakKeyDictionary[Keys, dict[str, list[Pairs]]] = WeakKeyDictionary()
        self._encoded: WeakKeyDictionary[Keys, dict[str, list[bytes]]] = WeakKeyDictionary()

    def requests(self, cycle: Cycle, version: Version, most: int, done: int = 0) -> Iterator[WriteRequest]:
        """Yield the requests of a cycle, with so many samples each at most, without those that are done.

        They are the same ones every time they are asked for.
        """
        at = round(cycle.at * 1000)
        if version == "1.0":
            for plain in _batched(islice(self._lines_1(cycle), done, None), most):
                yield WriteRequest(_request_1(plain, at), len(plain))
        else:
            for paired in _batched(islice(self._lines_2(cycle), done, None), most):
                yield WriteRequest(_request_2(paired, at), len(paired))

    def _lines_1(self, cycle: Cycle) -> Iterator[tuple[Metric, bytes, bytes]]:
        for one in cycle.samples:
            cached = self._encoded.setdefault(one.keys, {})
            heads = cached.get(one.metric.name)
            if heads is None:
                heads = cached[one.metric.name] = [_labels_1(pairs) for pairs in self._pairs_of(one.metric, one.keys)]
            for row, value in _known(one):
                yield one.metric, heads[row], value
        for metric, values in cycle.ended:
            yield metric, _labels_1(self._with(metric, values)), STALE

    def _lines_2(self, cycle: Cycle) -> Iterator[tuple[Metric, Pairs, bytes]]:
        for one in cycle.samples:
            cached = self._pairs.setdefault(one.keys, {})
            pairs = cached.get(one.metric.name)
            if pairs is None:
                pairs = cached[one.metric.name] = self._pairs_of(one.metric, one.keys)
            for row, value in _known(one):
                yield one.metric, pairs[row], value
        for metric, values in cycle.ended:
            yield metric, self._with(metric, values), STALE

    def _pairs_of(self, metric: Metric, keys: Keys) -> list[Pairs]:
        return [self._with(metric, row) for row in keys.rows]

    def _with(self, metric: Metric, row: tuple[str, ...]) -> Pairs:
        """Return all labels of a series, sorted; an empty one is none."""
        own = dict(zip(metric.labels, row, strict=True))
        found = {**self._labels, **own, "__name__": metric.name}
        return tuple(sorted((name, value) for name, value in found.items() if value))


def _batched(some: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield lists of so many at most."""
    rest = iter(some)
    while part := list(islice(rest, most)):
        yield part


def _known(one: Samples) -> Iterator[tuple[int, bytes]]:
    """Yield the rows that are known, and their values as eight bytes."""
    text = one.values.astype("<f8", copy=False).tobytes()
    for row in np.flatnonzero(~np.isnan(one.values)).tolist():
        yield row, text[8 * row : 8 * row + 8]


def _request_1(part: Sequence[tuple[Metric, bytes, bytes]], at: int) -> bytes:
    """Return ``WriteRequest{timeseries=1}`` of ``TimeSeries{labels=1, samples=2}``."""
    after = b"\x10" + _varint(at)
    before = b"\x12" + _varint(9 + len(after)) + b"\x09"
    more = len(before) + 8 + len(after)
    pieces: list[bytes] = []
    for _, labels, value in part:
        pieces += (b"\x0a", _varint(len(labels) + more), labels, before, value, after)
    return b"".join(pieces)


def _request_2(part: Sequence[tuple[Metric, Pairs, bytes]], at: int) -> bytes:
    """Return ``Request{symbols=4, timeseries=5}`` of ``TimeSeries{labels_refs=1, samples=2, metadata=5}``."""
    symbols: dict[str, int] = {"": 0}
    after = b"\x10" + _varint(at)
    sample = b"\x12" + _varint(9 + len(after)) + b"\x09"
    metadata: dict[str, bytes] = {}
    pieces = []
    for metric, pairs, value in part:
        encoded = metadata.get(metric.name)
        if encoded is None:
            help_ref = symbols.setdefault(metric.help, len(symbols))
            inner = b"\x08" + _varint(_KINDS[metric.kind]) + b"\x18" + _varint(help_ref)
            if metric.unit:
                inner += b"\x20" + _varint(symbols.setdefault(metric.unit, len(symbols)))
            encoded = metadata[metric.name] = b"\x2a" + _sized(inner)
        refs = b"".join([_varint(symbols.setdefault(text, len(symbols))) for pair in pairs for text in pair])
        pieces.append(b"\x2a" + _sized(b"\x0a" + _sized(refs) + sample + value + after + encoded))
    table = [b"\x22" + _sized(text.encode("utf-8", "replace")) for text in symbols]
    return b"".join([*table, *pieces])


def _labels_1(pairs: Pairs) -> bytes:
    """Return the labels of a series as ``Label{name=1, value=2}``, one after the other."""
    inner = (
        b"\x0a" + _sized(name.encode()) + b"\x12" + _sized(value.encode("utf-8", "replace")) for name, value in pairs
    )
    return b"".join([b"\x0a" + _sized(one) for one in inner])


def _sized(text: bytes) -> bytes:
    return _varint(len(text)) + text


def _varint(number: int) -> bytes:
    if number < _CONTINUED:
        return _SMALL[number]
    found = bytearray()
    while number >= _CONTINUED:
        found.append(number & (_CONTINUED - 1) | _CONTINUED)
        number >>= _PER_BYTE
    found.append(number)
    return bytes(found)


_SMALL: Final = [bytes([number]) for number in range(_CONTINUED)]


class Ending:
    """Tells which series are no more, from one cycle to the next."""

    def __init__(self) -> None:
        self._last: dict[str, list[tuple[Samples, bytes]]] = {}

    def next(self, samples: Sequence[Samples]) -> tuple[list[Samples], list[tuple[Metric, tuple[str, ...]]]]:
        """Return the samples with each series once, and the series of the last cycle that are not among them."""
        now: dict[str, list[tuple[Samples, bytes]]] = {}
        for one in samples:
            now.setdefault(one.metric.name, []).append((one, np.isnan(one.values).tobytes()))
        ended: list[tuple[Metric, tuple[str, ...]]] = []
        for name, before in self._last.items():
            after = now.get(name, [])
            if len(before) == len(after) and all(
                old.keys is new.keys and old_mask == new_mask
                for (old, old_mask), (new, new_mask) in zip(before, after, strict=True)
            ):
                continue
            there = {row for one, _ in after for row in one.known()}
            gone = dict.fromkeys(row for one, _ in before for row in one.known() if row not in there)
            ended += [(before[0][0].metric, row) for row in gone]
        self._last = now
        return [one for name in now for one in _once([some for some, _ in now[name]])], ended


def _once(some: Sequence[Samples]) -> Sequence[Samples]:
    """Return samples of one metric with each series once: the first counts, as on the page."""
    if len(some) == 1:
        return some
    seen: set[tuple[str, ...]] = set()
    found = []
    for one in some:
        indices = [at for at, row in enumerate(one.keys.rows) if row not in seen]
        seen.update(one.keys.rows)
        if len(indices) == len(one.keys):
            found.append(one)
        elif indices:
            index = np.array(indices, dtype=np.intp)
            found.append(one.metric.samples(one.keys.take(index), one.values[index]))
    return found

"""The page that Prometheus reads: samples as text, written again only where they changed.

Text format 0.0.4 and OpenMetrics 1.0 share every line of samples; only the head lines of a family differ.
"""

import gzip
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from streamwatch.model.metric import Keys, Metric, Samples, Values, are_same

Mask = npt.NDArray[np.bool_]

_EXACT = 2.0**53  # below this, every integral float is exactly that integer
_SPECIAL = re.compile(r'[\\"\n]')


class Lazy:
    """Bytes that are made when they are first asked for, once, whoever asks."""

    __slots__ = ("_lock", "_made", "_make")

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._lock = threading.Lock()
        self._make = make
        self._made: bytes | None = None

    def __call__(self) -> bytes:
        """Return the bytes; threads that ask while they are made wait for them."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


@dataclass(frozen=True, slots=True)
class Foreign:
    """Families that another library rendered; ``openmetrics`` comes without its ``# EOF``."""

    text: bytes = b""
    openmetrics: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class RenderedExposition:
    """One rendered page. Whatever is lazy is made once, and may be asked for by many threads."""

    text: bytes
    series: int
    """How many series are on it, without the foreign ones."""
    duplicates: int
    """How many series were left out because the page had them already."""
    _text_gzip: Lazy
    _openmetrics: Lazy
    _openmetrics_gzip: Lazy

    @property
    def text_gzip(self) -> bytes:
        """The text, compressed."""
        return self._text_gzip()

    @property
    def openmetrics(self) -> bytes:
        """The same samples as OpenMetrics."""
        return self._openmetrics()

    @property
    def openmetrics_gzip(self) -> bytes:
        """The OpenMetrics page, compressed."""
        return self._openmetrics_gzip()


@dataclass(frozen=True, slots=True, eq=False)
class _Labels:
    """The rendered label sets of one ``Keys``."""

    texts: list[str]
    unique: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The lines of one metric for one ``Keys``."""

    values: Values
    keep: Mask | None
    text: bytes
    series: int


@dataclass(frozen=True, slots=True, eq=False)
class _Family:
    """All lines of one metric: a block for each ``Keys``, and which rows of it are kept (``None``: all of them)."""

    metric: Metric
    keeps: dict[Keys, Mask | None]
    blocks: dict[Keys, _Block]
    duplicates: int

    @property
    def series(self) -> int:
        return sum(block.series for block in self.blocks.values())


class Exposition:
    """Renders samples to pages, and remembers what it may use again for the next one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._labels: WeakKeyDictionary[Keys, _Labels] = WeakKeyDictionary()
        self._families: dict[str, _Family] = {}
        self._prepared: WeakKeyDictionary[Keys, dict[str, tuple[Metric, _Block]]] = WeakKeyDictionary()

    def prepare(self, samples: Sequence[Samples]) -> None:
        """Write the lines of these samples now, so that the next page is put together quickly."""
        for each in samples:
            with self._lock:
                last = self._families.get(each.metric.name)
                keep = None if last is None else last.keeps.get(each.keys)
                block = self._block(each, keep, last)
                self._prepared.setdefault(each.keys, {})[each.metric.name] = (each.metric, block)

    def render(self, samples: Sequence[Samples], foreign: Foreign | None = None) -> RenderedExposition:
        """Return the page of these samples, followed by what somebody else rendered.

        A value that is not known (NaN) is not written. When two samples claim the same series, the first wins,
        whether or not it is known: a series must not alternate between two sources.
        """
        members: dict[str, list[Samples]] = {}
        for each in samples:
            members.setdefault(each.metric.name, []).append(each)
        with self._lock:
            self._take_prepared()
            self._families = {name: self._family(name, same) for name, same in members.items()}
            self._forget_labels({each.keys for each in samples})
            families = [family for family in self._families.values() if family.series]
            duplicates = sum(family.duplicates for family in self._families.values())
        return _page(families, duplicates, foreign or Foreign())

    def _forget_labels(self, keys: set[Keys]) -> None:
        """Drop the texts of what is on the page no more: the keys themselves may be held for long, by a history."""
        if len(self._labels) > len(keys):
            for gone in [each for each in self._labels if each not in keys]:
                del self._labels[gone]

    def _take_prepared(self) -> None:
        """Put the lines that were written since the last page where the next one looks for them."""
        fresh: dict[str, tuple[Metric, dict[Keys, _Block]]] = {}
        for keys, blocks in self._prepared.items():
            for metric, block in blocks.values():
                fresh.setdefault(metric.name, (metric, {}))[1][keys] = block
        for name, (metric, some) in fresh.items():
            last = self._families.get(name, _Family(metric, {}, {}, 0))
            self._families[name] = replace(last, blocks={**last.blocks, **some})
        self._prepared = WeakKeyDictionary()

    def _family(self, name: str, members: list[Samples]) -> _Family:
        last = self._families.get(name)
        by_keys: dict[Keys, Samples] = {}
        for each in members:
            by_keys.setdefault(each.keys, each)
        keeps = self._keeps(list(by_keys), last)
        dropped = sum(int(np.count_nonzero(~keep)) for keep in keeps.values() if keep is not None)
        if len(by_keys) < len(members):
            dropped += sum(len(each.keys) for each in members) - sum(len(keys) for keys in by_keys)
        blocks = {keys: self._block(each, keeps[keys], last) for keys, each in by_keys.items()}
        return _Family(members[0].metric, keeps, blocks, dropped)

    def _block(self, samples: Samples, keep: Mask | None, last: _Family | None) -> _Block:
        before = last.blocks.get(samples.keys) if last is not None else None
        if before is not None and before.keep is keep:
            if before.values is samples.values:
                return before  # first, since nearly all are: who else changed does not make this one costly
            if are_same(before.values, samples.values):
                return _Block(samples.values, keep, before.text, before.series)
        labels, values = self._labels_of(samples.keys).texts, samples.values
        known = ~np.isnan(values) if keep is None else keep & ~np.isnan(values)
        if not known.all():
            labels, values = list(compress(labels, known.tolist())), values[known]
        name = samples.metric.name
        lines = [f"{name}{label} {value}\n" for label, value in zip(labels, _numbers(values), strict=True)]
        # A lone surrogate cannot be UTF-8; one odd name must not cost the page.
        return _Block(samples.values, keep, "".join(lines).encode("utf-8", "replace"), len(lines))

    def _keeps(self, keys: list[Keys], last: _Family | None) -> dict[Keys, Mask | None]:
        """Return which rows are the first of their label set, for each ``Keys`` of a family."""
        if last is not None and list(last.keeps) == keys:
            return last.keeps
        seen: set[str] = set()
        keeps: dict[Keys, Mask | None] = {}
        for each in keys:
            labels = self._labels_of(each)
            if labels.unique and (not seen or seen.isdisjoint(labels.texts)):
                keeps[each] = None
                if len(keys) > 1:
                    seen.update(labels.texts)
                continue
            mask = []
            for text in labels.texts:
                mask.append(text not in seen)
                seen.add(text)
            keeps[each] = np.array(mask, dtype=np.bool_)
        return keeps

    def _labels_of(self, keys: Keys) -> _Labels:
        labels = self._labels.get(keys)
        if labels is None:
            texts = _label_texts(keys)
            labels = self._labels[keys] = _Labels(texts, len(set(texts)) == len(texts))
        return labels


def _label_texts(keys: Keys) -> list[str]:
    if not keys.names:
        return [""] * len(keys)
    template = "{" + ",".join(f'{name}="%s"' for name in keys.names) + "}"
    columns = [_escaped(column) for column in zip(*keys.rows, strict=True)]
    return [template % row for row in zip(*columns, strict=True)]


def _escaped(column: tuple[str, ...]) -> Sequence[str]:
    if not _SPECIAL.search("".join(column)):
        return column
    return [value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for value in column]


def _numbers(values: Values) -> list[str]:
    """Return known values as text: integers plainly, the rest by ``repr``."""
    integral = (np.abs(values) < _EXACT) & (np.floor(values) == values)
    if integral.all():
        return [str(value) for value in values.astype(np.int64).tolist()]
    pairs = zip(values.tolist(), integral.tolist(), strict=True)
    return [str(int(value)) if whole else _number(value) for value, whole in pairs]


def _number(value: float) -> str:
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _page(families: list[_Family], duplicates: int, foreign: Foreign) -> RenderedExposition:
    text = b"".join([*_parts(families, _head), foreign.text])
    openmetrics = Lazy(lambda: b"".join([*_parts(families, _head_openmetrics), foreign.openmetrics, b"# EOF\n"]))
    return RenderedExposition(
        text=text,
        series=sum(family.series for family in families),
        duplicates=duplicates,
        _text_gzip=Lazy(lambda: gzip.compress(text, 1, mtime=0)),
        _openmetrics=openmetrics,
        _openmetrics_gzip=Lazy(lambda: gzip.compress(openmetrics(), 1, mtime=0)),
    )


def _parts(families: list[_Family], head: Callable[[Metric], str]) -> list[bytes]:
    parts: list[bytes] = []
    for family in families:
        parts.append(head(family.metric).encode())
        parts.extend(block.text for block in family.blocks.values())
    return parts


def _head(metric: Metric) -> str:
    if _goes_on(metric):
        return ""
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {metric.family} {help_text}\n# TYPE {metric.family} {metric.kind}\n"


def _goes_on(metric: Metric) -> bool:
    """Say whether it belongs to the head before it: the sum and the count of a histogram follow its buckets."""
    return metric.kind == "histogram" and not metric.name.endswith("_bucket")


def _head_openmetrics(metric: Metric) -> str:
    if _goes_on(metric):
        return ""
    name = metric.name.removesuffix("_total") if metric.kind == "counter" else metric.family
    help_text = metric.help.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    # The format demands that a unit be the end of the name: "bytes" of `..._bytes`, but not of `..._bytes_max`.
    unit = f"# UNIT {name} {metric.unit}\n" if metric.unit and name.endswith(f"_{metric.unit}") else ""
    return f"# HELP {name} {help_text}\n# TYPE {name} {metric.kind}\n{unit}"

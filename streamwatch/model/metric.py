"""A metric's definition, the entities it speaks of, and the values it has for them.

Whatever grows with a cluster is kept in columns: one ``Keys`` names the entities (all topics, say), and each metric
of those entities is one array of float64 in the same order. A value that is not known is NaN: arithmetic keeps
it so, and no exporter publishes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from streamwatch.core.errors import CatalogueError

Values = npt.NDArray[np.float64]
"""One float64 an entity; NaN where the value is not known."""

UNKNOWN = float("nan")

_FEW: Final = 512
"""For so many values, copies are compared more quickly than numpy begins to."""


Unit = Literal[
    "", "seconds", "bytes", "ratio", "records", "partitions", "brokers", "members", "topics", "groups", "streams",
    "shards", "consumers", "calls", "dollars",
]  # fmt: skip


Kind = Literal["kafka", "pages", "topics", "cloudwatch"]
"""The sources that a Kafka cluster can have: its protocol, its brokers' exporters, MSK's topic calls, MSK's state and
CloudWatch."""

Precedence = tuple[Kind | Literal["probe"], ...]
"""An order of sources, the probe of a cluster among them: what it measures nobody else knows."""

PRECEDENCE: Final[tuple[Kind, ...]] = ("kafka", "pages", "topics", "cloudwatch")
"""The usual order of trust: the protocol is the freshest and costs the least, pages are scraped by the minute, MSK's
topic calls come at the pace that AWS allows, CloudWatch is minutes late."""


class Tier(IntEnum):
    """How many series a metric has, from few and vital to many: a cap on series drops from the end."""

    AGENT = 0
    CLUSTER = 1
    BROKER = 2
    GROUP = 3
    GROUP_TOPIC = 4
    TOPIC = 5
    PARTITION = 6
    STREAM = 7
    CONSUMER = 8
    SHARD = 9
    CONNECT = 10
    CONNECTOR = 11
    TASK = 12


@dataclass(frozen=True, slots=True)
class CloudWatchMetric:
    """The CloudWatch metric that answers the same question."""

    name: str
    level: Literal[
        "DEFAULT", "PER_BROKER", "PER_TOPIC_PER_BROKER", "PER_TOPIC_PER_PARTITION", "BASIC", "CONSUMER", "ENHANCED"
    ]
    statistic: Literal["Average", "Maximum", "Minimum", "Sum", "SampleCount"]
    scale: float = 1.0
    """Multiply CloudWatch's value by this to get ours (0.01 for a percentage that we export as a ratio)."""
    vital: bool = False
    """Whether it is asked for every minute, and not only as often as details are."""

    @property
    def namespace(self) -> str:
        """CloudWatch's namespace."""
        return "AWS/Kinesis" if self.level in {"BASIC", "CONSUMER", "ENHANCED"} else "AWS/Kafka"


class Keys:
    """The label sets of many entities of one kind, in a fixed order.

    Two metrics of the same entities share one ``Keys`` *object*: whoever renders labels does so once an object.
    Compared by identity for that reason.
    """

    __slots__ = ("__weakref__", "names", "rows")

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
        self.names = tuple(names)
        self.rows = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Keys({', '.join(self.names)}: {len(self.rows)} rows)"

    def take(self, index: npt.NDArray[np.intp]) -> "Keys":
        """Return the rows at these positions, as keys of their own."""
        return Keys(self.names, tuple(self.rows[i] for i in index.tolist()))


@dataclass(frozen=True, slots=True)
class Samples:
    """One metric's values for the entities of ``keys``, in their order; NaN where unknown."""

    metric: "Metric"
    keys: Keys
    values: Values

    def known(self) -> dict[tuple[str, ...], float]:
        """Return what is known, by label values: for tests and for people, not for the hot path."""
        pairs = zip(self.keys.rows, self.values.tolist(), strict=True)
        return {row: value for row, value in pairs if value == value}  # noqa: PLR0124 - NaN is not equal to itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The definition of a metric: what it is called, what it means, and whose question it answers."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    """A classic histogram is three of these: their names end in ``_bucket`` (label ``le``), ``_sum`` and ``_count``."""
    unit: Unit
    labels: tuple[str, ...]
    tier: Tier
    help: str
    """What the value is, in one sentence: this goes to the page."""
    question: str
    """What a person asks when they look at it."""
    cloudwatch: CloudWatchMetric | None = field(default=None)
    precedence: Precedence = PRECEDENCE
    """Which source counts where several kinds of sources have it, the most trusted first; others are not believed."""

    @property
    def is_of_kafka(self) -> bool:
        """Whether it is about a Kafka cluster, and so several sources may know it."""
        return self.labels[:1] == ("kafka_cluster",)

    @property
    def family(self) -> str:
        """The name of what it is a part of: of the whole histogram, else its own."""
        return self.name.rpartition("_")[0] if self.kind == "histogram" else self.name

    def samples(self, keys: Keys, values: Values) -> Samples:
        """Pair values (shape ``(len(keys),)``, float64) with their entities.

        Raises:
            CatalogueError: the labels are not this metric's, or the lengths differ.

        """
        if keys.names != self.labels:
            msg = f"{self.name}: labels {keys.names!r}: this metric has {self.labels!r}"
            raise CatalogueError(msg)
        if values.shape != (len(keys),):
            msg = f"{self.name}: {values.shape!r} values for {len(keys)} label sets"
            raise CatalogueError(msg)
        return Samples(self, keys, values)

    def sample(self, value: float, **labels: str) -> Samples:
        """Return a single value; its labels must be exactly this metric's.

        Raises:
            CatalogueError: a label is missing or there is one too many.

        """
        if set(labels) != set(self.labels):
            msg = f"{self.name}: labels {tuple(labels)!r}: this metric has {self.labels!r}"
            raise CatalogueError(msg)
        keys = Keys(self.labels, (tuple(labels[name] for name in self.labels),))
        return Samples(self, keys, np.array([value], dtype=np.float64))


def are_same(left: Values, right: Values) -> bool:
    """Say whether these are the same bits: NaN is the same as NaN, but for one that marks something."""
    if left.size <= _FEW:
        return left.tobytes() == right.tobytes()
    return np.array_equal(left.view(np.int64), right.view(np.int64))

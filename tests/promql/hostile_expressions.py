"""Series that nobody expects, and expressions over them: what has once been another vector than Prometheus's."""

import random
from typing import Final

from tests.promql.random_expressions import STEPS, Grammar, series

_BOUNDS: Final = (
    ("0.1", "1", "5", "+Inf"), ("0.10", "1.0", "1", "5e0", "Inf"), (".5", "1.", "+5", "inf"), ("-1", "0", "1", "+Inf"),
    ("-Inf", "1", "+Inf"), ("0x1p-2", "1_0", "infinity"), ("1", "5"), ("+Inf",), ("x", "", " 1", "1e400", "+Inf"),
    ("-5", "-1", "+INF"), ("0", "+Inf", "Infinity"), ("1e-320", "1e308", "+Inf"), ("\u0661", "2", "+Inf"),
)  # fmt: skip
"""Spellings of `le`; no NaN, with which Prometheus's own answer depends on the order that its storage gives."""
_COUNTS: Final = ("0", "0", "1", "3", "3", "10", "2.5", "NaN", "+Inf", "-1", "1e300", "5", "7", "7.0000000000001")
_SCALARS: Final = (
    "0", "-0", "1", "-1", "0.5", "2", "3", "100", "NaN", "Inf", "-Inf", "1e308", "-1e308", "1e-300", "1_000", "0x1F",
    "010", "1e3", "1m", "0.1", "9.3e18", "4503599627370497.5", "time()", "pi()",
)  # fmt: skip
_COUNTED: Final = ("NaN", "Inf", "-Inf", "-1", "0", "0.9", "1e300", "100")
_MADE: Final = ("", "x", "$1", "$1$1")
_NAMES: Final = (
    "typed", "typed", "memory", "requests_total", "one_bucket", "two_bucket", "seconds_bucket", "info", "nothing",
    "extreme", "extreme",
)  # fmt: skip
_MATCHERS: Final = (
    "", "", "", '{job="a"}', '{job!="",job="a"}', '{job="a",job!="b"}', '{job="a",job="b"}', '{__type__="gauge"}',
    '{__unit__=""}', '{le!=""}', '{job=~"a|"}', '{nothing="x",job=~".*"}', '{zone="x",zone="x",job="c"}',
)  # fmt: skip
_MANY: Final = ('{__name__=~".*_bucket"}', '{__name__=~"memory|typed"}', '{__name__=~"one_bucket|two_bucket",job="a"}')
_LABELS: Final = ("job", "instance", "zone", "le", "__name__", "__type__", "__unit__", "nothing", "value")


def hostile_series(dice: random.Random) -> dict[str, str]:
    """Return the usual series, and histograms, types, units and numbers as they should not be."""
    found = series(dice)
    for name in ("one_bucket", "two_bucket"):
        for job in ("a", "b"):
            for bound in dice.choice(_BOUNDS):
                count = dice.choice(_COUNTS)
                values = [count] * STEPS if dice.random() < 0.6 else [dice.choice(_COUNTS) for _ in range(STEPS)]
                found[f'{name}{{job="{job}",le="{bound}"}}'] = " ".join(values)
    for job, kind, unit in (("a", "gauge", "seconds"), ("b", "counter", ""), ("c", "", "bytes")):
        found[f'typed{{job="{job}",__type__="{kind}",__unit__="{unit}"}}'] = " ".join(
            str(dice.randint(-3, 3)) for _ in range(STEPS)
        )
    for job in ("a", "b", "c"):
        every = ("NaN", "+Inf", "-Inf", "0", "-0", "1", "1e308", "-1e308", "1e-300", "9.3e18", "0.5", "_", "stale")
        found[f'extreme{{job="{job}"}}'] = " ".join(dice.choice(every) for _ in range(STEPS))
    return found


class Hostile(Grammar):
    """Makes expressions that nobody writes."""

    def selector(self, depth: int = 0) -> str:
        """An instant selector."""
        chance = self._dice.random()
        if chance < 0.3:
            return super().selector(depth)
        if chance < 0.4:
            return self._dice.choice(_MANY)
        at = self._dice.choice(("", "", "", "", " @ -5", " @ 300.5", " @ 0x12c", " @ 5m", " offset -1m", " @ 1e15"))
        return self._dice.choice(_NAMES) + self._dice.choice(_MATCHERS) + at

    def matrix(self, depth: int) -> str:
        """A range of samples."""
        if self._dice.random() < 0.5:
            return super().matrix(depth)
        name = self._dice.choice(("typed", "extreme", "one_bucket", "nothing"))
        return f"{name}{self._dice.choice(_MATCHERS)}[{self._dice.choice(('1m', '5m', '90', '0x3c', '1h', '15s'))}]"

    def scalar(self, depth: int) -> str:
        """A number."""
        chance = self._dice.random()
        if chance < 0.3:
            return super().scalar(depth)
        if chance < 0.8 or depth <= 0:
            return self._dice.choice(_SCALARS)
        op = self._dice.choice(("+", "-", "*", "/", "^", "> bool", "== bool", "atan2"))
        return f"({self.scalar(depth - 1)} {op} {self.scalar(depth - 1)})"

    def vector(self, depth: int) -> str:
        """A vector."""
        if depth > 0 and self._dice.random() < 0.5:
            return self._strange(depth)
        return super().vector(depth)

    def _labels(self) -> str:
        return ", ".join(self._dice.sample(_LABELS, self._dice.randint(0, 3)))

    def _strange(self, depth: int) -> str:
        inner, other = self.vector(depth - 1), self.vector(depth - 1)
        number, second = self.scalar(depth - 1), self.scalar(depth - 1)
        label, second_label = self._dice.choice(_LABELS), self._dice.choice(_LABELS)
        by = self._dice.choice(("by", "without"))
        group = self._dice.choice(("group_left", "group_right"))
        on = self._dice.choice(("on", "ignoring"))
        compare = self._dice.choice((">", "> bool", "==", "== bool", "+", "*", "!= bool"))
        return self._dice.choice(
            (
                f"histogram_quantile({number}, {self._buckets()})",
                f"histogram_fraction({number}, {second}, {self._buckets()})",
                f"histogram_quantile({number}, {inner})",
                f"clamp({inner}, {number}, {second})",
                f"clamp_max({inner}, {number})",
                f"clamp_min({inner}, {number})",
                f"round({inner}, {number})",
                f"{self._dice.choice(('topk', 'bottomk'))}({self._dice.choice(_COUNTED)}, {inner})",
                f"quantile {by} ({self._labels()}) ({number}, {inner})",
                f"quantile_over_time({number}, {self.matrix(depth)})",
                f'count_values {by} ({self._labels()}) ("{label}", {self.selector()})',
                f"{self._dice.choice(('sum', 'count', 'max', 'avg', 'stddev'))} {by} ({self._labels()}) ({inner})",
                f"({inner}) {compare} on (job) {group} ({self._labels()}) ({other})",
                f"({inner}) {compare} {on} ({self._labels()}) ({other})",
                f"({inner}) {self._dice.choice(('and', 'or', 'unless'))} {on} ({self._labels()}) ({other})",
                f'label_replace({inner}, "{label}", "{self._dice.choice(_MADE)}", "{second_label}", "(.*)")',
                f'label_join({inner}, "{label}", "", "job", "{second_label}")',
                f"absent({self.selector()})",
                f"absent_over_time({self.matrix(depth)})",
                f"predict_linear({self.matrix(depth)}, {self._dice.choice(('0', '60', 'NaN', 'Inf', '1m'))})",
                f"({number}) {compare} ({inner})",
                f"-({inner})",
                f"timestamp({inner})" if "@" not in inner or "offset" not in inner else f"timestamp({inner} > 0)",
                f"sort_desc({inner})",
            )
        )  # fmt: skip

    def _buckets(self) -> str:
        name = self._dice.choice(("one_bucket", "two_bucket", "seconds_bucket"))
        return self._dice.choice(
            (
                name,
                name,
                _MANY[0],
                f"rate({name}[5m])",
                f"sum by (le) ({name})",
                f"sum without (job) ({name})",
                f"{name} * 0",
            )
        )

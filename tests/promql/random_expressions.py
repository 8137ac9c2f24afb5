"""Random series, and random expressions over them."""

import random
from collections.abc import Callable

STEPS = 60
RANGES = ("30s", "1m", "2m30s", "5m", "10m", "17s")
OVER_TIME = ("avg", "min", "max", "sum", "count", "stddev", "stdvar", "last", "present")
RATES = ("rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets")
EACH = (
    "abs", "ceil", "floor", "sqrt", "exp", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "atan", "asinh", "tanh",
    "deg", "rad", "round", "hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month",
    "year",
)  # fmt: skip
LABELS = ("job", "instance", "zone", "le", "nothing")


def _values(dice: random.Random, kind: str) -> str:
    """Return a series: a counter that is reset now and then, or a gauge; with gaps and stale markers."""
    found, value = [], float(dice.randint(0, 100))
    strange = dice.random() < 0.2
    for _ in range(STEPS):
        chance = dice.random()
        if kind == "counter":
            value = 0.0 if chance < 0.04 else value + dice.choice((0, 1, 2.5, 100))
        else:
            value = round(dice.uniform(-50, 50), 3)
        gap = dice.random()
        if gap < 0.05:
            found.append("_")
        elif gap < 0.08:
            found.append("stale")
        elif strange and gap < 0.15:
            found.append(dice.choice(("NaN", "+Inf", "-Inf", "1e300", "0")))
        else:
            found.append(repr(value))
    return " ".join(found)


def series(dice: random.Random) -> dict[str, str]:
    """Return counters, gauges, an info series and a histogram."""
    found: dict[str, str] = {}
    for job in ("a", "b"):
        for instance in ("1", "2", "3"):
            place = f'job="{job}",instance="{instance}"'
            found[f"requests_total{{{place}}}"] = _values(dice, "counter")
            found[f"memory{{{place}}}"] = _values(dice, "gauge")
        found[f'info{{job="{job}",zone="z{job}"}}'] = " ".join(["1"] * STEPS)
        counts = [0.0, 0.0, 0.0, 0.0]
        rows: list[list[str]] = [[], [], [], []]
        for _ in range(STEPS):
            hit = dice.randrange(4)
            for at in range(hit, 4):
                counts[at] += 1
            for at in range(4):
                rows[at].append(repr(counts[at]))
        for bound, row in zip(("0.1", "1", "5", "+Inf"), rows, strict=True):
            found[f'seconds_bucket{{job="{job}",le="{bound}"}}'] = " ".join(row)
    return found


class Grammar:
    """Makes expressions."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def _one(self, *choices: Callable[[int], str], depth: int) -> str:
        return self._dice.choice(choices)(depth)

    def selector(self, _: int = 0) -> str:
        """An instant selector."""
        name = self._dice.choice(("requests_total", "memory", "info", "seconds_bucket", "nothing"))
        matcher = self._dice.choice(
            (
                "",
                "",
                "",
                '{job="a"}',
                '{job!="a"}',
                '{instance=~"1|2"}',
                '{instance!~"[12]"}',
                '{zone=""}',
                '{job=~".+"}',
            )
        )
        return f"{name}{matcher}{self._modifier()}"

    def _modifier(self) -> str:
        offset = self._dice.choice(("", "", "", "", " offset 1m", " offset 45s", " offset -30s"))
        return offset + self._dice.choice(("", "", "", "", "", " @ 300", " @ end()", " @ start()"))

    def matrix(self, depth: int) -> str:
        """A range of samples."""
        if depth > 0 and self._dice.random() < 0.25:
            step = self._dice.choice(("", "15s", "30s", "1m"))
            return f"({self.vector(depth - 1)})[{self._dice.choice(RANGES[:5])}:{step}]"
        name = self._dice.choice(("requests_total", "memory", "memory", "info"))
        matcher = self._dice.choice(("", "", '{job="a"}', '{instance="2"}'))
        return f"{name}{matcher}[{self._dice.choice(RANGES)}]{self._modifier()}"

    def scalar(self, depth: int) -> str:
        """A number."""
        return self._one(
            lambda _: self._dice.choice(("0", "1", "2", "0.5", "-3", "NaN", "Inf", "100", "1e3")),
            lambda d: f"scalar({self.vector(max(0, d - 1))})",
            lambda _: "time()",
            depth=depth,
        )

    def vector(self, depth: int) -> str:
        """A vector."""
        if depth <= 0:
            return self.selector()
        return self._one(
            self.selector, self._over_time, self._over_time, self._rate, self._rate, self._each, self._with_scalar,
            self._with_vector, self._with_vector, self._set, self._aggregated, self._aggregated, self._other,
            depth=depth,
        )  # fmt: skip

    def _over_time(self, depth: int) -> str:
        if self._dice.random() < 0.15:
            return f"quantile_over_time({self._dice.choice(('0', '0.5', '0.9', '1', '2'))}, {self.matrix(depth)})"
        return f"{self._dice.choice(OVER_TIME)}_over_time({self.matrix(depth)})"

    def _rate(self, depth: int) -> str:
        if self._dice.random() < 0.1:
            return f"predict_linear({self.matrix(depth)}, 60)"
        return f"{self._dice.choice(RATES)}({self.matrix(depth)})"

    def _each(self, depth: int) -> str:
        name, inner = self._dice.choice(EACH), self.vector(depth - 1)
        if name in {"exp", "sin", "cos", "tan"}:  # of huge numbers libm and Go make different things
            inner = f"clamp({inner}, -100, 100)"
        return f"{name}({inner})"

    def _with_scalar(self, depth: int) -> str:
        sides, op = [self.vector(depth - 1), self.scalar(depth - 1)], self._operator()
        if op == "%":  # of what rounding makes a little more or less, a remainder is nothing or everything
            sides = [f"round({sides[0]})", "7"]
        self._dice.shuffle(sides)
        return f"({sides[0]}) {op} ({sides[1]})"

    def _operator(self) -> str:
        op = self._dice.choice(("+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "atan2"))
        return f"{op} bool" if op in {"==", "!=", ">", "<", ">=", "<="} and self._dice.random() < 0.3 else op

    def _with_vector(self, depth: int) -> str:
        matching = self._dice.choice(
            ("", "", "on(job)", "on(job, instance)", "ignoring(zone)", "ignoring(le)", "on(job) group_left(zone)",
             "on(job) group_right(zone)", "on(job) group_left()", "ignoring(instance) group_left()")
        )  # fmt: skip
        sides, op = [self.vector(depth - 1), self.vector(depth - 1)], self._operator()
        if op == "%":
            sides = [f"round({side})" for side in sides]
        return f"({sides[0]}) {op} {matching} ({sides[1]})"

    def _set(self, depth: int) -> str:
        op = self._dice.choice(("and", "or", "unless"))
        matching = self._dice.choice(("", "", "on(job)", "ignoring(instance)", "on()"))
        return f"({self.vector(depth - 1)}) {op} {matching} ({self.vector(depth - 1)})"

    def _aggregated(self, depth: int) -> str:
        by = self._dice.choice(("", "by (job)", "by (job, instance)", "without (instance)", "without ()", "by ()"))
        inner = self.vector(depth - 1)
        chance = self._dice.random()
        if chance < 0.1:
            return f"quantile {by} ({self._dice.choice(('0.1', '0.5', '1.5'))}, {inner})"
        if chance < 0.2:
            # Not of what libm and Go round differently: the values are compared as text.
            return f'count_values {by} ("value", round({self.selector()}))'
        op = self._dice.choice(("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"))
        return f"{op} {by} ({inner})"

    def _other(self, depth: int) -> str:
        inner = self.vector(depth - 1)
        label = self._dice.choice(LABELS)
        return self._dice.choice(
            (
                f"absent({inner})",
                f"timestamp(memory{self._dice.choice(('', ' offset 20s', ' @ 300'))})",
                f"absent_over_time({self.matrix(depth)})",
                f"clamp({inner}, 1, 20)",
                f"clamp_min({inner}, 3)",
                f"clamp_max({inner}, 3)",
                f"round({inner}, 5)",
                f"vector({self.scalar(depth - 1)})",
                f"-({inner})",
                f"histogram_quantile({self._dice.choice(('0', '0.5', '0.99', '1', '-1'))}, {inner})",
                f"histogram_quantile(0.9, sum by (job, le) (rate(seconds_bucket[{self._dice.choice(RANGES)}])))",
                f'label_replace({inner}, "new", "$1-x", "{label}", "(.*)")',
                f'label_join({inner}, "{label}", "-", "job", "instance")',
                f"topk(2, {self._dice.choice(('memory', 'sum by (instance) (memory)'))})",
            )
        )

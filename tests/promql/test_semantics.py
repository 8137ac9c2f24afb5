"""What the facts about Prometheus 3.5 say, case by case."""

import math

import pytest

from streamwatch.core.errors import EvaluationError, QueryError
from streamwatch.model.labels import Labels
from streamwatch.promql.evaluate import Options, evaluate, evaluate_range
from streamwatch.promql.numbers import written
from streamwatch.promql.parse import parse
from tests.promql.memory import Memory
from tests.promql.test_columns import columns

MEMORY = Memory(
    {
        'up{job="a",instance="1"}': "1 1 1 0 stale",
        'up{job="a",instance="2"}': "1 1 _ _ _",
        'up{job="b",instance="1"}': "0 0 0 0 0",
        'total{job="a"}': "0 10 20 5 15",
        'total{job="b"}': "5 5 5 5 5",
        'info{job="a",zone="x"}': "1 1 1 1 1",
        'odd{job="a"}': "NaN 1 NaN +Inf 2",
    }
)
END = 60_000


def shown(expression: str, at: int = END) -> dict[str, float]:
    value = evaluate(parse(expression), MEMORY, at, Options(step_ms=15_000))
    if isinstance(value, float):
        return {"": value}
    assert isinstance(value, list)
    return {str(labels): one for labels, one in value}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # A stale marker ends a series; a gap does not.
        ("up", {'up{instance="2", job="a"}': 1, 'up{instance="1", job="b"}': 0}),
        ('up{instance="1"} offset 15s', {'up{instance="1", job="a"}': 0, 'up{instance="1", job="b"}': 0}),
        ('up{zone=""} @ 0', {'up{instance="1", job="a"}': 1, 'up{instance="2", job="a"}': 1,
                             'up{instance="1", job="b"}': 0}),
        # Ranges are open to the left, and skip stale markers.
        ("count_over_time(up[1m])", {'{instance="1", job="a"}': 3, '{instance="2", job="a"}': 1,
                                     '{instance="1", job="b"}': 4}),
        ('last_over_time(up{job="a",instance="1"}[1m])', {'up{instance="1", job="a"}': 0}),
        # A reset adds what was there before; both ends are within a step of the range's.
        ('increase(total{job="a"}[1m])', {'{job="a"}': 33.333333333333336}),
        ('resets(total{job="a"}[2m])', {'{job="a"}': 1}),
        ("rate(total[15s])", {}),
        # NaN is a value like others; minimum and maximum look past it.
        ("min_over_time(odd[1m])", {'{job="a"}': 1}),
        ("count_over_time(odd[2m]) > 4", {'{job="a"}': 5}),
        # A comparison keeps the vector's value, whichever side it is on.
        ("3 < total", {'total{job="a"}': 15, 'total{job="b"}': 5}),
        ("total > bool 10", {'{job="a"}': 1, '{job="b"}': 0}),
        ("-1 ^ 2", {"": -1}),
        ("1 / 0", {"": math.inf}),
        ("-7 % 3", {"": -1}),
        # Aggregations of nothing are nothing.
        ("count(nothing)", {}),
        ("sum by (job) (up)", {'{job="a"}': 1, '{job="b"}': 0}),
        ("sum without (instance) (up)", {'{job="a"}': 1, '{job="b"}': 0}),
        ("topk(1, total)", {'total{job="a"}': 15}),
        ("topk(0, total)", {}),
        ('count_values("v", up)', {'{v="1"}': 1, '{v="0"}': 1}),
        # Matching.
        ("total * on (job) group_left (zone) info", {'{job="a", zone="x"}': 15}),
        ("up and on (job) info", {'up{instance="2", job="a"}': 1}),
        ("up unless on (job) info", {'up{instance="1", job="b"}': 0}),
        ("info or total", {'info{job="a", zone="x"}': 1, 'total{job="a"}': 15, 'total{job="b"}': 5}),
        ("up @ -5", {}),
        ("total - total @ 0x1e", {'{job="a"}': -5, '{job="b"}': 0}),
        ('sum by (job) (up{job=~`a|b`, instance!~"2"} @ 1m)', {'{job="b"}': 0}),
        ("1_000 + 1_0.5e1", {"": 1105}),
        # What is not there.
        ('absent(nothing{job="a", zone=~"x", le!="1"})', {'{job="a"}': 1}),
        ("absent(up)", {}),
        ('absent_over_time(nothing{job="a"}[1m])', {'{job="a"}': 1}),
        # Subqueries stand on multiples of their step.
        ('max_over_time(total{job="a"}[1m:20s])', {'{job="a"}': 20}),
        ("time()", {"": 60}),
        ("timestamp(total)", {'{job="a"}': 60, '{job="b"}': 60}),
        ("timestamp(total offset 20s)", {'{job="a"}': 30, '{job="b"}': 30}),
        ("scalar(total)", {"": math.nan}),
        ('label_replace(info, "zone", "$1-$1", "zone", "(.)")', {'info{job="a", zone="x-x"}': 1}),
        ('label_join(info, "all", "/", "job", "zone")', {'info{all="a/x", job="a", zone="x"}': 1}),
    ],
)  # fmt: skip
def test_an_expression_is_what_prometheus_makes_of_it(expression: str, expected: dict[str, float]) -> None:
    assert shown(expression) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("up * on (job) total", "many-to-one matching must be explicit"),
        ("total * on (job) up", "duplicate series for the match group"),
        ("{__name__=~'odd|total'} * 2", "same labelset"),
        ("topk(NaN, up)", "NaN"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error(expression: str, why: str) -> None:
    with pytest.raises(EvaluationError, match=why):
        shown(expression, 15_000)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("sum(", "parenthesis"),
        ("histogram_avg(up)", "native histograms"),
        ("mad_over_time(up[5m])", "experimental"),
        ("limitk(2, up)", "experimental|invalid"),
        ('up{a=~"x*+"}', "RE2"),
        ('up{a="1" or b="2"}', "matchers"),
        ("up @ NaN", "out of bounds"),
        ("up @ 1e400", "out of bounds"),
        ("up > 1e400", "1:6: the number 1e400 is out of range: write Inf"),
        ("-1.8E308", "out of range"),
        ("9" * 400, "out of range"),
        ("up[293y]", "out of range"),
        ("up offset 1e30", "out of range"),
        ("up offset 0x7fffffffffffffff", "out of range"),
        ("count_over_time(up[1m:1e-9])", "less than a millisecond"),
        ('{job=~".*"}', "at least one non-empty matcher"),
        ('up{a=~"' + "(a{100}){100}" * 10 + '"}', "RE2"),
        ("{" + ",".join(['a=~"a{1000}"'] * 200) + "}", "too large, all together"),
        ('label_replace(up, "9", "", "a", "b")', "no label"),
        ('label_replace(up, "a", "", "a", "(")', "RE2"),
        ('count_values("a-b", up)', "no label"),
        ("(" * 200 + "up" + ")" * 200, "^1:101: .* nested deeper"),
        ("(" * 30_000, "^1:101: .* nested deeper"),
        ("1 +\n" + "^".join(["1"] * 1000), "^2:200: .* nested deeper"),
        ("-" * 1000 + "1", "^1:101: .* nested deeper"),
        ("abs(" * 1000 + "up" + ")" * 1000, "nested deeper"),
        ("max_over_time(" * 100 + "up" + "[5m:])" * 100, "nested deeper|more than 300"),
        ("label_join(up, 'a', 'b'" + ", ('c')" * 400 + ")", "^1:.* more than 300 operators and brackets"),
        ("up + " * 20_000 + "up", "longer than"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_by_name(expression: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        parse(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 / min_over_time(zero[2m])", [math.inf, -math.inf]),
        ("1 / max_over_time(zero[2m])", [math.inf, -math.inf]),
        ("1 / clamp(zero, 0, 5)", [math.inf, math.inf]),
        ("1 / clamp(zero, -0, 5)", [-math.inf, math.inf]),
        ("1 / clamp(zero, -5, -0)", [-math.inf, -math.inf]),
        ("1 / clamp_max(zero, 0)", [-math.inf, math.inf]),
        ("zero ^ 0.5 == bool 0", [1, 1]),
        ("1 / zero ^ 0.5", [math.inf, math.inf]),
        ("(1 / zero) ^ 0.5", [math.inf, math.inf]),
    ],
)
def test_zeros_and_infinities_have_the_signs_of_go(expression: str, expected: list[float]) -> None:
    # Many together, too: numpy goes another way there.
    written = {f'zero{{a="{at:02}"}}': ("0 0 0 0 -0" if at % 2 == 0 else "-0 0 0 0 0") for at in range(16)}
    for querier in (Memory(written), columns(written)):
        found = evaluate(parse(expression), querier, END)
        assert isinstance(found, list)
        by_series = [value for _, value in sorted(found)]
        assert by_series == expected * 8, type(querier)


def test_a_hostile_expression_is_bounded() -> None:
    with pytest.raises(EvaluationError, match="more than 10 samples"):
        evaluate(parse("count_over_time(up[1h:15s])"), MEMORY, END, Options(most_samples=10, step_ms=15_000))
    with pytest.raises(EvaluationError, match="steps"):
        shown("count_over_time(up[10y:1s])")


def test_a_range_query_is_one_instant_after_the_other() -> None:
    found = evaluate_range(parse('total{job="a"} - total{job="a"} @ start()'), MEMORY, 15_000, 60_000, 15_000)

    ((labels, (times, values)),) = found.items()
    assert labels == Labels({"job": "a"})
    assert list(zip(times, values, strict=True)) == [(15_000, 0), (30_000, 10), (45_000, -5), (60_000, 5)]
    with pytest.raises(EvaluationError, match="at most"):
        evaluate_range(parse("up"), MEMORY, 0, 10**9, 10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"), (0.1, "0.1"), (-0.0, "-0"), (1e21, "1000000000000000000000"), (1.5e-7, "0.00000015"),
        (123456.789, "123456.789"), (-2.5, "-2.5"), (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"),
        (1e16, "10000000000000000"), (12345678901234567.0, "12345678901234568"), (5e-324, "0." + "0" * 323 + "5"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert written(value) == text

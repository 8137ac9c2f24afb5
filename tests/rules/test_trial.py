"""Rules evaluated once over series as there may be."""

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.promql.evaluate import Evaluation
from streamwatch.rules.config import Config
from streamwatch.rules.load import load, read
from streamwatch.rules.trial import trial


def tried(rule: str) -> list[str]:
    groups, mistakes = read(f"groups:\n- name: g\n  rules:\n  - {rule}\n", "x.yml")
    assert mistakes == []
    return trial(groups, METRICS, ManualClock())


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("{alert: A, expr: 'topk(NaN, up) > 0'}", "the number of elements is NaN"),
        (
            "{alert: A, expr: up >= 0, annotations: {summary: '{{ humanize \"x\" }}'}}",
            "summary: <error expanding template",
        ),
    ],
)
def test_what_can_only_fail_is_found(rule: str, why: str) -> None:
    (found,) = tried(rule)
    assert found.startswith("x.yml:4: group 'g', rule 'A': over typical series: ")
    assert why in found


@pytest.mark.parametrize(
    "rule",
    [
        "{alert: A, expr: 'round(up, Inf) > 0'}",
        "{alert: A, expr: 'histogram_quantile(0, rate(x_bucket[1m])) > 1'}",
        "{alert: A, expr: 'up * on (job) x', annotations: {summary: '{{ query \"y\" | first | value }}'}}",
        "{alert: A, expr: 'absent(up{job=~\"a|b\"})'}",
        "{record: a, expr: 'stddev_over_time(x[1m]) / sqrt(y) ^ z % 0'}",
    ],
)
def test_what_other_data_would_let_pass_is_none_of_it(rule: str) -> None:
    assert tried(rule) == []


def test_the_rules_that_come_with_streamwatch_fail_nowhere() -> None:
    assert trial(load(Config().paths()), METRICS, ManualClock()) == []


def test_a_fault_of_the_engine_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> float:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Evaluation, "_newest", broken)
    (found,) = tried("{alert: A, expr: up > 0}")
    assert found.endswith("the engine failed: ZeroDivisionError: division by zero: please report this")

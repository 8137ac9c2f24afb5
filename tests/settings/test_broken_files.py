"""Broken files of every kind: each mistake says file, line and what to do; configuration, rules and tests of rules."""

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatch.agent import config
from streamwatch.core.errors import ConfigError, RuleError
from streamwatch.rules import load, unit

CLUSTER = "kafka:\n- name: a\n  bootstrap: ['h:1']\n"
GROUP = "groups:\n- name: g\n  rules:\n"
TEST = "rule_files: []\ntests:\n- name: t\n"


def configuration(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, "x.yml", Path())
    return caught.value.mistakes


def rules(text: str) -> list[str]:
    return load.read(text, "x.yml")[1]


def rule_tests(text: str) -> list[str]:
    with pytest.raises(RuleError) as caught:
        unit.read(text, "x.yml")
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("read", "text", "mistakes"),
    [
        (configuration, CLUSTER + "  interval: 5\n", ["4: kafka[0].interval: '5' has no unit: write '5s'"]),
        (
            configuration,
            CLUSTER + "  intervall: 5s\n  sasl: {mechanism: PLAIN, username: *me}\n",
            ["5: not YAML: found undefined alias '...': put text with special characters in single quotes"],
        ),
        (
            configuration,
            CLUSTER + "  intervall: 5s\n  max_series: lots\n",
            [
                "4: kafka[0]: unknown key 'intervall': did you mean 'interval'?",
                "5: kafka[0].max_series: 'lots' is not a whole number",
            ],
        ),
        (
            configuration,
            CLUSTER + "notify:\n  routes:\n  - {match: ['a=b'], channels: [log], go_on: true}\n",
            [
                "6: notify.routes[0]: 'match' is called 'matchers' now: rename it",
                "6: notify.routes[0]: 'go_on' is called 'continue' now: rename it",
            ],
        ),
        (
            configuration,
            CLUSTER + "notify:\n  log: [{name: log}]\n  routes:\n  - matchers: ['severity']\n    channels: [page]\n",
            [
                "7: notify.routes[0].matchers: 'severity' is no condition on a label: write it like ",
                "8: notify.routes[0].channels: no channel is called 'page': there are 'log'",
            ],
        ),
        (configuration, CLUSTER + "---\nlisten: {}\n", ["5: a second document, which nobody reads: remove it"]),
        (
            configuration,
            CLUSTER + "listen: 9308\n",
            ["4: listen: '9308' is not a mapping: allowed keys are address, tls, basic_auth, reload"],
        ),
        (
            configuration,
            "kafka:\n- {<<: x, name: a}\n",
            ["2: kafka[0]: `<<` stands for a mapping: write '<<: *anchor'"],
        ),
        (rules, GROUP + "  - {alert: A, expr: 'up =='}\n", ["4: group 'g', rule 'A': expr: "]),
        (
            rules,
            GROUP + "  - alert: A\n    expr: up\n    for: 5\n    anotations: {}\n",
            [
                "6: group 'g', rule 'A': for: '5' is no duration: write 5s or 5m",
                "7: group 'g', rule 'A': unknown key 'anotations': did you mean 'annotations'?",
            ],
        ),
        (
            rules,
            GROUP + "  - {alert: A, record: b, expr: up}\n  - {alert: B}\n",
            [
                "4: group 'g', rule 'A': a rule is either `alert: NAME` or `record: NAME`",
                "5: group 'g', rule 'B': 'expr' is missing: the expression that is evaluated",
            ],
        ),
        (
            rules,
            GROUP + "  - alert: A\n    expr: up\n    annotations:\n      summary: '{{ $label }}'\n",
            ["7: group 'g', rule 'A': annotations.summary: not a template: "],
        ),
        (
            rules,
            GROUP + "  - {record: r, expr: up, for: 1m}\n",
            ["4: group 'g', rule 'r': for: `for` is for alerts: remove it from what is recorded"],
        ),
        (
            rules,
            GROUP + "  - {alert: A, expr: up}\n  - {alert: A, expr: up}\n- name: g\n",
            [
                "5: group 'g': rules[1]: the same rule twice: remove one",
                "6: groups[1]: a second group 'g' in this file: names must differ",
            ],
        ),
        (
            rules,
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec:\n  group: []\n",
            ["4: spec: unknown key 'group': did you mean 'groups'?"],
        ),
        (
            rules,
            GROUP + "  - {alert: A, expr: 'up[5m]', labels: {a-b: c}}\n",
            [
                "4: group 'g', rule 'A': expr: a rule needs a vector or a number: write ",
                "4: group 'g', rule 'A': labels: 'a-b' is no name of a label: write letters, digits and _",
            ],
        ),
        (
            rule_tests,
            TEST + "  input_series:\n  - {series: 'm{a=~\"b\"}', values: '1 x'}\n",
            [
                '5: tests[0].input_series[0].series: \'m{a=~"b"}\' is no series: write name{label="value"}',
                "5: tests[0].input_series[0].values: 'x' is no value: write 1, 1+2x3, _, _x3, stale, NaN or Inf",
            ],
        ),
        (
            rule_tests,
            TEST + "  alert_rule_test:\n  - {eval_time: 1m}\n",
            ["5: tests[0].alert_rule_test[0]: 'alertname' is missing: the alert's name"],
        ),
        (
            rule_tests,
            TEST + "  alert_rule_test:\n  - alertname: A\n    exp_alerts:\n    - exp_label: {a: b}\n",
            ["7: tests[0].alert_rule_test[0].exp_alerts[0]: unknown key 'exp_label': did you mean 'exp_labels'?"],
        ),
        (
            rule_tests,
            TEST + "  promql_expr_test:\n  - expr: up\n    eval_time: soon\n  - exp_samples: 5\n",
            [
                "6: tests[0].promql_expr_test[0].eval_time: ",
                "7: tests[0].promql_expr_test[1].exp_samples: '5' is not a list: write '[...]' or one '- ...' a line",
            ],
        ),
        (rule_tests, "rule_file: [a.yml]\n", ["1: unknown key 'rule_file': did you mean 'rule_files'?"]),
        (rule_tests, "tests: [\n", ["2: not YAML: "]),
    ],
)
def test_a_broken_file_is_told_with_its_line_and_what_to_do(
    read: Callable[[str], list[str]], text: str, mistakes: list[str]
) -> None:
    found = read(text)
    assert [mistake[: len(f"x.yml:{start}")] for mistake, start in zip(found, mistakes, strict=True)] == [
        f"x.yml:{start}" for start in mistakes
    ]

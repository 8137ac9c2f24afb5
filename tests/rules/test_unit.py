"""promtool's test files, without promtool; tests/real/test_rules.py compares the verdicts."""

import math
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.cli.rules import query, rules
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import QueryError, RuleError
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.series import is_stale
from streamwatch.rules.config import pack_folder
from streamwatch.rules.notation import labels, values
from streamwatch.rules.unit import read, run
from tests.rules import manifests

RULE = "{alert: A, expr: 'm > 1', for: 1m, labels: {severity: critical}, annotations: {summary: 'm: {{ $value }}'}}"
RULES = f"groups: [{{name: g, rules: [{RULE}]}}]"
TEST = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - name: %s
    interval: 1m
    input_series: [{series: 'm{a="b"}', values: '0 2x5'}]
    alert_rule_test:
      - {eval_time: 1m, alertname: A}
      - eval_time: 2m
        alertname: A
        exp_alerts: [{exp_labels: {a: b, severity: critical}, exp_annotations: {summary: "m: %s"}}]
    promql_expr_test:
      - {expr: 'm * 2', eval_time: 3m, exp_samples: [{labels: '{a="b"}', value: 4}]}
"""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1 2.5 -3e2", [1.0, 2.5, -300.0]),
        ("0x2", [0.0, 0.0, 0.0]),
        ("1+2x3", [1.0, 3.0, 5.0, 7.0]),
        ("5-1.5x2", [5.0, 3.5, 2.0]),
        ("7x2 _ _x2", [7.0, 7.0, 7.0, None, None, None]),
        ("Inf -Inf", [math.inf, -math.inf]),
        ("", []),
    ],
)
def test_values_are_read(text: str, meant: list[float | None]) -> None:
    assert values(text) == meant


def test_what_is_no_value_is_told() -> None:
    assert [value is not None and is_stale(value) for value in values("1 stale NaN")] == [False, True, False]
    for text in ("x", "1+x3", "1x", "__"):
        with pytest.raises(RuleError, match="is no value"):
            values(text)


def test_a_series_is_read() -> None:
    assert labels('m{a="b", c="d,e"}') == Labels({NAME: "m", "a": "b", "c": "d,e"})
    assert labels("{}") == Labels()
    with pytest.raises(RuleError, match="no series"):
        labels('m{a=~"b"}')
    with pytest.raises(QueryError):
        labels("m{")


def test_a_file_passes_or_says_what_differs(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "good.yml").write_text(TEST % ("good", "2"))
    (tmp_path / "bad.yml").write_text(TEST % ("bad", "3"))
    assert [(one.name, one.failures) for one in run(tmp_path / "good.yml", ManualClock())] == [("good", ())]
    (verdict,) = run(tmp_path / "bad.yml", ManualClock())
    (failure,) = verdict.failures
    assert failure.splitlines() == [
        "alertname: A, time: 120s",
        '  exp: {a="b", alertname="A", severity="critical"} {\'summary\': \'m: 3\'}',
        '  got: {a="b", alertname="A", severity="critical"} {\'summary\': \'m: 2\'}',
    ]


@pytest.mark.parametrize(
    "pattern", ["{folder}/rules.yml", "{folder}/r*.yml", "rules.yml", "../*/r?les.yml", "[r]ules.yml"]
)
def test_rule_files_are_found_as_promtool_finds_them(tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "rules.yml").write_text(manifests.wrapped(RULES))
    text = (TEST % ("good", "2")).replace("rules.yml", f"'{pattern.format(folder=folder)}'")
    (folder / "test.yml").write_text(text)
    (verdict,) = run(folder / "test.yml", ManualClock())
    assert verdict.failures == ()


@pytest.mark.parametrize("pattern", ["/no/such/file.yml", "/no/such/*.yml", "no*.yml", "**", "[", "a\\0b", ""])
def test_a_test_without_its_rules_says_so(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "test.yml").write_text((TEST % ("good", "2")).replace("rules.yml", f'"{pattern}"'))
    with pytest.raises(RuleError):
        run(tmp_path / "test.yml", ManualClock())


def test_a_folder_with_signs_of_patterns_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "[a]*"
    folder.mkdir()
    (folder / "rules.yml").write_text(RULES)
    (folder / "test.yml").write_text((TEST % ("good", "2")).replace("rules.yml", "r*.yml"))
    assert [one.failures for one in run(folder / "test.yml", ManualClock())] == [()]


def test_the_commands_say_so_too(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "good.yml").write_text(TEST % ("good", "2"))
    (tmp_path / "bad.yml").write_text(TEST % ("bad", "3"))
    good = CliRunner().invoke(rules, ["test", str(tmp_path / "good.yml")])
    assert (good.exit_code, good.output.endswith("SUCCESS: 1 of 1 tests\n")) == (0, True)
    bad = CliRunner().invoke(rules, ["test", str(tmp_path / "bad.yml"), str(tmp_path / "none.yml")])
    assert bad.exit_code == 1
    assert "FAILED: 0 of 1 tests" in bad.output
    assert "none.yml: FAILED: " in bad.output
    checked = CliRunner().invoke(rules, ["check", str(tmp_path / "rules.yml")])
    assert (checked.exit_code, checked.output) == (0, "1 file, 1 rule: fine\n")
    (tmp_path / "rules.yml").write_text(RULES.replace("m > 1", "kafka_nothing > 1"))
    doubtful = CliRunner().invoke(rules, ["check", "--strict", str(tmp_path / "rules.yml")])
    assert doubtful.exit_code == 1
    assert "doubtful: " in doubtful.output
    (tmp_path / "rules.yml").write_text(RULES.replace("m > 1", "m >"))
    broken = CliRunner().invoke(rules, ["check", str(tmp_path / "rules.yml")])
    assert broken.exit_code == 1
    assert "rules.yml:1: group 'g', rule 'A'" in broken.output


def test_some_of_the_packs_own_tests_pass_here_as_they_do_with_promtool() -> None:
    for name in ("brokers", "rolling-restart", "without-parameters"):
        verdicts = run(pack_folder() / "tests" / f"{name}.yml", ManualClock())
        assert [one for one in verdicts if one.failures] == []


def test_a_query_of_nobody_says_what_to_do() -> None:
    answer = CliRunner().invoke(query, ["up", "--url", "http://127.0.0.1:1"])
    assert answer.exit_code == 1
    assert "is the agent running there?" in answer.output


@pytest.mark.parametrize("text", ["tests: " + "[" * 30_000, "tests: {? [a]: 1}", "\x01", "tests: [x]", "rules: []"])
def test_what_is_no_test_file_is_a_failure(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yml").write_text(text)
    with pytest.raises(RuleError, match=r"bad\.yml:1: "):
        run(tmp_path / "bad.yml", ManualClock())


def test_whatever_stands_there_as_a_name_is_one() -> None:
    assert [test.name for test in read("tests: [{name: 2026-13-45}, {name: 5}, {}]", "x.yml").tests] == [
        "2026-13-45", "5", None,
    ]  # fmt: skip

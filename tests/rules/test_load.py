"""Rule files, read strictly."""

from pathlib import Path

import pytest

from streamwatch.agent import config
from streamwatch.agent.alerting import groups
from streamwatch.core.errors import RuleError
from streamwatch.rules.config import Config
from streamwatch.rules.load import load, read
from streamwatch.rules.runbooks import linked
from streamwatch.rules.severities import renamed
from tests.rules import manifests

GOOD = """
groups:
  - name: brokers
    interval: 30s
    query_offset: 1m
    limit: 10
    labels: {team: streams, severity: info}
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: Down
        expr: |
          up == 0
        for: 1m30s
        keep_firing_for: 5m
        labels: {severity: critical}
        annotations:
          summary: "{{ $labels.instance }} is down: {{ $value | humanize }}"
"""


def test_a_file_is_read_whole() -> None:
    groups, mistakes = read(GOOD, "x.yml")
    assert mistakes == []
    (group,) = groups
    assert (group.name, group.file, group.interval_seconds, group.query_offset_seconds, group.limit) == (
        "brokers", "x.yml", 30.0, 60.0, 10,
    )  # fmt: skip
    record, alert = group.rules
    labels = (("severity", "info"), ("team", "streams"))
    assert (record.name, record.alert, record.labels) == ("job:up:sum", False, labels)
    assert (alert.name, alert.for_seconds, alert.keep_firing_seconds) == ("Down", 90.0, 300.0)
    assert alert.labels == (("severity", "critical"), ("team", "streams"))
    assert alert.where == "x.yml:11"


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ("{alert: A, expr: up, foo: 1}", "unknown key 'foo': allowed are record, alert"),
        ("{alert: A, record: b, expr: up}", "either"),
        ("{expr: up}", "either"),
        ("{alert: A}", "'expr' is missing"),
        ("{alert: A, expr: 'up ='}", "rule 'A': expr: "),
        ("{alert: A, expr: 'up[5m]'}", "needs a vector"),
        ("{alert: A, expr: 'histogram_count(up)'}", "native histograms"),
        ("{alert: A, expr: 'sort_by_label(up, \"a\")'}", "experimental"),
        ("{alert: A, expr: '{a=~\"(\"}'}", "rule 'A'"),
        ("{alert: A, expr: 'up @ 1e400'}", "out of bounds"),
        ("{alert: A, expr: up, for: 5}", "no duration"),
        ("{alert: A, expr: up, for: [1]}", "a single value is wanted"),
        ("{record: a, expr: up, for: 5m}", "`for` is for alerts"),
        ("{record: a, expr: up, annotations: {a: b}}", "`annotations` is for alerts"),
        ("{record: 'a b', expr: up}", "no name of a metric"),
        ("{alert: A, expr: up, labels: {'a-b': x}}", "no name of a label"),
        ("{alert: A, expr: up, labels: {__name__: x}}", "no name of a label"),
        ("{alert: A, expr: up, labels: {a: x, a: y}}", "comes twice"),
        ("{alert: A, expr: up, annotations: {a: '{{ .X'}}", "not a template"),
        ("{alert: A, expr: up, annotations: {a: '{{ $label }}'}}", "undefined variable"),
        (
            "{alert: A, expr: up, annotations: {a: '{{ toTime 1 }}'}}",
            "toTime: a function that StreamWatch",
        ),
        ("x", "is not a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_place(rule: str, mistake: str) -> None:
    _, mistakes = read(f"groups:\n- name: g\n  rules:\n  - {rule}\n", "x.yml")
    assert len(mistakes) == 1
    assert mistakes[0].startswith("x.yml:4: group 'g'")
    assert mistake in mistakes[0]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("groups: [{name: g}, {name: g}]", "a second group 'g'"),
        ("groups: [{}]", "groups[0]: 'name' is missing"),
        ("group: []", "unknown key 'group': did you mean 'groups'?"),
        ("groups: 3", "is not a list"),
        ("groups: [", "not YAML"),
        ("groups: []\n---\ngroups: []", "second document"),
        ("groups: [{name: g, limit: x}]", "'x' is no number"),
        ("groups:\n- name: g\n  rules:\n  - {alert: A, expr: up}\n  - {alert: A, expr: up}\n", "the same rule twice"),
        ('groups: [{name: "\x01"}]', "not YAML"),
    ],
)
def test_so_is_one_of_the_file(text: str, mistake: str) -> None:
    assert mistake in "\n".join(read(text, "x.yml")[1])


def test_every_mistake_in_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("groups:\n- name: g\n  rules:\n  - {alert: A, expr: ')'}\n  - {expr: up}\n")
    (tmp_path / "b.yml").write_bytes(b"\xff")
    with pytest.raises(RuleError) as caught:
        load([tmp_path / "a.yml", tmp_path / "b.yml", tmp_path / "none.yml"])
    assert [mistake.split(": ")[0].rpartition("/")[2] for mistake in caught.value.mistakes] == [
        "a.yml:4", "a.yml:5", "b.yml", "none.yml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 30_000,
        "{a: " * 30_000,
        "- " * 30_000 + "a",
        "? " * 30_000,
        "groups: " + "[" * 30_000 + "]" * 30_000,
        "".join(" " * at + "a:\n" for at in range(1500)),
        "groups:\n- name: g\n  rules: " + "[[{a: " * 30_000,
    ],
)
def test_a_file_that_is_nested_deeply_is_refused(bomb: str) -> None:
    assert [one.rpartition("nested ")[2] for one in read(bomb, "x.yml")[1]] == [
        "deeper than 100: is this the right file?"
    ]


def test_a_mapping_that_is_merged_is_read_as_prometheus_does() -> None:
    text = """
groups:
- name: g
  rules:
  - &first {alert: A, expr: up, for: 5m, labels: &labels {severity: warning, team: data}}
  - {<<: *first, alert: B, labels: {team: web, <<: *labels, of: b}}
  - {alert: C, <<: [{expr: vector(1)}, *first]}
"""
    (group,), mistakes = read(text, "x.yml")
    assert not mistakes
    assert [(rule.name, rule.text, rule.for_seconds, dict(rule.labels)) for rule in group.rules] == [
        ("A", "up", 300.0, {"severity": "warning", "team": "data"}),
        ("B", "up", 300.0, {"severity": "warning", "team": "web", "of": "b"}),
        ("C", "vector(1)", 300.0, {"severity": "warning", "team": "data"}),
    ]


def test_a_bomb_of_merges_is_refused() -> None:
    layers = "".join(f"  - &l{at} {{<<: [{', '.join([f'*l{at - 1}'] * 100)}]}}\n" for at in range(1, 9))
    for text in (
        f"groups:\n- name: g\n  rules:\n  - &l0 {{alert: A, expr: up}}\n{layers}",
        "groups:\n- &g {name: g, <<: *g}\n",
        "groups:\n- {name: g, <<: 5}\n",
    ):
        assert any("`<<`" in one for one in read(text, "x.yml")[1])


def test_a_bomb_of_aliases_is_refused() -> None:
    rule = f"{{alert: A, expr: up, annotations: {{text: {'x' * 12_800}}}}}"
    bomb = f"groups:\n- {{name: g, rules: &some [&one {rule}{', *one' * 39}]}}\n"
    bomb += "".join(f"- {{name: g{at}, rules: *some}}\n" for at in range(500))
    assert len(bomb) < 40_000, "and 20,000 rules, of 256 MB"
    assert read(bomb, "x.yml")[1] == ["x.yml: more than 200000 values: do its anchors multiply?"]


@pytest.mark.parametrize(("text", "names"), manifests.GOOD.values(), ids=manifests.GOOD)
def test_manifests_for_the_operator_are_read(text: str, names: list[tuple[str, str]]) -> None:
    found, mistakes = read(text, "x.yml")
    assert mistakes == []
    assert [(group.file, group.name) for group in found] == names


@pytest.mark.parametrize(("text", "told"), manifests.BAD.values(), ids=manifests.BAD)
def test_what_is_wrong_in_one_is_told_with_its_line(text: str, told: str) -> None:
    (mistake,) = read(text, "x.yml")[1]
    line, _, what = told.partition(": ")
    assert mistake.startswith(f"x.yml:{line}: ")
    assert what in mistake


def test_a_rule_of_a_manifest_is_as_of_a_file() -> None:
    ((plain,), _), ((ours,), mistakes) = read(GOOD, "x.yml"), read(manifests.wrapped(GOOD), "x.yml")
    assert mistakes == []
    assert ours == plain
    lines = [int(rule.where.rpartition(":")[2]) for rule in (*plain.rules, *ours.rules)]
    assert lines[2:] == [line + manifests.HEAD.count("\n") - 1 for line in lines[:2]]


def test_a_bomb_of_lists_is_refused() -> None:
    assert read("&a\napiVersion: v1\nkind: List\nitems: [*a]\n", "x.yml")[1]
    layers = "".join(f"- &l{at} {{kind: List, items: [*l{at - 1}, *l{at - 1}]}}\n" for at in range(1, 9))
    assert read(f"apiVersion: v1\nkind: List\nitems:\n- &l0 {{kind: List}}\n{layers}", "x.yml")[1]


def test_severities_have_the_names_that_are_given(tmp_path: Path) -> None:
    text = "groups:\n- name: g\n  rules:\n"
    for name in ("P1", "P2", "info"):
        text += f"  - {{alert: {name}, expr: up, labels: {{severity: {name}, team: P1}}}}\n"
    (tmp_path / "x.yml").write_text(f"{text}  - {{record: r, expr: up, labels: {{severity: P1}}}}\n")
    text = "kafka: [{name: k, bootstrap: ['h:1']}]\n"
    text += "rules: {pack: false, files: ['*.yml'], severities: {P1: critical, P2: P1}}\n"
    (group,) = groups(config.parse(text, "c.yaml", tmp_path).rules)
    assert [dict(rule.labels)["severity"] for rule in group.rules] == ["critical", "P1", "info", "P1"]
    assert {dict(rule.labels).get("team") for rule in group.rules} == {"P1", None}
    assert renamed([group], {}) == (group,)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("/runbooks/A", "http://h:1/x/runbooks/A"),
        ("https://wiki/A", "https://wiki/A"),
        ("//wiki/A", "//wiki/A"),
        ("docs/A.md", "docs/A.md"),
        ("{{ $labels.a }}", "{{ $labels.a }}"),
    ],
)
def test_a_runbook_that_is_a_path_gets_an_address(given: str, meant: str) -> None:
    text = f"groups: [{{name: g, rules: [{{alert: A, expr: up, annotations: {{runbook_url: '{given}', a: /b}}}}]}}]"
    (group,) = linked(read(text, "x.yml")[0], "http://h:1/x/")
    assert dict(group.rules[0].annotations) == {"runbook_url": meant, "a": "/b"}


@pytest.mark.parametrize("name", ["no\0thing.yml", "x" * 5000, "", "**x*.yml", "[*", "no*.yml"])
def test_a_path_that_is_none_is_a_mistake(tmp_path: Path, name: str) -> None:
    with pytest.raises(RuleError):
        load(Config(pack=False, files=(str(tmp_path / name),)).paths())

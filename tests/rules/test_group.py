"""A group under evaluation."""

import gc
from weakref import ref

from streamwatch.core.clock import ManualClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Value
from streamwatch.rules.api import alerts, groups
from streamwatch.rules.group import GroupState
from streamwatch.rules.load import read
from streamwatch.samples.history import History


def made(rules: str, **fields: object) -> GroupState:
    head = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    found, mistakes = read(f"groups:\n  - name: g\n{head}    rules:\n{rules}", "x.yml")
    assert mistakes == []
    return GroupState(found[0], ManualClock())


def told(history: History, at: int, **values: float) -> None:
    history.record("x", [(Labels({NAME: "m", "a": name}), value) for name, value in values.items()], at * 1000)


def asked(history: History, expression: str, at: int) -> Value:
    return evaluate(parse(expression), history, at * 1000)


def test_what_is_recorded_is_read_by_the_next_rule() -> None:
    group = made("      - {record: 'm:sum', expr: sum(m), labels: {x: y}}\n      - {alert: A, expr: 'm:sum > 2'}\n")
    history = History()
    told(history, 0, one=1.0, two=2.0)
    group.evaluate(history, 0)
    assert asked(history, "m:sum", 0) == [(Labels({NAME: "m:sum", "x": "y"}), 3.0)]
    assert [alert.state for alert in group.rules[1].alerts] == ["firing"]


def test_alerts_are_series() -> None:
    group, history = made("      - {alert: A, expr: m > 1, for: 30s, labels: {severity: critical}}\n"), History()
    told(history, 0, one=2.0)
    group.evaluate(history, 0)
    labels = Labels({NAME: "ALERTS", "alertname": "A", "a": "one", "severity": "critical", "alertstate": "pending"})
    assert asked(history, "ALERTS", 0) == [(labels, 1.0)]
    told(history, 30, one=2.0)
    group.evaluate(history, 30_000)
    assert asked(history, "ALERTS", 30) == [(labels.updated({"alertstate": "firing"}), 1.0)]
    assert asked(history, "ALERTS_FOR_STATE * 1", 30) == [(labels.without([NAME, "alertstate"]), 0.0)]
    told(history, 60, one=0.0)
    group.evaluate(history, 60_000)
    assert asked(history, "ALERTS", 60) == []


def test_an_error_keeps_the_alerts_and_is_the_rules_own() -> None:
    rules = "      - {alert: A, expr: 'm > on () group_left () n'}\n      - {alert: B, expr: m > 1}\n"
    group, history = made(rules), History()
    told(history, 0, one=2.0)
    history.record("n", [(Labels({NAME: "n"}), 1.0)], 0)
    group.evaluate(history, 0)
    assert [len(rule.alerts) for rule in group.rules] == [1, 1]
    history.record("n", [(Labels({NAME: "n", "b": at}), 1.0) for at in "12"], 15_000)
    told(history, 15, two=2.0)
    assert [one.rule.rule.name for one in group.evaluate(history, 15_000)] == ["B", "B"]
    assert "many-to-many" in group.rules[0].error
    assert [(rule.failures, rule.alerts[0].labels["a"]) for rule in group.rules] == [(1, "one"), (0, "two")]
    history.record("n", [(Labels({NAME: "n"}), 1.0)], 30_000)
    group.evaluate(history, 30_000)
    assert (group.rules[0].error, group.rules[0].alerts[0].labels["a"]) == ("", "two")


class Hurrying(ManualClock):
    """A clock of which time passes whenever it is read."""

    def monotonic(self) -> float:
        """Return the time, and let a second pass."""
        self.advance(1.0)
        return super().monotonic()


def test_a_rule_that_takes_too_long_leaves_the_others_their_time() -> None:
    nested = "count_over_time((" * 8 + "vector(1)" + ")[1h:1s])" * 8
    text = f"groups:\n- name: g\n  rules:\n  - {{alert: A, expr: '{nested}'}}\n  - {{alert: B, expr: vector(1)}}\n"
    found, _ = read(text, "x.yml")
    group = GroupState(found[0], Hurrying())
    group.evaluate(History(), 0)
    assert [rule.error for rule in group.rules] == [
        "the rule takes longer than 10 s: make it simpler, or divide it",
        "",
    ]
    assert [len(rule.alerts) for rule in group.rules] == [0, 1]


def test_more_alerts_than_the_limit_are_none_and_an_error() -> None:
    group, history = made("      - {alert: A, expr: m > 0}\n      - {record: r, expr: m}\n", limit=1), History()
    told(history, 0, one=1.0)
    group.evaluate(history, 0)
    assert [rule.error for rule in group.rules] == ["", ""]
    told(history, 15, one=1.0, two=1.0)
    group.evaluate(history, 15_000)
    assert [rule.error for rule in group.rules] == [
        "exceeded limit of 1 with 2 alerts",
        "exceeded limit of 1 with 2 series",
    ]
    assert group.rules[0].alerts == []


def test_what_is_absent_before_it_could_be_there_is_no_alarm() -> None:
    group, history = made("      - {alert: A, expr: absent(m)}\n      - {alert: B, expr: vector(1)}\n"), History()
    group.evaluate(history, 0, is_warm=False)
    assert [len(rule.alerts) for rule in group.rules] == [0, 1]
    group.evaluate(history, 15_000)
    assert [len(rule.alerts) for rule in group.rules] == [1, 1]


def test_an_offset_looks_at_what_was() -> None:
    group, history = made("      - {alert: A, expr: m > 0}\n", query_offset="30s"), History()
    told(history, 0, one=1.0)
    told(history, 15, one=0.0)
    group.evaluate(history, 30_000)
    assert [alert.active_at for alert in group.rules[0].alerts] == [0.0]


def test_a_renamed_label_makes_two_alerts_one_and_that_is_an_error() -> None:
    group, history = made("      - {alert: A, expr: m > 0, labels: {a: same}}\n"), History()
    told(history, 0, one=1.0, two=1.0)
    group.evaluate(history, 0)
    assert "same labelset" in group.rules[0].error


def test_annotations_may_ask() -> None:
    summary = "{{ with query `sum(m)` }}{{ . | first | value }}{{ end }}"
    rule = f'      - {{alert: A, expr: m > 1, annotations: {{summary: "{summary}"}}}}\n'
    group, history = made(rule), History()
    told(history, 0, one=2.0, two=1.0)
    group.evaluate(history, 0)
    assert group.rules[0].alerts[0].annotations == (("summary", "3"),)


def test_they_are_told_in_prometheuss_shape() -> None:
    group, history = made("      - {alert: A, expr: m > 1, for: 30s}\n      - {record: r, expr: m}\n"), History()
    told(history, 0, one=2.0)
    group.evaluate(history, 1000)
    (one,) = groups([group])
    assert [(rule["type"], rule["health"]) for rule in one["rules"]] == [("alerting", "ok"), ("recording", "ok")]
    assert one["rules"][0]["state"] == "pending"
    assert alerts([group]) == [
        {
            "labels": {"alertname": "A", "a": "one"},
            "annotations": {},
            "state": "pending",
            "activeAt": "1970-01-01T00:00:01.000Z",
            "value": "2",
        }
    ]


def test_hostile_rules_are_bounded() -> None:
    history = History()
    told(history, 0, **{f"s{at}": 1.0 for at in range(300)})
    rules = [
        "m{a=~'(a*)*(a*)*b'}",
        "count_over_time(m[100y])",
        "sum_over_time(m[10y:1s])",
        "m * on () group_left () m",
        "m + on () m",
    ]
    group = made("".join(f'      - {{alert: A{at}, expr: "{text}"}}\n' for at, text in enumerate(rules)))
    group.evaluate(history, 0)
    assert [bool(rule.error) for rule in group.rules] == [False, False, True, True, True]


def test_a_group_that_a_reload_replaces_is_freed_at_once_and_so_are_its_expressions() -> None:
    rules = "      - {alert: A, expr: 'sum by (a) (rate(m[5m])) - -1 > (2 * n)'}\n"
    group = made(rules)
    group.evaluate(History(), 0)
    freed = ref(group)
    gc.collect()
    gc.disable()
    try:
        del group
        assert freed() is None
        made(rules)
        assert gc.collect() == 0, "objects in cycles: each reload leaves them until a search through all there are"
    finally:
        gc.enable()

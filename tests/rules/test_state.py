"""Alerts from one evaluation to the next, as Prometheus 3.5 has them."""

import pytest

from streamwatch.core.errors import EvaluationError
from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.promql.parse import parse
from streamwatch.rules.rule import Rule
from streamwatch.rules.state import Result, changes, step

HERE = Labels({"alertname": "A", "broker": "1"})


def rule(for_: float = 0.0, keep: float = 0.0) -> Rule:
    return Rule("A", "up", parse("up"), alert=True, for_seconds=for_, keep_firing_seconds=keep)


def play(one: Rule, holds: str, every: float = 15.0) -> str:
    """Return the state after each evaluation: p, f, i (inactive), or - for forgotten; ``x`` holds, ``.`` does not."""
    active: dict[Labels, Alert] = {}
    told = ""
    for at, sign in enumerate(holds):
        found = [Result(HERE, 1.0, ())] if sign == "x" else []
        active = step(one, active, found, at * every)
        told += active[HERE].state[0] if HERE in active else "-"
    return told


@pytest.mark.parametrize(
    ("one", "holds", "states"),
    [
        (rule(), "..xx.x", "--ffif"),
        (rule(10), "xx", "pf"),
        (rule(15), "xxx.x", "pffip"),
        (rule(16), "xxxx", "ppff"),
        (rule(30), "xx.xxxx", "pp-ppff"),
        (rule(0, 30), "x....", "fffii"),
        (rule(0, 30), "x.x..", "fffff"),
        (rule(15, 30), "x.xx.", "p-pff"),
    ],
)
def test_a_life(one: Rule, holds: str, states: str) -> None:
    assert play(one, holds) == states


def test_a_resolved_alert_is_remembered_for_a_quarter_of_an_hour() -> None:
    assert play(rule(), "x" + "." * 62) == "f" + "i" * 61 + "-"


def test_what_comes_back_while_it_is_remembered_begins_anew() -> None:
    active = step(rule(), {}, [Result(HERE, 1.0, ())], 0.0)
    active = step(rule(), active, [], 15.0)
    active = step(rule(30), active, [Result(HERE, 2.0, ())], 30.0)
    assert active[HERE] == Alert(HERE, "pending", 2.0, 30.0)


def test_values_and_annotations_follow_but_are_not_worth_remembering() -> None:
    before = step(rule(), {}, [Result(HERE, 1.0, (("summary", "one"),))], 0.0)
    after = step(rule(), before, [Result(HERE, 2.0, (("summary", "two"),))], 15.0)
    assert (after[HERE].value, after[HERE].annotations, after[HERE].active_at) == (2.0, (("summary", "two"),), 0.0)
    assert changes(before, after) == []
    gone = step(rule(), after, [], 30.0)
    assert [(one.before and one.before.state, one.after and one.after.state) for one in changes(after, gone)] == [
        ("firing", "inactive")
    ]


def test_a_fraction_of_a_second_does_not_cost_a_tick() -> None:
    start = 1_763_000_000.1
    active = step(rule(15), {}, [Result(HERE, 1.0, ())], start)
    assert step(rule(15), active, [Result(HERE, 1.0, ())], start + 14.9999999)[HERE].state == "firing"


def test_two_results_of_one_identity_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="same labelset"):
        step(rule(), {}, [Result(HERE, 1.0, ()), Result(HERE, 2.0, ())], 0.0)


def test_what_is_held_neither_resolves_nor_goes_on() -> None:
    firing = Alert(HERE, "firing", 1.0, 0.0, fired_at=0.0)
    pending = Alert(HERE, "pending", 1.0, 0.0)
    assert step(rule(), {HERE: firing}, [], 15.0, held=True) == {HERE: firing}
    assert step(rule(15), {HERE: pending}, [], 15.0, held=True) == {HERE: pending}
    assert step(rule(15), {HERE: pending}, [], 15.0) == {}


def test_a_fingerprint_is_alertmanagers() -> None:
    # From Alertmanager 0.25: the alert {alertname="Probe", severity="critical"}, and Go's model.LabelSet{}.
    assert Alert(Labels(), "firing", 1.0, 0.0).fingerprint == "cbf29ce484222325"
    one, other = (
        Labels({"alertname": "Probe", "severity": "critical"}),
        Labels({"severity": "critical", "alertname": "Probe"}),
    )
    assert Alert(one, "firing", 1.0, 0.0).fingerprint == Alert(other, "pending", 2.0, 9.0).fingerprint
    assert len({Alert(Labels({"a": str(at)}), "firing", 1.0, 0.0).fingerprint for at in range(1000)}) == 1000

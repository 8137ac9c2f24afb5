"""Rules for some targets alone: the part of the value is the value of the part. The whole is the oracle."""

import random
from pathlib import Path

import numpy as np
import pytest

from streamwatch.agent.state import open_state
from streamwatch.catalogue import METRICS
from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Keys, Metric, Tier
from streamwatch.promql.evaluate import evaluate
from streamwatch.promql.nodes import Selector
from streamwatch.promql.parse import parse
from streamwatch.promql.series import Vector, elements
from streamwatch.rules.evaluator import Evaluator
from streamwatch.rules.group import RuleChange
from streamwatch.rules.load import load, read
from streamwatch.rules.rule import metric_of, nodes
from streamwatch.rules.scope import TARGET, Reach, Scope, reach
from streamwatch.samples.history import History

OURS = frozenset({"m", "n"})
LOCAL = [
    "m",
    "m > 1",
    "-m",
    "rate(m[1m]) > 0",
    "m and n",
    "m unless on (kafka_cluster, broker) n > 1",
    "m or n",
    "m / on (kafka_cluster, broker) group_left () n",
    "sum by (kafka_cluster) (m) > 2",
    "max without (broker) (m)",
    "topk by (kafka_cluster) (1, m)",
    "time() - m",
    "m > on () group_left () limit",
    "m and on () limit",
    "max_over_time(sum by (kafka_cluster) (m)[1m:15s])",
    "quantile_over_time(0.5, m[1m])",
    "avg by (kafka_cluster) (m) - ignoring (broker) min by (kafka_cluster) (n)",
]
WHOLE = [
    "sum(m)",
    "sum by (broker) (m)",
    "max without (kafka_cluster) (m)",
    "topk(1, m)",
    'count_values by (kafka_cluster) ("v", m)',
    "absent(m)",
    "scalar(m)",
    "m > scalar(n)",
    "m + on () group_left () n",
    "m and on (broker) n",
    "m or on () limit",
    "limit and on () m",
    "m > on () limit",
    'label_replace(m, "kafka_cluster", "x", "broker", ".*")',
    "m * on (broker) group_left (kafka_cluster) n",
    "topk by (kafka_cluster) (scalar(n), m)",
    '{kafka_cluster="a"}',
]


@pytest.mark.parametrize("text", LOCAL)
def test_what_depends_on_its_own_target_only(text: str) -> None:
    assert reach(parse(text), OURS) is Reach.LOCAL


@pytest.mark.parametrize("text", WHOLE)
def test_what_depends_on_more(text: str) -> None:
    assert reach(parse(text), OURS) is Reach.WHOLE


@pytest.mark.parametrize("text", ["1", "vector(1)", "limit > 2", "time()", "sum(limit)", "absent(limit)"])
def test_what_depends_on_no_target(text: str) -> None:
    assert reach(parse(text), OURS) is Reach.FIXED


def metric(name: str, *labels: str) -> Metric:
    return plain(name, TARGET, *labels)


def plain(name: str, *labels: str) -> Metric:
    return Metric(name=name, kind="gauge", unit="", labels=labels, tier=Tier.CLUSTER, help="A.", question="A?")


def fill(history: History, rng: random.Random, names: dict[str, tuple[str, ...]], targets: str) -> None:
    """Let each target say something of each metric, at six moments."""
    keys: dict[tuple[str, str], Keys] = {}
    for step in range(6):
        for target in targets:
            samples = []
            for name, labels in names.items():
                if rng.random() < 0.9:
                    rows = [(target, *(rng.choice("12") for _ in labels)) for _ in range(3)]
                    own = keys.setdefault((target, name), Keys((TARGET, *labels), list(dict.fromkeys(rows))))
                    values = np.array([rng.choice([0.0, 1.0, 2.0, 100.0, 1e6, float("nan")]) for _ in own.rows])
                    samples.append(metric(name, *labels).samples(own, values))
            history.append(target, samples, 1000.0 + 15 * step)


def vector(value: object) -> Vector:
    return sorted(elements(value, "a vector"), key=str)  # type: ignore[arg-type]


def part_is_part(history: History, text: str, labelled: frozenset[str]) -> bool:
    """Compare each part with the part of the whole; return whether there was anything to compare."""
    expr, at = parse(text), 1_075_000 + 5_000
    whole = vector(evaluate(expr, history, at))
    for targets in ({"a"}, {"b", "c"}, {"a", "b", "c"}):
        scope = Scope(frozenset(targets), labelled)
        alone = vector(evaluate(expr, scope.within(history), at))
        assert str(alone) == str([one for one in whole if one[0].get(TARGET) in targets]), (text, targets)
    return bool(whole)


@pytest.mark.parametrize("seed", range(10))
def test_the_value_of_the_part_is_the_part_of_the_value(seed: int) -> None:
    rng, history = random.Random(seed), History()
    fill(history, rng, {"m": ("broker",), "n": ("broker",)}, "abc")
    history.append("", [plain("limit").sample(1.0)], 1075.0)
    shown = [part_is_part(history, text, OURS) for text in LOCAL if "topk" not in text]
    assert sum(shown) > len(shown) / 2


PACK = [rule for group in load(sorted(Path("alerts").glob("*.yml"))) for rule in group.rules if rule.alert]


def test_most_alerts_that_come_with_the_agent_are_decided_by_cluster() -> None:
    names = {name for rule in PACK for name in metrics_of(rule.text) if name.startswith("kafka_")}
    about = [rule for rule in PACK if metrics_of(rule.text) & names]
    local = [rule for rule in about if reach(rule.expr, names) is Reach.LOCAL]
    assert len(local) > 0.8 * len(about), sorted({rule.name for rule in about} - {rule.name for rule in local})


def test_who_stands_still_is_decided_by_cluster_and_would_not_be_in_one_rule_of_shards_and_partitions() -> None:
    text = {rule.name: rule.text for rule in PACK}
    partitions, shards = text["KafkaGroupStuck"], text["ReaderStuck"]
    names = {name for name in metrics_of(partitions) if name.startswith("kafka_")}
    assert reach(parse(partitions), names) is Reach.LOCAL
    assert reach(parse(f"({partitions}) or ({shards})"), names) is Reach.WHOLE


def metrics_of(text: str) -> set[str]:
    return {metric_of(node) or "" for node in nodes(parse(text)) if isinstance(node, Selector)}


@pytest.mark.parametrize("seed", range(3))
def test_that_holds_of_every_alert_that_comes_with_the_agent(seed: int) -> None:
    rng, history = random.Random(seed), History()
    names = {name for rule in PACK for name in metrics_of(rule.text) if name.startswith("kafka_")}
    labels = {one.name: tuple(own for own in one.labels if own != TARGET) for one in METRICS}
    fill(history, rng, {name: labels[name] for name in sorted(names)}, "abc")
    params = {name for rule in PACK for name in metrics_of(rule.text) if name.startswith("streamwatch:")}
    history.append("", [plain(name).sample(0.5) for name in sorted(params)], 1075.0)
    for rule in PACK:
        if reach(rule.expr, names) is Reach.LOCAL:
            part_is_part(history, rule.text, frozenset(names))


class Case:
    """An evaluator on a history, told by target; or always of everything."""

    def __init__(self, *, by_target: bool) -> None:
        self.by_target = by_target
        self.clock, self.history = ManualClock(1000.0), History()
        self.state = open_state(None, pytest.fail, self.clock)
        self.decided: list[RuleChange] = []
        self.evaluator = Evaluator(
            self.history, self.clock, self.state, refresh=lambda _: None, plan=lambda *_, **__: None,
            decided=self.decided.extend, is_warm=lambda: True,
        )  # fmt: skip
        self.evaluator.take(read(RULES, "x.yml")[0])

    def tell(self, target: str, value: float) -> None:
        samples = [metric("m").sample(value, kafka_cluster=target), metric("n").sample(1.0, kafka_cluster=target)]
        at_ms = self.history.append(target, samples, self.clock.now())
        self.evaluator.appended(target, samples, at_ms)
        arrived = self.evaluator.arrived()
        if not self.by_target:
            arrived.targets.clear()
        self.evaluator.run(arrived)

    def alerts(self) -> dict[str, str]:
        found = [alert for group in self.evaluator.groups() for rule in group.rules for alert in rule.alerts]
        return {f"{alert.name} {alert.labels.get(TARGET, '')}": alert.state for alert in found}


RULES = """
groups:
  - name: g
    rules:
      - {alert: High, expr: m > 1}
      - {alert: Late, expr: m > 1, for: 10s}
      - {alert: Sum, expr: sum by (kafka_cluster) (m) > sum by (kafka_cluster) (n)}
      - {alert: All, expr: sum(m) > 3}
      - {record: all, expr: sum(m)}
"""


@pytest.mark.parametrize("seed", range(20))
def test_who_is_decided_by_target_is_decided_as_by_the_whole(seed: int) -> None:
    rng = random.Random(seed)
    part, whole = Case(by_target=True), Case(by_target=False)
    try:
        for _ in range(80):
            target, value = rng.choice("abcd"), rng.choice([0.0, 1.0, 2.0, 3.0])
            for case in (part, whole):
                case.tell(target, value)
            own = {f"{name} {target}" for name in ("High", "Late", "Sum")} | {"All "}
            assert {name: state for name, state in part.alerts().items() if name in own} == {
                name: state for name, state in whole.alerts().items() if name in own
            }
            seconds = rng.choice([0.5, 3.0, 11.0])
            for case in (part, whole):
                case.clock.advance(seconds)
        for case in (part, whole):
            case.clock.advance(15.0)
            case.evaluator.run()  # of all, at the interval
        assert part.alerts() == whole.alerts()
    finally:
        part.state.close()
        whole.state.close()


def test_a_target_costs_the_others_nothing() -> None:
    case = Case(by_target=True)
    case.tell("a", 2.0)
    case.tell("b", 2.0)
    read_of: list[object] = []
    blocks = case.history.blocks
    case.history.blocks = lambda *args, **how: read_of.append(how.get("sources")) or blocks(*args, **how)  # type: ignore[method-assign, func-returns-value]
    case.clock.advance(1.0)
    case.tell("b", 0.0)
    assert read_of.count(frozenset("b")) == 4, "High, Late, Sum"
    assert read_of.count(None) == 2, "All, all"
    assert case.alerts() == {"High a": "firing", "Late a": "pending", "Sum a": "firing"}
    case.state.close()

"""No shipped rule doubles, fails or goes blind because of ``job``, ``instance`` or a second entity."""

import os
import random
from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.model.labels import Labels
from streamwatch.notify.inhibit import shipped
from streamwatch.notify.matchers import fulfil, matchers
from streamwatch.promql.nodes import Aggregation, Binary, Expr, Selector
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import ALERTNAME
from streamwatch.rules.rule import nodes
from tests.rules.worlds import (
    SCRAPED,
    STEP_MS,
    WAYS,
    Alert,
    Case,
    at_random,
    cases,
    entity,
    fired,
    held,
    side_by_side,
    since,
    until,
    within,
)

COUNT: Final = int(os.environ.get("STREAMWATCH_WORLDS", "3"))
SEED: Final = int(os.environ.get("STREAMWATCH_SEED", "7"))
CASES: Final = list(cases())
ACROSS: Final = dict.fromkeys(("KafkaConnectMirrorBehind", "KafkaConnectMirrorCheckpointsStopped"), "connect_cluster")
"""What is copied from a cluster is copied by a connector that is another's: the label that both have."""
OTHER: Final = tuple(way for way, scrapes in WAYS.items() if scrapes != ({},))
EVERY: Final = pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule.name)


def told_once(alerts: Iterable[Alert]) -> set[tuple[Labels, str]]:
    """Return entities and what is said of them; no agent says anything of one twice."""
    found = list(alerts)
    seen = Counter((entity(labels), labels.get("instance", "")) for labels, _ in found)
    assert [one for one, count in seen.items() if count > 1] == []
    return {(entity(labels), text) for labels, text in found}


@EVERY
@pytest.mark.parametrize("way", WAYS)
def test_a_rule_fires_for_each_entity_that_is_bad_and_for_none_that_is_good(case: Case, way: str) -> None:
    series, bad = side_by_side(case)
    alerts = told_once(fired(case, held(series, way)))

    if case.rule.name != "StreamWatchParametersMissing":  # which is about what is not there
        assert {labels.without(["alertname", *dict(case.rule.labels)]) for labels, _ in alerts} == bad
    assert alerts == told_once(fired(case, series)), "the same is said, with the same numbers"


@EVERY
def test_whatever_there_is_a_rule_says_the_same_however_its_series_are_held(case: Case) -> None:
    dice = random.Random(f"{SEED} {case.rule.name}")
    for _ in range(COUNT):
        series = at_random(case, dice)
        plain = told_once(fired(case, series))
        assert {way: told_once(fired(case, held(series, way))) for way in OTHER} == dict.fromkeys(OTHER, plain)


@EVERY
def test_what_is_said_of_one_entity_hangs_on_no_other(case: Case) -> None:
    if not case.axes:
        return
    widest = ACROSS.get(case.rule.name, case.axes[0])
    dice = random.Random(f"{SEED} {case.rule.name}")
    for _ in range(COUNT):
        series = at_random(case, dice)
        apart = [alert for one in ("x", "y") for alert in fired(case, within(series, widest, one))]
        assert sorted(fired(case, series)) == sorted(apart)


@EVERY
def test_where_series_of_two_metrics_meet_it_is_written_by_which_labels(case: Case) -> None:
    meeting = [
        one for one in nodes(case.rule.expr) if isinstance(one, Binary) and _reads(one.left) and _reads(one.right)
    ]
    assert [one.op for one in meeting if not _explicit(one)] == []


def _explicit(node: Binary) -> bool:
    """Say whether labels are named: at the operator, or where both sides were made."""
    if node.matching.on or node.matching.labels:
        return True
    match node.left, node.right:
        case Aggregation(labels=one, without=False), Aggregation(labels=other, without=False):
            return one == other
    return False


def _reads(expr: Expr) -> bool:
    return any(isinstance(one, Selector) for one in nodes(expr))


@EVERY
def test_a_rule_outlives_an_agent_that_moves(case: Case) -> None:
    """Then what one instance has said ends, and another goes on."""
    series, bad = side_by_side(case)
    moved = case.at_ms // STEP_MS
    before, after = WAYS["two agents"]
    parts = [
        *((labels.updated(before), until(text, moved)) for labels, text in series),
        *((labels.updated(after), since(text, moved)) for labels, text in series),
    ]
    assert {
        labels.without(["alertname", *dict(case.rule.labels)]) for labels, _ in told_once(fired(case, parts))
    } <= bad


NOT_OF_EACH_READER = frozenset({"stream", "kafka_cluster", "topic", "group"})
"""A reader has those of its stream, or of its topic."""


def test_a_cause_and_its_effects_have_the_labels_in_which_they_must_agree() -> None:
    """Where both lack one they would agree in it, which is right for what a reader lacks; where one lacks it, never."""
    has = {case.rule.name: case.entity.keys() for case in CASES}
    for one in shipped(pack_folder()):
        of = [
            [name for name in has if fulfil(matchers(some), {ALERTNAME: name})]
            for some in (one.source_matchers, one.target_matchers)
        ]
        assert all(of), f"{one}: of no alert"
        needed = set(one.equal) - (NOT_OF_EACH_READER if "reader" in one.equal else frozenset())
        assert [name for some in of for name in some if not has[name] >= needed] == [], one


def test_no_metric_has_a_label_that_is_a_prometheuss_own() -> None:
    """It would be called ``exported_...`` there, and overwritten in the agent."""
    owned = {*SCRAPED, "__name__", "le"}
    buckets = {one.name for one in METRICS if one.kind == "histogram" and one.name.endswith("_bucket")}
    found = [(one.name, label) for one in METRICS for label in one.labels if label != "le" or one.name not in buckets]
    assert [(name, label) for name, label in found if label in owned or label.startswith("exported_")] == []
    assert {name for name, label in found if label == "quantile"} <= {"kafka_broker_request_quantile_seconds"}

"""No shipped rule doubles, fails or goes blind because of ``job``, ``instance`` or a second entity."""

import os
import random
from collections import Counter
from collections.abc import Iterable
from typing import Final

import pytest

from streamwatch.catalogue import METRICS
from streamwatch.model.labels import Labels
from tests.rules.worlds import SCRAPED, WAYS, Alert, Case, at_random, cases, entity, fired, held, side_by_side, within

COUNT: Final = int(os.environ.get("STREAMWATCH_WORLDS", "8"))
SEED: Final = int(os.environ.get("STREAMWATCH_SEED", "7"))
CASES: Final = list(cases())
NOT_YET: Final[frozenset[str]] = frozenset()
"""Rules that are known to fail here: to be empty."""
EVERY: Final = pytest.mark.parametrize(
    "case", [one for one in CASES if one.rule.name not in NOT_YET], ids=lambda case: case.rule.name
)


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
    dice, seen = random.Random(f"{SEED} {case.rule.name}"), 0
    for _ in range(COUNT):
        series = at_random(case, dice)
        plain = told_once(fired(case, series))
        assert {way: told_once(fired(case, held(series, way))) for way in WAYS} == dict.fromkeys(WAYS, plain)
        seen += len(plain)
    assert seen or not case.axes, f"seed {SEED}: it never fired: this shows nothing"


@EVERY
def test_what_is_said_of_one_entity_hangs_on_no_other(case: Case) -> None:
    if not case.axes:
        return
    widest = case.axes[0]
    dice = random.Random(f"{SEED} {case.rule.name}")
    for _ in range(COUNT):
        series = at_random(case, dice)
        apart = [alert for one in ("x", "y") for alert in fired(case, within(series, widest, one))]
        assert sorted(fired(case, series)) == sorted(apart)


def test_no_metric_has_a_label_that_is_a_prometheuss_own() -> None:
    """It would be called ``exported_...`` there, and overwritten in the agent."""
    owned = {*SCRAPED, "__name__", "le", "quantile"}
    assert [
        (one.name, label) for one in METRICS for label in one.labels if label in owned or label.startswith("exported_")
    ] == []

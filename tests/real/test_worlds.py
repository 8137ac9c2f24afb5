"""The shipped rules over many entities, scraped and not: a real promtool says what the agent says."""

import random
from pathlib import Path

import pytest

from tests.real import artefacts
from tests.real.conftest import had
from tests.real.promtool import World
from tests.real.promtool import fired as theirs
from tests.rules.test_worlds import CASES, COUNT, SEED
from tests.rules.worlds import ALERTS, WAYS, Case, Series, alone, at_random, fired, held, side_by_side


@pytest.fixture(scope="module")
def promtool() -> Path:
    return had(artefacts.promtool_3)


def worlds(case: Case) -> list[list[Series]]:
    dice = random.Random(f"{SEED} {case.rule.name}")
    chosen = [side_by_side(case)[0], *(at_random(case, dice) for _ in range(max(1, COUNT // 4)))]
    return [held(series, way) for series in chosen for way in WAYS]


def test_no_rule_fails_or_doubles_and_promtool_says_the_same(promtool: Path, tmp_path: Path) -> None:
    asked = [(case, series) for case in CASES for series in worlds(case)]
    found = theirs(promtool, tmp_path, [World(alone(case.rule), series, case.at_ms) for case, series in asked])
    ours = [fired(case, series) for case, series in asked]
    differ = [
        (case.rule.name, sorted(one), sorted(other))
        for (case, _), one, other in zip(asked, ours, found, strict=True)
        if sorted(one) != sorted(other)
    ]
    assert differ[:3] == []
    assert {case.rule for case, _ in asked} == set(ALERTS)
    assert all(any(one for (of, _), one in zip(asked, ours, strict=True) if of is case) for case in CASES)

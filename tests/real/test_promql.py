"""The engine against a real promtool of Prometheus 3.5: random expressions over random series, without a difference."""

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.promql.answers import Answer, differ, ours, written
from tests.promql.delayed_expressions import DELAYED
from tests.promql.hostile_expressions import Hostile, hostile_series
from tests.promql.listed_expressions import AT, EXPRESSIONS, SERIES
from tests.promql.memory import Memory
from tests.promql.random_expressions import Grammar, series
from tests.promql.test_columns import columns
from tests.real import artefacts
from tests.real.conftest import had
from tests.real.promtool import DELAYED_NAMES, answers

COUNT = int(os.environ.get("STREAMWATCH_FUZZ", "600"))
"""How many expressions; STREAMWATCH_FUZZ=20000 for a long run."""
SEED = int(os.environ.get("STREAMWATCH_SEED", "7"))
_BATCH = 60
_KEPT = 4
_FOLDER = Path(__file__).parents[1] / "promql"
GOLDEN, LISTED = _FOLDER / "golden.json", _FOLDER / "golden_listed.json"
_WRITE = os.environ.get("STREAMWATCH_WRITE_GOLDEN") == "1"


@pytest.mark.parametrize(
    ("kind", "listed", "flags"), [("usual", EXPRESSIONS, ()), ("delayed", DELAYED, (DELAYED_NAMES,))]
)
def test_listed_expressions_are_what_promtool_makes_of_them(
    kind: str, listed: Sequence[str], flags: Sequence[str], tmp_path: Path
) -> None:
    told = answers(had(artefacts.promtool_3), tmp_path, SERIES, [(one, AT) for one in listed], *flags)
    wrong = [
        f"{one}\n  ours   {found}\n  theirs {theirs}"
        for memory in (Memory(SERIES), columns(SERIES))
        for one, theirs in zip(listed, told, strict=True)
        if differ(found := ours(one, memory, AT, delayed_names=bool(flags)), theirs)
    ]
    assert not wrong, "\n".join(wrong)
    if _WRITE:
        kept = json.loads(LISTED.read_text(encoding="utf-8")) if LISTED.exists() else {}
        kept[kind] = {one: written(theirs) for one, theirs in zip(listed, told, strict=True)}
        LISTED.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf-8")


@pytest.mark.parametrize("flags", [(), (DELAYED_NAMES,)], ids=["usual", "delayed"])
def test_hostile_expressions_are_what_promtool_makes_of_them(flags: Sequence[str], tmp_path: Path) -> None:
    promtool = had(artefacts.promtool_3)
    dice = random.Random(SEED)
    grammar = Hostile(dice)
    wrong = []
    for _ in range(0, COUNT, _BATCH):
        data = hostile_series(dice)
        asked = [(grammar.vector(dice.choice((1, 2, 2, 3))), 15 * dice.randint(4, 70)) for _ in range(_BATCH)]
        told = answers(promtool, tmp_path, data, asked, *flags)
        wrong += _differences(data, asked, told, delayed_names=bool(flags))
    print(f"seed {SEED}: {COUNT} hostile ones, {len(wrong)} differences")  # noqa: T201 - the seed, to play it again
    assert not wrong, "\n".join(wrong[:20])


def test_random_expressions_are_what_promtool_makes_of_them(tmp_path: Path) -> None:
    promtool = had(artefacts.promtool_3)
    dice = random.Random(SEED)
    grammar = Grammar(dice)
    wrong, kept = [], []
    for _ in range(0, COUNT, _BATCH):
        data = series(dice)
        asked = [(grammar.vector(dice.choice((1, 2, 3))), 15 * dice.randint(4, 70)) for _ in range(_BATCH)]
        told = answers(promtool, tmp_path, data, asked)
        answered = zip(asked, told, strict=True)
        kept.append(
            {
                "series": data,
                "asked": [{"expression": e, "at": at, "answer": written(one)} for (e, at), one in answered],
            }
        )
        wrong += _differences(data, asked, told)
    print(f"seed {SEED}: {COUNT} expressions, {len(wrong)} differences")  # noqa: T201 - the seed, to play it again
    assert not wrong, "\n".join(wrong[:5])
    if _WRITE:
        GOLDEN.write_text(json.dumps(kept[:_KEPT], indent=0) + "\n", encoding="utf-8")


def _differences(
    data: dict[str, str], asked: Sequence[tuple[str, int]], told: Sequence[Answer], *, delayed_names: bool = False
) -> list[str]:
    """Return where the engine says something else, of series one by one or of series in columns."""
    return [
        f"{expression}  @ {at}s\n  ours   {found}\n  theirs {theirs}"
        for querier in (Memory(data), columns(data))
        for (expression, at), theirs in zip(asked, told, strict=True)
        if differ(found := ours(expression, querier, at, delayed_names=delayed_names), theirs)
    ]

"""Expressions whose answers a real promtool of Prometheus 3.5 gave, kept: tests/real/test_promql.py writes them."""

import json
from pathlib import Path

import pytest

from tests.promql.answers import differ, ours, read
from tests.promql.listed_expressions import AT, SERIES
from tests.promql.memory import Memory
from tests.promql.test_columns import columns

LISTED = json.loads((Path(__file__).parent / "golden_listed.json").read_text(encoding="utf-8"))
GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("batch", range(len(GOLDEN)))
def test_kept_answers_are_ours(batch: int) -> None:
    memory = Memory(GOLDEN[batch]["series"])
    wrong = [
        (one["expression"], one["at"])
        for one in GOLDEN[batch]["asked"]
        if differ(ours(one["expression"], memory, one["at"]), read(one["answer"]))
    ]

    assert len(GOLDEN[batch]["asked"]) >= 60
    assert wrong == []


@pytest.mark.parametrize(("kind", "least"), [("usual", 250), ("delayed", 100)])
def test_kept_answers_to_listed_expressions_are_ours(kind: str, least: int) -> None:
    memory, history, delayed = Memory(SERIES), columns(SERIES), kind == "delayed"
    for one, answer in LISTED[kind].items():
        assert not differ(ours(one, memory, AT, delayed_names=delayed), read(answer)), one
        assert not differ(ours(one, history, AT, delayed_names=delayed), read(answer)), one
    assert len(LISTED[kind]) >= least

"""Expressions whose answers a real promtool of Prometheus 3.5 gave, kept: tests/real/test_promql.py writes them."""

import json
from pathlib import Path

import pytest

from tests.promql.answers import differ, ours, read
from tests.promql.memory import Memory

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

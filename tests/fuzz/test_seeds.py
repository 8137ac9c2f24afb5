"""What fuzzing found stays mended, and what parsers are fed with to begin with is what they read."""

import contextlib
from pathlib import Path

import pytest

from tests.fuzz.__main__ import SEEDS
from tests.fuzz.parsers import parsers

PARSERS = parsers()
KEPT = sorted(SEEDS.glob("*/*.hex"))


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_was_found_raises_the_documented_error_at_most(file: Path) -> None:
    parser = PARSERS[file.parent.name]
    with contextlib.suppress(*parser.raises):
        parser.feed(bytes.fromhex(file.read_text()))


@pytest.mark.parametrize("name", ["promql", "exposition", "config", "peer", "state"])
def test_a_parser_reads_what_it_is_fed_with_before_it_is_spoilt(name: str) -> None:
    for seed in PARSERS[name].seeds:
        PARSERS[name].feed(seed)

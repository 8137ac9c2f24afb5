"""A few of the changes of ``python -m tests.journal.hundred``: each is in the journal once, and no other."""

from pathlib import Path

import pytest

from tests.journal.world import World


@pytest.mark.parametrize("seed", [3])
def test_each_change_is_in_the_journal_once(tmp_path: Path, seed: int) -> None:
    with World(tmp_path, seed) as world:
        for _ in range(8):
            world.change()
        assert not any(world.difference())

"""A few of the incidents of ``python -m tests.pair``: whatever breaks, each is told, and ended, under one key."""

from pathlib import Path

from tests.pair.__main__ import run, table


def test_whatever_breaks_each_incident_is_told_and_ended(tmp_path: Path) -> None:
    told = run(4, 7, 2, tmp_path)
    assert len(told) == 4, table(told)
    assert not [one for one in told if one.untold or one.unended or one.wrongly_resolved or one.keys != 1], table(told)

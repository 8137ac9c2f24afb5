"""An agent killed with -9 at every step between the decision and the delivery."""

import itertools
import json
from multiprocessing import get_context
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.notify.receiver import receiver
from tests.notify.victim import STEPS, main

VICTIMS = get_context("forkserver")
"""Each victim is a process of its own, forked off one that has imported what all of them need."""
VICTIMS.set_forkserver_preload(["tests.notify.victim"])


@pytest.mark.parametrize(("first", "second"), list(itertools.product(STEPS[:-1], STEPS[:-1])))
def test_every_incident_arrives_under_one_key_and_is_over(first: str, second: str, tmp_path: Path) -> None:
    with receiver() as service:
        # Killed once while it is told that it begins, and once while it is told that it is over; then not any more.
        for firing, step in ((1, first), (1, "nowhere"), (0, second), (0, "nowhere")):
            victim = VICTIMS.Process(target=main, args=(tmp_path / "state.db", service.url, firing, step))
            victim.start()
            victim.join(60)
            assert victim.exitcode == (0 if step == "nowhere" else -SIGKILL)
        told = [json.loads(one.body) for one in service.requests]
    assert len({one["groupKey"] for one in told}) == 1
    said = [one["status"] for one in told]
    assert [status for status, _ in itertools.groupby(said)] == ["firing", "resolved"]
    assert said.count("firing") == 1 + (first == "after the answer")
    assert said.count("resolved") == 1 + (second == "after the answer")

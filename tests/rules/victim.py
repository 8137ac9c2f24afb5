"""Decides as fast as it can, and says so, until it is killed: ``python -m tests.rules.victim FILE FIRST_TICK``."""

import random
import sys
from collections.abc import Sequence
from pathlib import Path

from streamwatch.agent.state import open_state
from streamwatch.core.clock import ManualClock
from streamwatch.model.labels import NAME, Labels
from streamwatch.rules.evaluator import Arrived, Evaluator
from streamwatch.rules.group import RuleChange
from streamwatch.rules.load import read
from streamwatch.samples.history import History

RULES = (
    "groups: [{name: g, rules: [{alert: A, expr: 'm > 0', for: 2s}, {alert: B, expr: 'm > 0', keep_firing_for: 2s}]}]"
)
SERIES = 20


def holds(series: int, tick: int) -> bool:
    """Say whether a series is in trouble at a tick; it stays so for some."""
    return random.Random(series * 100_003 + tick // 8).random() < 0.5


def tell(decided: Sequence[RuleChange]) -> None:
    """Say what became of alerts, as a page would."""
    for one in decided:
        after = one.change.after
        if after is not None:
            sys.stdout.write(
                f"{one.change.labels} {after.state} {after.active_at:g} {after.fired_at} {after.resolved_at}\n"
            )
    sys.stdout.flush()


def main(path: Path, tick: int) -> None:
    """Decide for ever."""
    clock, history = ManualClock(float(tick)), History()
    groups, _ = read(RULES, "x.yml")
    evaluator = Evaluator(
        history,
        clock,
        open_state(path, sys.exit, ManualClock()),
        refresh=lambda _: None,
        plan=lambda *_, **__: None,
        decided=tell,
        is_warm=lambda: True,
    )
    evaluator.take(groups)
    while True:
        values = [(Labels({NAME: "m", "s": str(at)}), float(holds(at, tick))) for at in range(SERIES)]
        history.record("x", values, tick * 1000)
        evaluator.run(Arrived({"m"}, at_ms=tick * 1000))
        sys.stdout.write(f"tick {tick}\n")
        clock.advance(1)
        tick += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

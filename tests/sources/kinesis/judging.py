"""The shipped Kinesis alerts, evaluated as the agent does it: every 15 s, on what its last read knew.

What rules read of parameters is recorded once a read: it stays what it is, and would be half of the work.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from streamwatch.core.clock import ManualClock
from streamwatch.model.metric import Samples
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import GroupState
from streamwatch.rules.load import load
from streamwatch.samples.history import History

STEP_SECONDS: Final = 15.0
Told = tuple[str, str]
"""An alert's name, and its stream."""


class Judge:
    """The rules, what they were given, and how often each alert fired and resolved."""

    def __init__(self) -> None:
        self._parameters, self._groups = _states("parameters.yml"), _states("kinesis.yml")
        self._samples = History(keep_ms=3_700_000)
        self.fired: Counter[Told] = Counter()
        self.resolved: Counter[Told] = Counter()

    def take(self, samples: Sequence[Samples], at: float, until: float) -> None:
        """Take what a read knew, and evaluate until the next one."""
        self._samples.append("aws", samples, at)
        for group in self._parameters:
            group.evaluate(self._samples, int(at * 1000))
        while at < until:
            self._evaluate(at)
            at += STEP_SECONDS

    def _evaluate(self, at: float) -> None:
        for group in self._groups:
            for one in group.evaluate(self._samples, int(at * 1000)):
                before, after = one.change.before, one.change.after
                name = one.rule.rule.name, one.change.labels.get("stream", "")
                fired = before is not None and before.state == "firing"
                fires = after is not None and after.state == "firing"
                self.fired[name] += fires and not fired
                self.resolved[name] += fired and not fires
            assert [rule.error for rule in group.rules if rule.error] == []


def _states(name: str) -> list[GroupState]:
    return [GroupState(group, ManualClock()) for group in load([pack_folder() / name])]

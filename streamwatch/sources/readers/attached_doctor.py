"""A check-up of what AWS runs beside streams and topics: every call that the agent makes is tried, its right named."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.finding import Finding
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.aws.trial import Trial, TrialCall, newest_point
from streamwatch.sources.readers.attached import Answer, Api, Attachable, Described
from streamwatch.sources.readers.config import Readers
from streamwatch.sources.readers.kinds import enabled

_MOST_TRIED: Final = 10


def examine(
    config: Readers, access: AwsAccess, regions: Sequence[str], clock: Clock, *, cloudwatch: bool
) -> Iterator[Finding]:
    """Check each kind that is switched on, in each region; the first of a kind that is there is the example.

    Args:
        config: which kinds are switched on.
        access: who the agent is there.
        regions: where.
        clock: what time it is.
        cloudwatch: whether CloudWatch is asked.

    """
    for kind, settings in enabled(config):
        caller = SourceCalls(Accounts(clock).get(access), clock, threading.Event().wait)
        for region in regions:
            trial = Trial(region, caller, clock, f"{region}, {kind.kind}")
            trying = _Trying(kind.service, trial, caller)
            described = _example(kind, trying, settings.names.admits)
            yield from trying.findings.values()
            if not trying.is_refused and described is None:
                hint = f"does `readers.{kind.kind}.names` fit, and is this the right account?"
                yield trial.finding(kind.kind, "warning", "there is none that reads a stream or a topic", hint)
            if described is None or not cloudwatch:
                continue
            for measure in kind.measures(described)[:1]:
                at = dict(described.dimensions)
                yield trial.attempt(newest_point(kind.namespace, measure.name, measure.statistic, clock.now(), at))[1]


class _Trying(Api):
    """Makes calls to see whether they are allowed; one that is refused answers that there is nothing."""

    def __init__(self, service: str, trial: Trial, caller: SourceCalls) -> None:
        super().__init__(service, trial.region, caller, trial.deadline)
        self._of, self._trial = service, trial
        self.findings: dict[str, Finding] = {}
        """What became of each operation."""
        self.is_refused = False

    def call(self, operation: str, parameters: Mapping[str, Any], *wants: str) -> Answer:
        """Call an operation, and note what became of it."""
        answer, finding = self._trial.attempt(TrialCall(self._of, operation, dict(parameters), wants))
        before = self.findings.get(operation)
        if before is None or before.verdict == "ok":
            self.findings[operation] = finding
        self.is_refused |= answer is None
        return {want: [] for want in wants} if answer is None else answer


def _example(kind: Attachable, trying: _Trying, admits: Callable[[str], bool]) -> Described | None:
    try:
        with taken_apart(kind.service):
            for listed in kind.listed(trying)[:_MOST_TRIED]:
                if admits(listed.name):
                    described = kind.described(trying, listed)
                    if described is not None:
                        return described
    except SourceError:
        trying.is_refused = True  # the findings say why
    return None

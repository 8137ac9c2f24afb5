"""What becomes of an upgrade from Standard to Express brokers: topics that are moved, and what MSK's adviser found.

Most clusters are never upgraded, and these rights are not needed: a call that was never answered, and is refused, is
nobody's problem.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from streamwatch.core.errors import SourceError, SourceMisread, SourceThrottled, SourceUnavailable
from streamwatch.model.msk import Assessment, Reassignment
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import NoCredentials
from streamwatch.sources.aws.parts import CachedPart
from streamwatch.sources.aws.session import operations_of
from streamwatch.sources.msk.control import MskControl
from streamwatch.sources.msk.rights import UPGRADE
from streamwatch.sources.problems import problem

T = TypeVar("T")
_FAILED: Final = (SourceThrottled, SourceUnavailable, SourceMisread, NoCredentials)
"""What says nothing about whether the call may be made: other errors refuse it, to the agent or to this cluster."""
ASSESSMENT_SECONDS: Final = 600.0
"""How often it is looked whether there is a newer assessment: one takes minutes, and does not change."""


def is_offered() -> bool:
    """Whether the boto3 that is installed knows these calls."""
    return {operation for _, operation in UPGRADE.calls} <= operations_of("kafka")


class Upgrade:
    """Asks about one cluster. One read at a time."""

    def __init__(self, control: MskControl, interval: float) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            control: asks MSK.
            interval: how often topic reassignments are asked for (s).

        """
        self._control = control
        self._reassignments: CachedPart[tuple[Reassignment, ...]] = CachedPart(interval)
        self._assessments: CachedPart[tuple[Assessment, ...]] = CachedPart(ASSESSMENT_SECONDS)

    def read(self, now: float, deadline: float) -> list[Problem]:
        """Ask for what is due; return what could not be learnt."""
        if not is_offered():
            return []
        return [
            *_learn(self._reassignments, self._control.reassignments, now, deadline),
            *_learn(self._assessments, lambda until: self._newest(now, until), now, deadline),
        ]

    def reassignments(self, now: float) -> tuple[Reassignment, ...] | None:
        """Return the topic reassignments, the newest first; None where they are not known."""
        return self._reassignments.known(now)

    def assessment(self, now: float) -> Assessment | None:
        """Return the newest complete assessment; None where none is known."""
        return next(iter(self._assessments.known(now) or ()), None)

    def _newest(self, now: float, deadline: float) -> tuple[Assessment, ...]:
        found = self._control.assessment(deadline, self.assessment(now))
        return () if found is None else (found,)


def _learn(part: CachedPart[T], ask: Callable[[float], T], now: float, deadline: float) -> list[Problem]:
    """Ask for a part that is due; what was known stays where that is refused."""
    if not part.is_due(now):
        return []
    try:
        part.learn(ask(deadline), now)
    except SourceError as error:
        part.want()
        is_refused = not isinstance(error, _FAILED)
        return [] if is_refused and part.known(now) is None else [problem("cluster", error, str(error))]
    return []

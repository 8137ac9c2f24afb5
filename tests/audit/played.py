"""Plays a story under the eyes of an audit, and tells what was right, missing and invented."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from streamwatch.reference.scenarios import Scenario, ScenarioStep
from tests.audit.audited_agent import AuditedAgent, findings
from tests.audit.labels import AuditLabel, Finding


class World(Protocol):
    """Where a story is played."""

    agent: AuditedAgent

    def perform(self, step: ScenarioStep) -> None:
        """Do a step of a story."""

    def second(self) -> None:
        """Let a second pass."""


@dataclass(frozen=True, slots=True)
class AuditedStory:
    """What audits of a story said, beside its label."""

    name: str
    right: tuple[Finding, ...]
    missing: tuple[Finding, ...]
    invented: tuple[Finding, ...]
    changed: frozenset[str] = frozenset()
    """Kinds of changes that the journal has: what the story did was seen."""
    unchecked: frozenset[str] = frozenset()
    """What could not be checked at that time."""


EVERY_SECONDS: Final = 10
"""So often a story is audited."""


def judged(name: str, wanted: Sequence[Finding], shown: Sequence[Finding]) -> AuditedStory:
    """Compare what has to be there with what an audit shows."""
    must, there = Counter(wanted), Counter(shown)
    return AuditedStory(
        name,
        right=tuple((must & there).elements()),
        missing=tuple((must - there).elements()),
        invented=tuple((there - must).elements()),
    )


def play(story: Scenario, label: AuditLabel, world: World, warm_seconds: int) -> list[AuditedStory]:
    """Play a story.

    Args:
        story: which.
        label: what has to be found.
        world: where.
        warm_seconds: for so long nothing happens before, so that all is known.

    Returns:
        What is found before anything happens, and in the story: at the label's time (at the end where nothing comes)
        what the label has, and at no other time anything else.

    """
    for _ in range(warm_seconds):
        world.second()
        world.agent.read()
    quiet = world.agent.audit()
    before = judged(f"{story.name}, before", label.standing, findings(quiet))
    steps, may, at = list(story.steps), Counter(label.all), label.at or story.seconds
    others = Counter[Finding]()
    after: AuditedStory | None = None
    for second in range(1, int(story.seconds) + 2):
        while steps and steps[0].at < second:
            world.perform(steps.pop(0))
        world.second()
        world.agent.read()
        is_time = after is None and second >= at
        if is_time or second % EVERY_SECONDS == 0:
            found = findings(world.agent.audit())
            others |= Counter(found) - may
            after = judged(story.name, label.all, found) if is_time else after
    assert after is not None, "every story lasts until its label's time"
    invented = tuple((Counter(after.invented) | others).elements())
    unchecked = frozenset(each["finding"] for each in quiet["notChecked"])
    return [replace(before, unchecked=unchecked), replace(after, invented=invented, changed=world.agent.changed())]

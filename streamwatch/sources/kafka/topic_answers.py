"""What brokers answered about one topic's settings, and what is known where they disagree.

A broker of Kafka 4.3 that was killed can have the settings of a topic's earlier life for good, while the others have
those of now; brokers whose ``server.properties`` differ have different defaults. Whichever one is asked, its answer
alone is not the topic's setting.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamwatch.model.kafka import NOT_SET, CleanupPolicy

NAMES: Final = ("min.insync.replicas", "retention.ms", "retention.bytes", "cleanup.policy")
"""The settings that are asked for."""
Settings = tuple[int, ...]
"""In the order of ``NAMES``; the policy is a ``CleanupPolicy``."""
UNKNOWN: Final[Settings] = (NOT_SET,) * len(NAMES)
LASTING: Final = 3
"""Reads in a row in which brokers disagree before it counts: one that is late to hear of a change is not one that
disagrees."""


@dataclass(frozen=True, slots=True)
class TopicAnswer:
    """What is known of one topic."""

    at: float
    """When it was asked (loop time); -inf where it is to be asked again in the next read."""
    settings: Settings
    refused: int | None = 0
    """The error code that came instead; 0 for none, None where the answer leaves the topic out."""
    brokers: tuple[str, ...] = ()
    """Where brokers disagree, one for each of their answers."""
    disagreed: int = 0
    """In how many reads in a row they have disagreed."""
    dissent: str = ""
    """Which broker has which setting, where they disagree."""


def agreed(before: TopicAnswer | None, answers: Mapping[str, TopicAnswer], *, is_alone: bool) -> TopicAnswer:
    """Return what is known of a topic after brokers were asked.

    Args:
        before: what was known, if anything.
        answers: what each broker answered in this read, by its name; one at least.
        is_alone: whether there is no other broker to ask.

    """
    given = {broker: answer for broker, answer in answers.items() if answer.refused == 0}
    if not given:
        return next(iter(answers.values()))
    first = next(iter(given.values()))
    if len(given) == 1:
        is_known = before is not None and before.refused == 0
        if before is None or not is_known or is_alone or before.settings == first.settings:
            return first
        return replace(before, at=-math.inf)  # what one broker says against what is known waits for a second one
    voices = {answer.settings: broker for broker, answer in reversed(given.items())}
    if len(voices) == 1:
        return first
    disagreed = 1 if before is None else before.disagreed + 1
    is_lasting = disagreed >= LASTING
    earlier = UNKNOWN if before is None or is_lasting else before.settings
    columns = [set(column) for column in zip(*voices, strict=True)]
    settings = tuple(column.pop() if len(column) == 1 else one for column, one in zip(columns, earlier, strict=True))
    at = first.at if is_lasting else -math.inf
    return TopicAnswer(at, settings, 0, tuple(voices.values()), disagreed, _dissent(voices))


def _dissent(voices: Mapping[Settings, str]) -> str:
    """Return who has what of the settings that differ."""
    differing = [at for at, column in enumerate(zip(*voices, strict=True)) if len(set(column)) > 1]
    each = (
        f"broker {broker} has " + ", ".join(f"{NAMES[at]}={_value(at, settings[at])}" for at in differing)
        for settings, broker in voices.items()
    )
    return "; ".join(each)


def _value(column: int, value: int) -> str:
    is_policy = NAMES[column] == "cleanup.policy" and value != NOT_SET
    return CleanupPolicy(value).name.lower() if is_policy else str(value)

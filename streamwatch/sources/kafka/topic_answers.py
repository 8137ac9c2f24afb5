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
"""Reads in a row in which brokers disagree, or none confirms, before it counts: one that is late to hear of a change is
not one that disagrees."""
_AGAIN_SECONDS: Final = 60.0
"""How often those are asked that go on to disagree: who has mended it wants to see it."""


@dataclass(frozen=True, slots=True)
class TopicAnswer:
    """What is known of one topic."""

    at: float
    """When it was asked (loop time)."""
    settings: Settings
    """What all that were asked last agreed on, ``NOT_SET`` where they never did."""
    refused: int | None = 0
    """The error code that came instead; 0 for none, None where the answer leaves the topic out."""
    brokers: tuple[str, ...] = ()
    """Where brokers disagree, one for each of their answers."""
    unsettled: int = 0
    """In how many reads in a row brokers have disagreed, or none has confirmed what differs from what is known."""
    dissent: str = ""
    """Which broker has which setting, where they disagree."""
    again_at: float = math.inf
    """When it is asked again though its turn has not come (loop time)."""

    @property
    def is_disagreed(self) -> bool:
        """Whether brokers go on to disagree."""
        return bool(self.dissent) and self.unsettled >= LASTING


def agreed(before: TopicAnswer | None, answers: Mapping[str, TopicAnswer], *, is_alone: bool) -> TopicAnswer:
    """Return what is known of a topic after brokers were asked.

    Args:
        before: what was known, if anything.
        answers: what each broker answered in this read, by its name, the first one first; one at least.
        is_alone: whether the cluster has no other broker.

    """
    given = {broker: answer for broker, answer in answers.items() if answer.refused == 0}
    if not given:
        return next(iter(answers.values()))
    first = next(iter(given.values()))
    voices = {answer.settings: broker for broker, answer in reversed(given.items())}
    known = before if before is not None and before.refused == 0 else None
    if len(voices) > 1:
        return _disagreed(known, first.at, voices)
    if known is None or len(given) > 1 or is_alone or known.settings == first.settings:
        return first
    return _unconfirmed(known, first)


def _unconfirmed(known: TopicAnswer, first: TopicAnswer) -> TopicAnswer:
    """Return what was known, until no other broker has answered for a while; where they disagreed, one of them must."""
    if known.dissent:
        return replace(known, at=first.at, again_at=_again_at(first.at, known.unsettled))
    unsettled = known.unsettled + 1
    return first if unsettled >= LASTING else replace(known, at=first.at, unsettled=unsettled, again_at=-math.inf)


def _disagreed(known: TopicAnswer | None, at: float, voices: Mapping[Settings, str]) -> TopicAnswer:
    """Return what they agree on, and of the rest what they agreed on before."""
    earlier = UNKNOWN if known is None else known.settings
    columns = [set(column) for column in zip(*voices, strict=True)]
    settings = tuple(column.pop() if len(column) == 1 else one for column, one in zip(columns, earlier, strict=True))
    unsettled = known.unsettled + 1 if known is not None and known.dissent else 1
    return TopicAnswer(at, settings, 0, tuple(voices.values()), unsettled, _dissent(voices), _again_at(at, unsettled))


def _again_at(at: float, unsettled: int) -> float:
    """Return when those that disagree are asked again: at once, or in a while where they go on to."""
    return at + _AGAIN_SECONDS if unsettled >= LASTING else -math.inf


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

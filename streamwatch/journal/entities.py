"""Things with names and a few facts each: brokers, groups, streams, readers, silences. What differs between two reads.

What a read could not see is unknown, and not gone: the fact that was known before stays known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from streamwatch.journal.kinds import Difference

Facts = Mapping[str, str]
Entities = Mapping[str, Facts]
"""The facts that are known, by the name of what they are about."""

ABSENT: Final = ""
"""In the place of a fact's name: that it is not there at all."""


@dataclass(frozen=True, slots=True)
class Unsure:
    """A fact that counts when the next read says the same."""

    value: str


Seen = Mapping[str, Mapping[str, str | Unsure | None]]
"""What one read says; None where it could not learn a fact."""

Pending = Mapping[tuple[str, str], tuple[str, float]]
"""Facts of which one read has spoken: by subject and fact, what it said and when."""


@dataclass(frozen=True, slots=True)
class Facet:
    """How things of one sort are compared."""

    created: str
    """The kind of the change that one is new; empty where that is none."""
    deleted: str
    facts: Mapping[str, Callable[[str, str, str], Difference | None] | str]
    """By the name of a fact: the kind of a change of it, or what makes the difference of subject, before and after."""
    reason: Callable[[Mapping[str, str]], str] = field(default=lambda _: "")
    """What is said of one that is new."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of things of one sort."""

    entities: Entities
    """What is known now; the same object where nothing changed."""
    pending: Pending
    differences: tuple[Difference, ...]


def compare(  # noqa: PLR0913, PLR0917 - two reads, and what is known of each
    facet: Facet,
    before: Entities | None,
    pending: Pending,
    seen: Seen,
    at: float,
    is_gone: Callable[[str], bool],
    *,
    is_scope_new: bool = False,
) -> Comparison:
    """Compare what a read says with what is known.

    Args:
        facet: how.
        before: what is known; None before the first read.
        pending: what the last read said, and what counts when this one says it, too.
        seen: what this read says.
        at: when the read began.
        is_gone: says of a thing that this read does not name whether it is not there; else that is not known.
        is_scope_new: whether the configuration may look at other things now: none of them is new, and none gone.

    """
    if before is None:
        return Comparison({name: _sure(facts) for name, facts in seen.items()}, {}, ())
    differences: list[Difference] = []
    after: dict[str, Facts] = {}
    waiting: dict[tuple[str, str], tuple[str, float]] = {}
    for name, facts in seen.items():
        if name not in before:
            after[name] = _sure(facts)
            if facet.created and not is_scope_new:
                differences.append(Difference(facet.created, name, after=facet.reason(after[name])))
        else:
            step = _Step(facet, name, pending, at)
            after[name] = step.facts(before[name], facts)
            differences += step.differences
            waiting |= step.waiting
    for name in before.keys() - seen.keys():
        if not is_gone(name):
            after[name] = before[name]
        elif is_scope_new:
            continue
        elif (name, ABSENT) in pending:
            since = pending[name, ABSENT][1]
            differences.append(Difference(facet.deleted, name, before=facet.reason(before[name]), at=since))
        else:
            after[name] = before[name]
            waiting[name, ABSENT] = (ABSENT, at)
    return Comparison(before if after == before else after, waiting, tuple(differences))


class _Step:
    """The facts of one thing, before and after a read."""

    def __init__(self, facet: Facet, name: str, pending: Pending, at: float) -> None:
        self._facet, self._name, self._pending, self._at = facet, name, pending, at
        self.differences: list[Difference] = []
        self.waiting: dict[tuple[str, str], tuple[str, float]] = {}

    def facts(self, before: Facts, now: Mapping[str, str | Unsure | None]) -> Facts:
        """Return what is known now, and note what differs."""
        after = dict(before)
        for fact, said in now.items():
            value, first_at = self._counts(fact, said)
            if value is None or before.get(fact) == value:
                continue
            after[fact] = value
            if fact in before:
                self._differs(fact, before[fact], value, first_at)
        return after

    def _counts(self, fact: str, said: str | Unsure | None) -> tuple[str | None, float | None]:
        """Return what counts of what was said, and since when it is so where that is not since this read."""
        if not isinstance(said, Unsure):
            first = self._pending.get((self._name, fact))
            return said, first[1] if first is not None and first[0] == said else None
        first = self._pending.get((self._name, fact))
        if first is not None and first[0] == said.value:
            return said.value, first[1]
        self.waiting[self._name, fact] = (said.value, self._at)
        return None, None

    def _differs(self, fact: str, before: str, after: str, at: float | None) -> None:
        kind = self._facet.facts.get(fact)
        if kind is None:
            return
        if isinstance(kind, str):
            self.differences.append(Difference(kind, self._name, before, after, at))
        elif (difference := kind(self._name, before, after)) is not None:
            self.differences.append(Difference(difference.kind, self._name, difference.before, difference.after, at))


def _sure(facts: Mapping[str, str | Unsure | None]) -> Facts:
    return {name: value for name, value in facts.items() if isinstance(value, str)}

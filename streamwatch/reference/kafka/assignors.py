"""Who is to have which partition of a KIP-848 group: the coordinator's ``uniform`` and ``range`` assignors."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Final

Slot = tuple[uuid.UUID, int]
"""A partition: its topic's id, and its number."""

Interested = Mapping[uuid.UUID, Sequence[str]]
"""Who subscribes to a topic: member ids in a fixed order, at least one."""

Target = dict[str, set[Slot]]
"""What each member is to have."""

Assignor = Callable[[Interested, Mapping[uuid.UUID, int], Sequence[str], Mapping[str, set[Slot]]], Target]
"""Of (who is interested, the number of partitions by topic, all members, what they were to have before)."""


def by_range(
    interested: Interested, counts: Mapping[uuid.UUID, int], members: Sequence[str], _: Mapping[str, set[Slot]]
) -> Target:
    """Give each member of a topic a run of neighbours; the first ones get one more where it is not even."""
    target: Target = {number: set() for number in members}
    for topic, numbers in interested.items():
        each, more = divmod(counts[topic], len(numbers))
        at = 0
        for i, number in enumerate(numbers):
            size = each + (i < more)
            target[number].update((topic, index) for index in range(at, at + size))
            at += size
    return target


def uniform(
    interested: Interested,
    counts: Mapping[uuid.UUID, int],
    members: Sequence[str],
    before: Mapping[str, set[Slot]],
) -> Target:
    """Give each member as many as the others, all topics together, and move as few as that takes."""
    target: Target = {number: set() for number in members}
    free: list[Slot] = []
    owners = {slot: number for number, slots in before.items() for slot in slots}
    for topic in sorted(interested):
        for slot in ((topic, index) for index in range(counts[topic])):
            owner = owners.get(slot)
            if owner is not None and owner in interested[topic]:
                target[owner].add(slot)
            else:
                free.append(slot)
    for slot in free:
        _poorest(target, interested[slot[0]])[1].add(slot)
    while _even_out(target, interested):
        pass
    return target


def _poorest(target: Target, numbers: Sequence[str]) -> tuple[str, set[Slot]]:
    number = min(numbers, key=lambda number: len(target[number]))
    return number, target[number]


def _even_out(target: Target, interested: Interested) -> bool:
    """Let the rich give to the poor what these subscribe to; return whether anything moved, which cannot go on."""
    has_moved = False
    for number in sorted(target, key=lambda one: -len(target[one])):
        for slot in sorted(target[number], reverse=True):
            poorest, slots = _poorest(target, interested[slot[0]])
            if poorest != number and len(target[number]) - len(slots) > 1:
                target[number].discard(slot)
                slots.add(slot)
                has_moved = True
    return has_moved


ASSIGNORS: Final[Mapping[str, Assignor]] = {"uniform": uniform, "range": by_range}
"""By name, the default first."""

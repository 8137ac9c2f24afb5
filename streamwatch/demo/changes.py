"""What is worth a line when it changes: the difference between two looks at the agent's page."""

import math
from collections.abc import Iterator

from streamwatch.demo.agent import GroupFigures, PageFigures, StreamFigures

_TOLD = {"denied", "throttled", "budget"}
"""Reasons for which something is not known, that nothing else shows."""
_AGE = 10.0
"""Seconds, from which on a stream's reader counts as behind."""
_LAG = 500.0
"""Records, from which on a group counts as behind."""


def changes(before: PageFigures, after: PageFigures) -> Iterator[tuple[bool, str]]:
    """Yield (whether it is bad, what changed)."""
    for broker, is_up in after.brokers.items():
        if before.brokers.get(broker) not in {is_up, None}:
            yield (not is_up, f"broker {broker} is {'up' if is_up else 'DOWN'}")
    yield from _counted(before.under_replicated, after.under_replicated, "under-replicated partitions")
    yield from _counted(before.offline, after.offline, "offline partitions")
    yield from _counted(before.reassigning, after.reassigning, "partitions on the move")
    if _known(before.controllers, after.controllers) and before.controllers != after.controllers:
        yield (after.controllers != 1, f"active controllers: {after.controllers:g}")
    for broker, share in after.disk.items():
        step, old = int(share * 4), int(before.disk.get(broker, share) * 4)
        if step != old:
            yield (step > old, f"disk of broker {broker}: {share:.0%} in use")
    for name, group in after.groups.items():
        if name in before.groups:
            yield from _of_group(name, before.groups[name], group)
    yield from _of_problems(before, after)
    for name, stream in after.streams.items():
        if name in before.streams:
            yield from _of_stream(name, before.streams[name], stream)


def _of_problems(before: PageFigures, after: PageFigures) -> Iterator[tuple[bool, str]]:
    """Yield what the agent begins or ceases not to know: of streams, for a dead broker shows by itself."""
    for source, reason in sorted(after.problems.keys() - before.problems.keys()):
        if reason in _TOLD:
            yield (True, f"it cannot read everything of {source!r}: {reason}")
    for source, reason in sorted(before.problems.keys() - after.problems.keys()):
        if reason in _TOLD:
            yield (False, f"it reads {source!r} again: no longer {reason}")


def _of_stream(name: str, before: StreamFigures, after: StreamFigures) -> Iterator[tuple[bool, str]]:
    if _known(before.shards, after.shards) and before.shards != after.shards:
        yield (False, f"stream {name} has {after.shards:g} open shards")
    if _known(after.being_read) and before.being_read != after.being_read:
        yield (not after.being_read, f"stream {name} is {'' if after.being_read else 'NOT '}being read")
    for what, old, new in (
        ("records refused for its write limits", before.write_throttled, after.write_throttled),
        ("reads refused for its read limits", before.read_throttled, after.read_throttled),
    ):
        if _known(old, new) and new > old:
            yield (True, f"stream {name}: {new - old:,.0f} {what}")
    if _known(after.age) and (before.age >= _AGE) != (after.age >= _AGE) and (_known(before.age) or after.age >= _AGE):
        yield (after.age >= _AGE, f"stream {name}: its slowest reader is {after.age:,.0f} s behind")
    if after.split and after.split.split()[0] != before.split.partition(" ")[0]:
        yield (True, f"stream {name}: split {after.split}")


def _of_group(name: str, before: GroupFigures, after: GroupFigures) -> Iterator[tuple[bool, str]]:
    if before.state != after.state:
        yield (after.state.lower() not in {"stable", "empty"}, f"group {name} is {after.state}")
    if _known(before.members, after.members) and before.members != after.members:
        yield (False, f"group {name} has {after.members:g} members")
    if _known(after.idle) and after.idle != (0 if math.isnan(before.idle) else before.idle):
        yield (after.idle > 0, f"group {name}: {after.idle:g} members have nothing to do")
    if _known(before.lag, after.lag) and (before.lag >= _LAG) != (after.lag >= _LAG):
        yield (after.lag >= _LAG, f"group {name}: lag {after.lag:,.0f} records")


def _counted(before: float, after: float, what: str) -> Iterator[tuple[bool, str]]:
    if _known(before, after) and before != after:
        yield (after > before, f"{what}: {after:g}")


def _known(*values: float) -> bool:
    return not any(map(math.isnan, values))

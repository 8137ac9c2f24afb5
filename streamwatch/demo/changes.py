"""What is worth a line when it changes: the difference between two looks at the agent's page."""

import math
from collections.abc import Iterator

from streamwatch.demo.agent import Group, Seen

_LAG = 500.0
"""Records, from which on a group counts as behind."""


def changes(before: Seen, after: Seen) -> Iterator[tuple[bool, str]]:
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


def _of_group(name: str, before: Group, after: Group) -> Iterator[tuple[bool, str]]:
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

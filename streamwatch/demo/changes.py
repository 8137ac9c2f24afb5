"""What is worth a line when it changes: the difference between two looks at the agent's page."""

import math
from collections.abc import Iterator

from streamwatch.demo.agent import Seen

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
        old_group = before.groups.get(name)
        if old_group is None:
            continue
        if old_group.state != group.state:
            yield (group.state.lower() not in {"stable", "empty"}, f"group {name} is {group.state}")
        if _known(old_group.lag, group.lag) and (old_group.lag >= _LAG) != (group.lag >= _LAG):
            yield (group.lag >= _LAG, f"group {name}: lag {group.lag:,.0f} records")


def _counted(before: float, after: float, what: str) -> Iterator[tuple[bool, str]]:
    if _known(before, after) and before != after:
        yield (after > before, f"{what}: {after:g}")


def _known(*values: float) -> bool:
    return not any(map(math.isnan, values))

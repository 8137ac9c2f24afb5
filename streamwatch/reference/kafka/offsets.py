"""What groups committed, and what waits for the end of a transaction."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Key = tuple[str, int]
"""(topic, partition)."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A committed offset; ``at`` is when, in Unix seconds."""

    offset: int
    leader_epoch: int = -1
    metadata: str = ""
    at: float = 0.0


class Offsets:
    """The offsets of all groups, by group and partition."""

    def __init__(self) -> None:
        self._retained: dict[str, dict[Key, Committed]] = {}
        self._pending: dict[int, dict[str, dict[Key, Committed]]] = {}

    def groups(self) -> set[str]:
        """Return who has any, pending ones too."""
        return self._retained.keys() | {name for groups in self._pending.values() for name in groups}

    def of(self, group: str) -> Mapping[Key, Committed]:
        """Return what a group committed."""
        return self._retained.get(group, {})

    def put(self, group: str, offsets: Mapping[Key, Committed]) -> None:
        """Keep offsets."""
        if offsets:
            self._retained.setdefault(group, {}).update(offsets)

    def forget(self, group: str, keys: Iterable[Key]) -> None:
        """Delete some, pending ones too."""
        gone = set(keys)
        for kept in (self._retained, *self._pending.values()):
            left = {key: one for key, one in kept.pop(group, {}).items() if key not in gone}
            if left:
                kept[group] = left

    def forget_group(self, group: str) -> None:
        """Delete all of a group."""
        for kept in (self._retained, *self._pending.values()):
            kept.pop(group, None)

    def forget_topic(self, topic: str) -> None:
        """Delete all of a topic."""
        for group in self.groups():
            keys = [*self.of(group), *self.unstable(group)]
            self.forget(group, [key for key in keys if key[0] == topic])

    def expire(self, group: str, until: float, spared: Collection[str]) -> None:
        """Delete what was committed up to a time (Unix seconds), except of the topics that are spared."""
        old = [key for key, one in self.of(group).items() if one.at <= until and key[0] not in spared]
        self.forget(group, set(old) - self.unstable(group))

    # Transactions

    def pend(self, group: str, producer_id: int, offsets: Mapping[Key, Committed]) -> None:
        """Keep offsets that count when their transaction commits."""
        self._pending.setdefault(producer_id, {}).setdefault(group, {}).update(offsets)

    def finish(self, producer_id: int, *, commit: bool) -> None:
        """End a producer's transaction."""
        for group, offsets in self._pending.pop(producer_id, {}).items():
            if commit:
                self.put(group, offsets)

    def unstable(self, group: str) -> set[Key]:
        """Return the partitions whose offsets are part of an open transaction."""
        return {key for groups in self._pending.values() for key in groups.get(group, {})}

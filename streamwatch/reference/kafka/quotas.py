"""Client quotas: bytes a second, or a share of the handler threads, for a user, a client id, or both (KIP-13)."""

from collections import deque
from collections.abc import Iterator
from typing import Final

Entity = tuple[tuple[str, str | None], ...]
"""Sorted pairs of (type, name): ``(("client-id", "a"), ("user", None))``; None stands for the default."""

KEYS: Final = {
    "producer_byte_rate": "long",
    "consumer_byte_rate": "long",
    "request_percentage": "double",
    "controller_mutation_rate": "double",
    "connection_creation_rate": "int",
}
"""What can be limited, and of which type the limit is."""
PRODUCE, FETCH, REQUEST = "producer_byte_rate", "consumer_byte_rate", "request_percentage"
_WINDOW_SECONDS: Final = 10.0
_MOST_SECONDS: Final = 30.0


class _Rate:
    """What a client used in the last ten seconds."""

    __slots__ = ("_parts", "total")

    def __init__(self) -> None:
        self._parts: deque[tuple[float, float]] = deque()
        self.total = 0.0

    def add(self, amount: float, now: float) -> float:
        """Return the rate a second, with this amount."""
        self._parts.append((now, amount))
        self.total += amount
        while self._parts and self._parts[0][0] <= now - _WINDOW_SECONDS:
            self.total -= self._parts.popleft()[1]
        return self.total / _WINDOW_SECONDS


class Quotas:
    """Limits, and what each client used of them, by broker."""

    def __init__(self) -> None:
        self.limits: dict[Entity, dict[str, float]] = {}
        self._used: dict[tuple[int, str, Entity], _Rate] = {}

    def alter(self, entity: Entity, key: str, value: float | None) -> None:
        """Set a limit, or remove it."""
        values = self.limits.setdefault(entity, {})
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value
        if not values:
            del self.limits[entity]

    def throttle(self, broker: int, key: str, who: tuple[str, str], amount: float, now: float) -> float:
        """Count what (user, client id) used, in bytes or percent of a second; return for how many seconds it waits."""
        for entity in _entities(*who):
            limit = self.limits.get(entity, {}).get(key)
            if limit is not None:
                rate = self._used.setdefault((broker, key, entity), _Rate()).add(amount, now)
                return min(_MOST_SECONDS, max(0.0, (rate - limit) / limit * _WINDOW_SECONDS))
        return 0.0


def _entities(user: str, client: str) -> Iterator[Entity]:
    """Yield the entities whose quota could hold, in Kafka's order of precedence."""
    clients: tuple[str | None, ...] = (client, None)
    for one in clients:
        yield (("client-id", one), ("user", user))
    yield (("user", user),)
    for one in clients:
        yield (("client-id", one), ("user", None))
    yield (("user", None),)
    yield (("client-id", client),)
    yield (("client-id", None),)

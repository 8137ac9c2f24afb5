"""What requests have cost: their number, seconds and bytes, by API and broker."""

from dataclasses import dataclass

from streamwatch.model.kafka import RequestCount


@dataclass(slots=True)
class _Count:
    requests: int = 0
    failures: int = 0
    seconds: float = 0.0
    sent_bytes: int = 0
    received_bytes: int = 0
    throttled_seconds: float = 0.0


class RequestStats:
    """Running totals. Lives on the source's event loop; ``counts`` makes a copy that may leave it."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], _Count] = {}

    def rename(self, old: str, new: str) -> None:
        """Count what was counted for a broker by its address under its id, now that it is known."""
        for api, broker in list(self._counts):
            if broker == old:
                self._counts[api, new] = self._counts.pop((api, old))

    def sent(self, api: str, broker: str, size: int) -> None:
        """Count a request that left."""
        count = self._counts.setdefault((api, broker), _Count())
        count.requests += 1
        count.sent_bytes += size

    def ended(self, api: str, broker: str, seconds: float, *, received: int, throttled: float = 0.0) -> None:
        """Count how a request ended; ``received`` 0 means that no answer came."""
        count = self._counts.setdefault((api, broker), _Count())
        count.seconds += seconds
        count.received_bytes += received
        count.failures += not received
        count.throttled_seconds += throttled

    def counts(self) -> tuple[RequestCount, ...]:
        """Return the totals."""
        return tuple(
            RequestCount(
                api, broker, c.requests, c.failures, c.seconds, c.sent_bytes, c.received_bytes, c.throttled_seconds
            )
            for (api, broker), c in self._counts.items()
        )

"""Wrong passwords, by address: who guesses has to wait, and the log says so."""

import ipaddress
import logging
import threading
from typing import Final

from streamwatch.core.clock import Clock

log = logging.getLogger(__name__)

_FREE: Final = 10
"""Wrong passwords without a wait: somebody mistypes, a scraper has yesterday's."""
_WAIT_SECONDS: Final = 1.0
"""Between two tries after that, right or wrong."""
_FORGET_SECONDS: Final = 600.0
"""Without a wrong one for so long, an address begins anew."""
_MOST_ADDRESSES: Final = 1024
_LOG_SECONDS: Final = 60.0
_NETWORK_BITS: Final = 64
"""What one client has of IPv6: it can choose the rest."""


class Guesses:
    """Counts wrong passwords; may be used from any thread."""

    def __init__(self, clock: Clock) -> None:
        """Nobody has guessed."""
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: dict[str, tuple[int, float]] = {}
        """Of each address: how many were wrong, and when the last try was. The one that tried last is the last."""
        self._logged_at = float("-inf")
        self._unlogged = 0

    def must_wait(self, address: str) -> bool:
        """Say whether an address may not try now; where it may, its next try has to wait."""
        client, now = _client(address), self._clock.monotonic()
        with self._lock:
            count, last = self._wrong.get(client, (0, now))
            if count <= _FREE or now - last >= _FORGET_SECONDS:
                return False
            if now - last < _WAIT_SECONDS:
                return True
            self._put(client, count, now)
            return False

    def wrong(self, address: str) -> None:
        """Count a wrong password, and log it, once a minute for all of them."""
        client, now = _client(address), self._clock.monotonic()
        with self._lock:
            count, last = self._wrong.get(client, (0, now))
            self._put(client, 1 if now - last >= _FORGET_SECONDS else count + 1, now)
            self._unlogged += 1
            if now - self._logged_at < _LOG_SECONDS:
                return
            self._logged_at, since, self._unlogged = now, self._unlogged, 0
        log.warning("http: wrong password", extra={"address": client, "wrong_since_the_last_line": since})

    def _put(self, client: str, count: int, now: float) -> None:
        self._wrong.pop(client, None)
        self._wrong[client] = (count, now)
        if len(self._wrong) > _MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


def _client(address: str) -> str:
    """Return whom an address belongs to: its network, where that is one client's."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address) or found.ipv4_mapped:
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))

"""What a service manager hears of the process: systemd's ``sd_notify``, lines in a datagram to ``NOTIFY_SOCKET``.

See sd_notify(3) and systemd.service(5), ``Type=notify``. Where nobody asked for it, nothing is sent.
"""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final, Self

log = logging.getLogger(__name__)

_MICROSECONDS: Final = 1_000_000


class Supervisor:
    """Whoever started the process and wants to hear of it, if there is somebody. Belongs to one thread."""

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        """Begin; nothing is sent yet.

        Args:
            address: of a Unix socket of datagrams: a path, or ``@NAME`` for an abstract one; None: nobody listens.
            watchdog_seconds: after so long without ``WATCHDOG=1`` the process is killed; None: nobody counts.

        """
        self._address = None if address is None else address.replace("@", "\0", 1) if address[0] == "@" else address
        self.watchdog_seconds = watchdog_seconds
        self._failure = ""

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Self:
        """Return the one that the environment names.

        An address of another kind (``vsock:``), and a watchdog of another process, are none.
        """
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls(None)
        counted = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        is_counted = is_ours and counted.isdecimal() and int(counted) > 0
        return cls(address, int(counted) / _MICROSECONDS if is_counted else None)

    @property
    def is_there(self) -> bool:
        """Whether somebody listens."""
        return self._address is not None

    def notify(self, **facts: str | int) -> None:
        """Send ``NAME=value`` of each; what cannot be sent is logged once, and stops nothing."""
        if self._address is None:
            return
        lines = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in facts.items())
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                # Without waiting: one that does not read must not hold up what it waits to hear of.
                sender.sendto(lines.encode(), socket.MSG_DONTWAIT, self._address)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            if why != self._failure:
                log.warning("NOTIFY_SOCKET: the service manager cannot be reached: %s: look at its unit", why)
            self._failure = why
        else:
            self._failure = ""

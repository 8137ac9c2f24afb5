"""Addresses of servers, as a ``Config`` has them."""

from collections.abc import Iterable

from streamwatch.settings.types import HostPort


def servers(texts: Iterable[str]) -> tuple[HostPort, ...]:
    """Return bootstrap servers of texts."""
    return tuple(map(HostPort.read, texts))

"""Log lines of sources: each names its source, which is part of the context that reads it.

A source sets its name where its work begins; tasks and callbacks that come of it inherit the context, and so every line
below names it, without being given the name.
"""

import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

_SOURCE: Final = ContextVar("source", default="unknown")


def reading(source: str) -> None:
    """Say whose lines those of this context are from now on."""
    _SOURCE.set(source)


def logger(name: str) -> "logging.LoggerAdapter[logging.Logger]":
    """Return a module's logger, whose lines name the source."""
    return _Named(logging.getLogger(name))


class _Named(logging.LoggerAdapter[logging.Logger]):
    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        """Add the source's name to the facts of a line."""
        return msg, {**kwargs, "extra": {"source": _SOURCE.get(), **(kwargs.get("extra") or {})}}


class LineLimit:
    """How many lines a source may log of what comes and goes: a thousand brokers that flap must not fill a disk."""

    MOST: Final = 100
    SECONDS: Final = 60.0

    def __init__(self, log: logging.LoggerAdapter[logging.Logger]) -> None:
        self._log = log
        self._since = float("-inf")
        self._count = 0

    def admits(self, now: float) -> bool:
        """Say whether one more line may be logged at this time; say once a minute that more are left out."""
        if now - self._since >= self.SECONDS:
            self._since, self._count = now, 0
        self._count += 1
        if self._count == self.MOST + 1:
            self._log.warning("too many lines: the next ones of this source's brokers are left out for a minute")
        return self._count <= self.MOST

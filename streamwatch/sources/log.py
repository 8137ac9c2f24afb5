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

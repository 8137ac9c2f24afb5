"""What was derived from objects that did not change is not derived again."""

from collections.abc import Callable
from typing import Generic, TypeVar

Derived = TypeVar("Derived")


class Memo(Generic[Derived]):
    """Keeps one derived value as long as it is asked for with the same source *objects*."""

    __slots__ = ("_derived", "_sources")

    def __init__(self) -> None:
        self._sources: tuple[object, ...] | None = None
        self._derived: Derived

    def get(self, derive: Callable[[], Derived], *sources: object) -> Derived:
        """Return what ``derive`` made of these sources, made anew when one of them is another object than last time."""
        known = self._sources
        if known is None or len(known) != len(sources) or any(a is not b for a, b in zip(known, sources, strict=True)):
            self._derived = derive()
            self._sources = sources
        return self._derived

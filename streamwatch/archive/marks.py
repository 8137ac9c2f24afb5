"""When alerts began and ended to fire: what is marked on pictures of the hours before."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

_MOST: Final = 2_000
_AGE_SECONDS: Final = 8 * 86_400.0


@dataclass(frozen=True, slots=True)
class AlertMark:
    """An alert began to fire, or ended."""

    at: float
    """In seconds since 1970."""
    what: Literal["fires", "resolved"]
    labels: Mapping[str, str]

    def concerns(self, entity: Mapping[str, str]) -> bool:
        """Say whether the alert has all these labels."""
        return all(self.labels.get(name) == value for name, value in entity.items())


class AlertMarks:
    """The last of them. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: deque[AlertMark] = deque(maxlen=_MOST)
        self._unwritten: deque[AlertMark] = deque(maxlen=_MOST)

    def add(self, marks: Iterable[AlertMark]) -> None:
        """Note what happened just now."""
        with self._lock:
            for mark in marks:
                self._marks.append(mark)
                self._unwritten.append(mark)

    def restore(self, mark: AlertMark) -> None:
        """Take what a file has."""
        with self._lock:
            self._marks.append(mark)

    def since(self, at: float) -> list[AlertMark]:
        """Return those of a time and after, the oldest first."""
        with self._lock:
            return sorted((mark for mark in self._marks if mark.at >= at), key=lambda mark: mark.at)

    def all(self, now: float) -> list[AlertMark]:
        """Return those that a file is to have, and note that it has."""
        with self._lock:
            self._unwritten.clear()
            return [mark for mark in self._marks if mark.at >= now - _AGE_SECONDS]

    def unwritten(self) -> list[AlertMark]:
        """Return those that no file has, and note that one has."""
        with self._lock:
            marks = list(self._unwritten)
            self._unwritten.clear()
            return marks

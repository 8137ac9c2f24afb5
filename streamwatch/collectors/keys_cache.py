"""Keys that stay the same objects from snapshot to snapshot: whoever renders labels does so once an object."""

from collections.abc import Sequence

from streamwatch.model.metric import Keys

Rows = Sequence[tuple[str, ...]]


class KeysCache:
    """The keys of this snapshot and of the one before; of more, nothing is kept."""

    def __init__(self) -> None:
        self._before: dict[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], Keys] = {}
        self._now = self._before

    def turn(self) -> None:
        """Begin the next snapshot."""
        self._before, self._now = self._now, {}

    def of(self, names: tuple[str, ...], rows: Rows) -> Keys:
        """Return the keys of these label names and rows: the same object for equal ones."""
        key = (names, tuple(rows))
        keys = self._now.get(key, self._before.get(key))
        self._now[key] = keys = Keys(names, key[1]) if keys is None else keys
        return keys

"""A label set: the identity of a series."""

from collections.abc import Iterable, Iterator, Mapping
from functools import total_ordering
from typing import Final

NAME: Final = "__name__"
"""The label that holds a metric's name."""


@total_ordering
class Labels(Mapping[str, str]):
    """Names and values, sorted by name and hashed once. A label whose value is empty is not there, as in Prometheus."""

    __slots__ = ("_hash", "pairs")

    pairs: tuple[tuple[str, str], ...]
    """Names and values, sorted by name."""

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        """Take the labels; of a name given twice the last counts."""
        self.pairs = tuple(sorted((name, value) for name, value in dict(labels).items() if value))
        self._hash = hash(self.pairs)

    def __getitem__(self, name: str) -> str:
        for own, value in self.pairs:
            if own == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self._hash == other._hash and self.pairs == other.pairs

    def __lt__(self, other: "Labels") -> bool:
        return self.pairs < other.pairs

    def only(self, names: Iterable[str]) -> "Labels":
        """Return these labels and no others."""
        wanted = frozenset(names)
        return Labels((name, value) for name, value in self.pairs if name in wanted)

    def without(self, names: Iterable[str]) -> "Labels":
        """Return all labels but these."""
        dropped = frozenset(names)
        return Labels((name, value) for name, value in self.pairs if name not in dropped)

    def updated(self, labels: Mapping[str, str]) -> "Labels":
        """Return the labels with these changed or added; an empty value takes one away."""
        return Labels({**dict(self.pairs), **labels})

    def __str__(self) -> str:
        shown = ", ".join(f'{name}="{_escaped(value)}"' for name, value in self.pairs if name != NAME)
        name = self.get(NAME, "")
        return f"{name}{{{shown}}}" if shown or not name else name

    def __repr__(self) -> str:
        return f"Labels({str(self)!r})"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

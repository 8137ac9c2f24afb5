"""What was last seen of one source: what a change is a change of, and what of it is kept in the state file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from streamwatch.journal.entities import Entities, Facet, Pending, compare
from streamwatch.journal.entities import Seen as SeenEntities
from streamwatch.journal.kinds import Difference
from streamwatch.journal.packing import PackError, pack, unpack
from streamwatch.journal.positions import PositionTable, unpack_positions
from streamwatch.journal.topics import TopicTable, unpack_topics

Part = Entities | TopicTable | PositionTable

TOPICS: Final = "topics"
POSITIONS: Final = "positions"


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All that is known of one source; parts that did not change are the same objects."""

    parts: Mapping[str, Part] = field(default_factory=dict)
    """What outlives the agent, by name."""
    pending: Mapping[str, Pending] = field(default_factory=dict)
    """By part: what one read said, and what counts when the next one says it, too."""
    still: frozenset[str] = frozenset()
    """Groups without a member whose positions stood still in the last read."""
    coordinators: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """Of each group, and since when: in seconds since 1970, -inf where another one was not seen."""
    same: tuple[object, ...] = ()
    """What the last read made its topics of."""

    def entities(self, name: str) -> Entities | None:
        """Return a part that is no table; None where nothing is known of it yet."""
        part = self.parts.get(name)
        return None if isinstance(part, TopicTable | PositionTable) else part

    @property
    def topics(self) -> TopicTable | None:
        """The topics; None where nothing is known of them yet."""
        part = self.parts.get(TOPICS)
        return part if isinstance(part, TopicTable) else None

    @property
    def positions(self) -> PositionTable | None:
        """The positions of groups; None where nothing is known of them yet."""
        part = self.parts.get(POSITIONS)
        return part if isinstance(part, PositionTable) else None

    def having(self, name: str, part: Part, pending: Pending | None = None) -> "Seen":
        """Return it with another part."""
        parts = self.parts if self.parts.get(name) is part else {**self.parts, name: part}
        return replace(self, parts=parts, pending={**self.pending, name: pending or {}})

    def after(  # noqa: PLR0913 - a read, and how it is compared
        self,
        name: str,
        facet: Facet,
        entities: SeenEntities,
        at: float,
        is_gone: Callable[[str], bool] = lambda _: True,
        *,
        is_scope_new: bool = False,
    ) -> "tuple[Seen, tuple[Difference, ...]]":
        """Return what is known after a read of one part, and what differs; see ``entities.compare``."""
        before, pending = self.entities(name), self.pending.get(name, {})
        found = compare(facet, before, pending, entities, at, is_gone, is_scope_new=is_scope_new)
        return self.having(name, found.entities, found.pending), found.differences


def packed(part: Part) -> bytes:
    """Return a part as bytes."""
    return part.pack() if isinstance(part, TopicTable | PositionTable) else pack({"entities": part}, {})


def unpacked(name: str, body: bytes) -> Part:
    """Return the part of this name that was packed.

    Raises:
        PackError: it cannot be read.

    """
    if name == TOPICS:
        return unpack_topics(body)
    if name == POSITIONS:
        return unpack_positions(body)
    head, _ = unpack(body)
    entities = head.get("entities")
    if not isinstance(entities, dict):
        raise PackError(f"{name}: no entities")
    return entities

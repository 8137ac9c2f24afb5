"""What two reads of one source show to have changed between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One change: what is otherwise now, and since when."""

    at: float
    """When the read began that showed it first, in seconds since 1970."""
    since: float
    """When it was last seen as it was before: it happened between the two."""
    source: str
    kind: str
    """One of the journal's kinds, such as ``topic.created``."""
    subject: str
    """What changed: the name of a topic, group, stream or reader, the id of a broker."""
    sentence: str
    before: str = ""
    after: str = ""
    until: float = 0.0
    """When the newest of the changes was seen that are joined in this one; ``at`` where it is a single one."""
    count: int = 1
    """How many changes are joined in it."""
    number: int = 0
    """Its place in the journal; 0 before it is there."""

    @property
    def what(self) -> str:
        """What changed, by its name alone: of a stream without its region, of a reader without its kind."""
        name = self.subject.partition(" in ")[0]
        return name.split()[1] if self.kind.startswith("reader.") else name

"""What two reads of one source show to have changed between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

_NONE: Final = MappingProxyType[str, str]({})


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
    def labels(self) -> Mapping[str, str]:
        """The labels of what changed, as far as its subject says them."""
        return labels_of(self.kind, self.subject)


@lru_cache(maxsize=4096)  # every incident looks at the same few hundred changes
def labels_of(kind: str, subject: str) -> Mapping[str, str]:
    """Return the labels that the subject of a change says: all of them are what changed.

    Args:
        kind: the kind of the change.
        subject: ``orders`` of a topic, ``clicks in eu-west-1`` of a stream, ``kcl app of clicks in eu-west-1`` of a
            reader; of another reader than one of the KCL it does not say which stream is read.

    """
    what = kind.partition(".")[0]
    if what in {"topic", "group", "broker"}:
        return MappingProxyType({what: subject})
    if what not in {"stream", "reader"}:
        return _NONE
    name, is_in, region = subject.rpartition(" in ")
    name, region = (name, region) if is_in else (subject, "")
    if " " in region:
        return _NONE  # it is many at once
    if what == "stream":
        found = {"stream": name}
    else:
        of, _, name = name.partition(" ")
        reader, is_of, stream = name.rpartition(" of ") if of == "kcl" else (name, "", "")
        found = {"kind": of, "reader": reader or name, "stream": stream if is_of else ""}
    return MappingProxyType({label: value for label, value in {**found, "aws_region": region}.items() if value})

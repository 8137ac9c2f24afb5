"""Addresses of the pages of single things: made of names that anybody may have chosen, and read again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, quote, unquote, urlencode

from streamwatch.archive.numbers import LABELS, EntityKind

CLUSTERS: Final = "/cluster/"
STREAMS: Final = "/stream/"
CONNECT: Final = "/connect/"
READER: Final = "/reader"
FLOW: Final = "/flow"
FLOW_JSON: Final = "/api/v1/flow"
_IN_CLUSTER: Final[Mapping[str, EntityKind]] = {"broker": "broker", "group": "group", "topic": "topic"}
_IN_CONNECT: Final[Mapping[str, EntityKind]] = {"connector": "connector"}
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    CLUSTERS: ("CLUSTER", *(f"CLUSTER/{kind}/NAME" for kind in _IN_CLUSTER)),
    STREAMS: ("ACCOUNT/REGION/STREAM",),
    CONNECT: ("CLUSTER", *(f"CLUSTER/{kind}/NAME" for kind in _IN_CONNECT)),
    READER: (),
}
"""Where there are such pages, with what stands below; words in capitals stand for names."""
_NO_SEGMENT: Final = frozenset({"", ".", ".."})
"""Names that browsers take out of a path."""
_STREAM_PARTS: Final = 3
_MOST_FIELDS: Final = 20


@dataclass(frozen=True, slots=True)
class EntityRef:
    """One thing that has a page."""

    kind: EntityKind
    entity: tuple[str, ...]
    """The values of its labels."""

    @property
    def row(self) -> dict[str, str]:
        """Its labels."""
        return dict(zip(LABELS[self.kind], self.entity, strict=True))

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, those without a value left out."""
        return {name: value for name, value in self.row.items() if value}

    @property
    def name(self) -> str:
        """What people call it."""
        return self.entity[-1]

    @property
    def path(self) -> str:
        """Where its page is."""
        if self.kind == "reader":
            return f"{READER}?{urlencode(self.labels, quote_via=quote, errors='surrogatepass')}"
        if self.kind == "stream":
            return STREAMS + "/".join(map(_segment, self.entity))
        if self.kind == "cluster":
            return CLUSTERS + _segment(self.name)
        if self.kind == "connect":
            return CONNECT + _segment(self.name)
        root = CONNECT if self.kind == "connector" else CLUSTERS
        place = f"{root}{_segment(self.entity[0])}/{self.kind}/"
        if self.name in _NO_SEGMENT:
            return f"{place}?{urlencode({'name': self.name})}"
        return place + _segment(self.name)

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Say whether an alert with these labels is about it."""
        if self.kind != "reader":
            return all(labels.get(name, "") == value for name, value in self.row.items())
        own = self.labels
        is_it = all(labels.get(name) == own.get(name) for name in ("kind", "reader"))
        return is_it and all(labels.get(name, value) == value for name, value in own.items())


def entity_at(path: str, query: str) -> EntityRef | None:
    """Return whose page is at an address; None where it is none of such a page."""
    try:
        params = parse_qs(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="surrogatepass")
        last = {name: values[-1] for name, values in params.items()}
        if path == READER:
            return EntityRef("reader", tuple(last.get(name, "") for name in LABELS["reader"]))
        prefix = next(prefix for prefix in (CLUSTERS, STREAMS, CONNECT) if path.startswith(prefix))
        parts = [unquote(part, errors="surrogatepass") for part in path.removeprefix(prefix).split("/")]
    except (ValueError, StopIteration):  # bytes that are no text
        return None
    if prefix == STREAMS:
        return EntityRef("stream", tuple(parts)) if len(parts) == _STREAM_PARTS and all(parts) else None
    if prefix == CONNECT:
        return _within("connect", _IN_CONNECT, parts, last.get("name"))
    return _within("cluster", _IN_CLUSTER, parts, last.get("name"))


def _within(whole: EntityKind, kinds: Mapping[str, EntityKind], parts: list[str], name: str | None) -> EntityRef | None:
    """Return what the parts of a path below clusters are; a name that cannot be in a path is given besides."""
    match parts:
        case [cluster] if cluster:
            return EntityRef(whole, (cluster,))
        case [cluster, kind, own] if kind in kinds and (own or name is not None):
            return EntityRef(kinds[kind], (cluster, own or name or ""))
    return None


def _segment(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")

"""What became of streams from one read to the next."""

from collections.abc import Iterator
from typing import Final

from streamwatch.core.times import duration
from streamwatch.journal.entities import Facet
from streamwatch.journal.kinds import Difference
from streamwatch.journal.seen import Seen
from streamwatch.model.kinesis import Description, StreamsSnapshot

_IN: Final = " in "
_MOST_SHARDS: Final = 6
_MODES: Final = {"PROVISIONED": "provisioned", "ON_DEMAND": "on demand"}
_ACTIVE: Final = "ACTIVE"


def _shards(name: str, before: str, after: str) -> Difference:
    return Difference("stream.shards", name, _counted(before), _counted(after))


def _counted(shards: str) -> str:
    """Return how many shards there are, and the first of them."""
    ids = shards.split()
    more = " ..." if len(ids) > _MOST_SHARDS else ""
    plural = "" if len(ids) == 1 else "s"
    return f"{len(ids)} open shard{plural} ({', '.join(ids[:_MOST_SHARDS])}{more})"


_STREAMS: Final = Facet(
    "stream.created",
    "stream.deleted",
    {
        "mode": "stream.mode", "retention": "stream.retention", "consumers": "stream.consumers",
        "monitoring": "stream.monitoring", "shards": _shards,
    },
)  # fmt: skip


def step_streams(seen: Seen, snapshot: StreamsSnapshot, *, is_scope_new: bool) -> tuple[Seen, list[Difference]]:
    """Return what is known of streams after a read, and what differs; a region that was not read is not known."""
    if snapshot.streams is None:
        return seen, []
    regions = {stream.region for stream in snapshot.streams} | snapshot.without.keys()
    facts = {f"{one.name}{_IN}{one.region}": dict(_stream_facts(one.description)) for one in snapshot.streams}
    first = seen.entities("regions") or {}
    fresh = {name for name in facts if name.rpartition(_IN)[2] not in first}
    known = seen.entities("streams")
    if known is not None and fresh:  # a region that was never read before has no new streams
        seen = seen.having("streams", {**known, **{name: facts[name] for name in fresh}})
    seen = seen.having("regions", first if first.keys() >= regions else {**first, **{one: {} for one in regions}})
    after, differences = seen.after(
        "streams", _STREAMS, facts, snapshot.taken_at, lambda name: name.rpartition(_IN)[2] in regions,
        is_scope_new=is_scope_new,
    )  # fmt: skip
    return after, list(differences)


def _stream_facts(description: Description | None) -> Iterator[tuple[str, str]]:
    """Yield what is known of a stream; its shards while nothing splits or merges them."""
    if description is None:
        return
    yield "mode", _MODES.get(description.mode, description.mode)
    yield "retention", duration(description.retention_seconds)
    yield "monitoring", ", ".join(sorted(description.watched))
    if description.consumers is not None:
        yield "consumers", ", ".join(description.consumers)
    if description.shards is not None and description.status == _ACTIVE:
        yield "shards", " ".join(shard.id.removeprefix("shardId-") for shard in description.shards if shard.is_open)

"""May a member of a group, or a worker of an application, be restarted now? Only where another one goes on."""

from collections.abc import Iterator, Sequence
from typing import Final

from streamwatch.collectors.outlook.verdict import LastRead, Objection, Verdict, unknown, verdict
from streamwatch.model.kafka import ClusterSnapshot, Group
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.model.snapshot import Snapshot

_STABLE: Final = frozenset({"Stable"})
_GONE: Final = frozenset({"Empty", "Dead"})


def may_restart_reader(name: str, reads: Sequence[LastRead], now: float, after: float = 0.0) -> Verdict:
    """Answer for whatever has this name: a group of Kafka's, or a reader of a stream or topic.

    Args:
        name: the group's, application's, function's or connector's.
        reads: the last reads of all sources that may know it.
        now: seconds since 1970.
        after: reads that began before do not count.

    """
    found: list[Objection] = []
    rests_on: list[LastRead] = []
    for read in reads:
        several = tuple(named(name, read.snapshot))
        is_read = read.snapshot is not None and read.snapshot.is_up
        stale = read.stale(now, after) if several or not is_read else None
        if stale is not None:
            found.append(stale)
        elif several:
            rests_on.append(read)
            for one in several:
                found += _of_group(one, read.source) if isinstance(one, Group) else _of_reader(one)
    if not rests_on and not found:
        found.append(unknown("unknown", f"no group, application, function or connector {name!r} is known"))
    return verdict(f"reader {name}", found, rests_on)


def named(name: str, snapshot: Snapshot | None) -> Iterator[Group | Reader]:
    """Return what a read knows by this name."""
    if isinstance(snapshot, ClusterSnapshot):
        yield from (group for group in snapshot.groups.groups if group.name == name)
    if isinstance(snapshot, ReadersSnapshot):
        yield from (reader for reader in snapshot.readers or () if name in {reader.name, reader.owner})


def _of_group(group: Group, cluster: str) -> Iterator[Objection]:
    what = f"group {group.name} of {cluster}"
    if group.state in _GONE:
        yield Objection(kind="members", text=f"{what} has no members: nobody would go on")
        return
    if group.state not in _STABLE:
        yield Objection(kind="members", text=f"{what} is not stable: {group.state or 'its state is not known'}")
    if group.members is None:
        yield unknown("members", f"how many members {what} has is not known")
    elif group.members < 2:  # noqa: PLR2004 - itself, and another
        yield Objection(kind="members", text=f"{what} has no other member")


def _of_topics(pattern: str) -> str:
    return "all topics" if pattern == ".*" else pattern


def _of_reader(reader: Reader) -> Iterator[Objection]:
    where = reader.stream or reader.topic or _of_topics(reader.topics)
    what = f"{reader.kind} {reader.name}" + (f" of {where}" if where else "")
    if reader.state == "unknown":
        yield unknown("members", f"how {what} is, is not known")
    elif reader.state != "running":
        yield Objection(kind="members", text=f"{what} is {reader.state}: {reader.reason}".rstrip(": "))
    workers = None if reader.assignment is None else reader.assignment.workers
    if workers is None:
        yield unknown("members", f"how many workers {what} has is not known")
    elif workers < 2:  # noqa: PLR2004 - itself, and another
        yield Objection(kind="members", text=f"{what} has no other worker that renews leases")

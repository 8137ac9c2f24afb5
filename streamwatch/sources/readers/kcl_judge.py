"""From an application's leases, and what is known of its streams, to readers: one for each stream that it reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from streamwatch.model.cloudwatch import Series
from streamwatch.model.kinesis import Description, Shard, Stream, StreamKey, StreamsSnapshot
from streamwatch.model.reader import Assignment, Position, Reader, State
from streamwatch.sources.readers import kcl_whole
from streamwatch.sources.readers.kcl_join import Births, births, joined, likeliest, without_left
from streamwatch.sources.readers.kcl_lag import ShardFacts, Writes, position
from streamwatch.sources.readers.kcl_leases import Leases, ListedShards
from streamwatch.sources.readers.kcl_rows import Lease

_CLOCKS_SECONDS: Final = 10.0
"""By so much may the time in a checkpoint, which is the service's, differ from ours."""
_CALL_SHARE: Final = 0.2
"""KCL 1 and 2 read a shard once a second, of its five calls: idleTimeBetweenReadsInMillis is 1,000."""
_CALL_SHARE_OF_3: Final = 0.2 / 1.5
"""KCL 3 waits for 1,500 ms."""


def _series(stream: str, shard: str = "") -> Series:
    dimensions = (("ShardId", shard), ("StreamName", stream)) if shard else (("StreamName", stream),)
    return Series("AWS/Kinesis", "IncomingRecords", "Sum", dimensions)


@dataclass(slots=True)
class RegionStreams:
    """What is known of the streams of one region, from read to read."""

    known: Mapping[str, Stream] = field(default_factory=dict)
    births: Births = field(default_factory=dict)
    writes: dict[tuple[str, str], Writes] = field(default_factory=dict)
    """By stream and shard; of the whole stream by the empty shard."""
    account: str = ""
    names: frozenset[str] | None = None
    """All that there are, as listed last; None where the last read could not list all."""
    listed_at: float = 0.0

    def take(self, now: StreamsSnapshot | None, region: str) -> None:
        """Take what the streams' own source has read last."""
        streams = [] if now is None else [one for one in now.streams or () if one.region == region]
        self.known = {one.name: one for one in streams}
        self.births = births(streams)
        self.names = None if now is None else now.names.get(region)
        self.listed_at = 0.0 if now is None else now.taken_at
        for gone in [key for key in self.writes if key[0] not in self.known]:
            del self.writes[gone]
        if now is None or not streams:
            return
        self.account = streams[0].account
        snapshot = now.cloudwatch.get((self.account, region))
        for stream in streams if snapshot is not None else ():
            for shard in ("", *_measured(stream)):
                reading = snapshot.readings.get(_series(stream.name, shard)) if snapshot is not None else None
                if reading is not None:
                    self.writes.setdefault((stream.name, shard), Writes()).take(reading)

    def with_consumer(self, name: str) -> set[str]:
        """Return the streams where a consumer of this name is registered."""
        return {
            one.name
            for one in self.known.values()
            if one.description is not None and name in (one.description.consumers or ())
        }

    def is_gone(self, stream: str, leases: Sequence[Lease]) -> bool:
        """Whether a stream that was read before the streams were listed is not among them."""
        if not stream or self.names is None or stream in self.names:
            return False
        read = [one.at for lease in leases if (one := lease.written(lease.read_at)) is not None]
        return bool(read) and max(read) + _CLOCKS_SECONDS < self.listed_at

    def has_shards(self, stream: str) -> bool:
        """Whether it is known which shards a stream has."""
        found = self.known.get(stream)
        return found is not None and found.description is not None and found.description.shards is not None

    def of(self, stream: str, shard: str) -> ShardFacts:
        """Return what is known of a shard."""
        found = self.known.get(stream)
        shards = (found.description.shards if found is not None and found.description is not None else None) or ()
        is_only = len(shards) == 1 and shards[0].id == shard  # one that was not listed yet is not the only one
        own = self.writes.get((stream, "" if is_only else shard))
        return ShardFacts(next((one for one in shards if one.id == shard), None), self.writes.get((stream, "")), own)


def _measured(stream: Stream) -> tuple[str, ...]:
    description = stream.description
    if description is None or "IncomingRecords" not in description.watched:
        return ()
    return tuple(one.id for one in description.shards or () if one.is_open)


@dataclass(frozen=True, slots=True)
class LeasedApplication:
    """One application, as its table was read last."""

    name: str
    account: str
    region: str
    leases: Leases
    odd: tuple[str, ...] = ()
    unreadable: frozenset[str] = frozenset()
    """Shards that have a lease which could not be read."""
    stream: str | None = None
    """What it was seen to read, where that was one stream: the join's evidence goes with the stream."""


def judged(
    application: LeasedApplication, streams: RegionStreams, named: str | None, now: float, still: float
) -> list[Reader]:
    """Return the readers of an application.

    Args:
        application: what its table holds.
        streams: what is known of the streams there.
        named: the stream's name, where the configuration says it.
        now: when.
        still: a checkpoint that has not moved for so many seconds stands still.

    """
    leases = [one.lease for one in application.leases.followed.values()]
    likely = likeliest(leases, streams.births, now, streams.with_consumer(application.name))
    if not likely and application.stream is not None:
        likely = [application.stream]
    own = streams.account or application.account
    found = joined(leases, named, likely, own) or {(own, named or ""): []}
    # Of streams of other accounts nothing is known here, whatever is called as they are.
    readers = [
        _judged_of(application, streams if account == own else RegionStreams(account=account), name, of, still)
        for (account, name), of in sorted(found.items())
    ]
    return [one if one.stream or not leases else _nameless(one, likely) for one in readers]


def _judged_of(
    application: LeasedApplication, streams: RegionStreams, name: str, leases: Sequence[Lease], still: float
) -> Reader:
    if streams.is_gone(name, leases):
        return _without_stream(application, streams, name, leases, f"there is no stream {name} any more")
    known = streams.known.get(name)
    shards = known.description.shards if known is not None and known.description is not None else None
    current = without_left(leases, shards)
    if leases and not current:
        why = f"stream {name} was deleted and made again, and its checkpoints are of the one before"
        return _without_stream(application, streams, name, leases, why)
    return _reader(application, streams, name, current, still, len(leases) - len(current))


def _without_stream(
    application: LeasedApplication, streams: RegionStreams, name: str, leases: Sequence[Lease], why: str
) -> Reader:
    """Return the reader of a stream that was deleted: nothing is left to read, and none of its leases is missed."""
    alive = application.leases.assignment(leases, None).renewed
    does = "its lease table is left over" if alive == 0 else "its workers go on asking for it" if alive else ""
    return Reader(
        kind="kcl",
        name=application.name,
        owner=application.name,
        account=streams.account or application.account,
        region=application.region,
        stream=name,
        state="unknown" if alive is None else "failing" if alive else "stopped",
        reason=f"{why}{f': {does}' if does else ''}",
        positions=(),
        unknown=application.odd,
    )


def _nameless(reader: Reader, likely: Sequence[str]) -> Reader:
    """Return the reader with why its stream is not known."""
    why = f"{' or '.join(likely[:3])}, made in the same second" if likely else "no checkpoint says which"
    unknown = f"stream: {why}: name it in `readers.kcl.applications`"
    return replace(reader, unknown=(unknown, *reader.unknown))


def _reader(  # noqa: PLR0913, PLR0917 - what is known of one application and one stream
    application: LeasedApplication,
    streams: RegionStreams,
    name: str,
    leases: Sequence[Lease],
    still: float,
    left: int,
) -> Reader:
    description = streams.known[name].description if name in streams.known else None
    shards = None if description is None else description.shards
    listing = None if description is None or shards is None else ListedShards(shards, description.listed_at)
    at_work = [
        application.leases.followed[one.key]
        for one in sorted(leases, key=lambda one: one.shard)
        if not one.is_finished and not application.leases.is_gone(one, listing)
    ]
    positions = tuple(position(one, streams.of(name, one.lease.shard), still) for one in at_work)
    whole = kcl_whole.standing(positions, at_work, shards, streams.writes.get((name, "")), still)
    assignment = application.leases.assignment(leases, listing, application.unreadable, left)
    unknown = tuple(_unknown(name, description, positions, assignment))
    state, reason = _state(assignment, leases)
    if whole is not None:
        positions = (*positions, whole)
        reason += ", and no checkpoint moves though records come" if state == "running" else ""
    return Reader(
        kind="kcl",
        name=application.name,
        owner=application.name,
        account=streams.account or application.account,
        region=application.region,
        stream=name or None,
        state=state,
        reason=reason,
        positions=positions,
        assignment=assignment,
        calls_limit_ratio=_calls(application.name, state, assignment, description),
        retention_seconds=None if description is None else description.retention_seconds,
        unknown=(*unknown, *application.odd),
    )


def _state(now: Assignment, leases: Sequence[Lease]) -> tuple[State, str]:
    if not leases:
        return "unknown", "the table holds no lease"
    if now.renewed is None or now.not_renewed is None or now.free is None:
        return "unknown", "the leases were read once: whether they are renewed is known after the next read"
    holes = len(now.holes or ())
    if now.renewed == 0:
        if now.not_renewed + now.free + holes == 0:
            return "running", "every shard was read to its end"
        return "stopped", "no lease is renewed: no worker is left"
    wrong = [
        f"{count} {what}"
        for count, what in (
            (now.not_renewed, "leases are held and not renewed"),
            (now.free, "leases are held by nobody"),
            (holes, "shards have no lease"),
        )
        if count
    ]
    if now.has_leader is False:
        wrong.append("no worker assigns leases")
    return ("partly", ", ".join(wrong)) if wrong else ("running", "every lease is renewed")


def _calls(name: str, state: State, now: Assignment, stream: Description | None) -> float | None:
    """Return the share of a shard's calls that the application makes; a registered consumer of its name makes none."""
    if stream is None or stream.consumers is None or state == "unknown":
        return None
    if name in stream.consumers or state == "stopped":
        return 0.0
    return _CALL_SHARE if now.has_leader is None else _CALL_SHARE_OF_3


def _unknown(
    name: str, description: Description | None, positions: Iterable[Position], now: Assignment
) -> Iterable[str]:
    if name and (description is None or description.shards is None):
        yield f"shards: {name} is not among the streams that are looked at, or they could not be listed"
    if now.unlisted:
        what = f"{len(now.unlisted)} leases are of shards that were not listed yet, of {now.unlisted[0]} for example"
        yield f"shards: {what}: those of {name} are listed again at its next read"
    blind = [one.part for one in positions if one.bound_seconds is None]
    if blind:
        yield f"lag: {len(blind)} checkpoints say no time, of {blind[0]} for example"
    stand = [one.part for one in positions if one.method == "unknown" and one.bound_seconds is not None]
    if stand:
        what = f"lag: {len(stand)} checkpoints stand, of {stand[0]} for example, and whether records came is not known"
        yield f"{what}: set `readers.kcl.probe`, or switch on enhanced monitoring of IncomingRecords"


def unread(application: str, account: str, region: str, stream: str | None) -> Reader:
    """Return the reader of which nothing is known now, because its table could not be read."""
    why = "its lease table cannot be read"
    return Reader(
        kind="kcl", name=application, owner=application, account=account, region=region, stream=stream, state="unknown",
        reason=why, positions=(), unknown=(why,),
    )  # fmt: skip


Follow = Callable[[frozenset[StreamKey]], None]
"""Takes streams of which more is to be learnt than their own source asks for by itself."""


def followed(readers: Iterable[Reader]) -> frozenset[StreamKey]:
    """Return the streams that these read."""
    return frozenset((one.account, one.region, one.stream) for one in readers if one.stream is not None)


def unlisted(readers: Iterable[Reader]) -> frozenset[StreamKey]:
    """Return the streams that have leases of shards which their last listing cannot know."""
    return followed(one for one in readers if one.assignment is not None and one.assignment.unlisted)


def uncovered(
    readers: Iterable[Reader], streams: RegionStreams, leases: Iterable[Lease], now: float
) -> dict[str, float]:
    """Return the streams of which it would have to be known what was written since when, to tell a lag."""
    shards: dict[str, set[str]] = {}
    for reader in readers:
        if reader.stream is not None and reader.account == streams.account:
            waiting = {one.part for one in reader.positions if one.method == "unknown" and one.bound_seconds}
            shards.setdefault(reader.stream, set()).update(waiting)
    since: dict[str, float] = {}
    for lease in leases:
        written = lease.written(now)
        for stream, waiting in shards.items():
            if written is None or lease.shard not in waiting or not _is_of(lease, stream, streams):
                continue
            known = streams.writes.get((stream, ""))
            if known is None or known.since > written.at // 60 * 60 + 60:
                since[stream] = min(since.get(stream, now), written.at)
    return since


def _is_of(lease: Lease, stream: str, streams: RegionStreams) -> bool:
    found = streams.known.get(stream)
    shards: Sequence[Shard] = (found.description.shards if found and found.description else None) or ()
    is_named = lease.stream in {None, stream} and lease.account in {None, streams.account}
    return is_named and any(one.id == lease.shard for one in shards)

"""Of which stream a lease table is, without anybody saying so: a checkpoint holds the second its shard was made in."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from streamwatch.model.kinesis import Shard, Stream
from streamwatch.sources.readers.kcl_rows import Lease, decoded, precedes

Births = Mapping[tuple[str, int], Sequence[str]]
"""Names of the streams that have a shard of this id, made in that second."""


def births(streams: Iterable[Stream]) -> Births:
    """Return which streams have which shards."""
    found: dict[tuple[str, int], list[str]] = {}
    for stream in streams:
        for shard in (stream.description.shards if stream.description is not None else None) or ():
            first = decoded(shard.starting, shard.id, float("inf"))
            if first is not None:
                found.setdefault((shard.id, first.made), []).append(stream.name)
    return found


def joined(
    leases: Sequence[Lease], named: str | None, likely: Sequence[str], account: str
) -> dict[tuple[str, str], list[Lease]]:
    """Return the leases by account and name of their stream; those of which it is not known are of the empty name.

    An application reads one stream, unless the keys of its leases name several: so what most of them say holds for all
    of them. Where two streams are as likely, none is.

    Args:
        leases: all of one table.
        named: the stream's name, where the configuration says it.
        likely: the streams that it may be, as ``likeliest`` returns them.
        account: that of streams whose account no key names.

    """
    found: dict[tuple[str, str], list[Lease]] = {}
    rest = []
    for lease in leases:
        if lease.stream is not None:
            found.setdefault((lease.account or account, lease.stream), []).append(lease)
        else:
            rest.append(lease)
    if rest:
        found.setdefault((account, named or (likely[0] if len(likely) == 1 else "")), []).extend(rest)
    return found


def without_left(leases: Sequence[Lease], shards: Iterable[Shard] | None) -> list[Lease]:
    """Return the leases without those that are left of a stream of the same name which was deleted.

    Their key has an earlier epoch than others', or their checkpoint was written before their shard was made.

    Args:
        leases: of one stream.
        shards: what it has; None where that is not known.

    """
    epoch = max((one.epoch for one in leases), default=0)
    starting = {one.id: one.starting for one in shards or ()}
    return [
        one
        for one in leases
        if not 0 < one.epoch < epoch and not precedes(one.written(one.read_at), one.shard, starting.get(one.shard, ""))
    ]


def likeliest(leases: Iterable[Lease], known: Births, now: float, registered: Collection[str]) -> list[str]:
    """Return the stream that an application reads; several where they are as likely, none where nothing says it.

    Streams that are made together have shards of the same second: then, and where there is no checkpoint yet, it is the
    one where the application has registered a consumer, which KCL calls as the application.

    Args:
        leases: all of one table.
        known: which streams have which shards.
        now: nothing was written after it.
        registered: streams that have a consumer of the application's name.

    """
    votes: Counter[str] = Counter()
    for lease in leases:
        written = lease.written(now)
        if written is not None:
            votes.update(known.get((lease.shard, written.made), ()))
    most = max(votes.values(), default=0)
    likely = sorted(name for name, count in votes.items() if count == most)
    return [name for name in likely if name in registered] or likely or sorted(registered)

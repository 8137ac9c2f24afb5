"""What was written to a stream and its shards in the last day, and what producers wanted to write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamwatch.advice.past import PastHours, smooth
from streamwatch.advice.resharding import ShardLoad
from streamwatch.catalogue import kinesis as k
from streamwatch.catalogue import kinesis_shards as s
from streamwatch.model.kinesis import Description, Shard, Stream
from streamwatch.model.metric import Values

RECORDS_A_SECOND: Final = 1000.0
BYTES_A_SECOND: Final = 2.0**20
READ_BYTES_A_SECOND: Final = 2.0 * 2**20
_NEEDED: Final = frozenset({"IncomingBytes", "IncomingRecords"})
_REFUSED: Final = "WriteProvisionedThroughputExceeded"
_DAY_SECONDS: Final = 86400.0


@dataclass(frozen=True, slots=True)
class StreamDay:
    """A day of a stream, by the minute; NaN where it is not known."""

    load: Values
    """What producers wanted to write, in shards' worth of the limit that is nearer."""
    records: Values
    """Written in a second."""
    bytes: Values
    read_bytes: Values
    """By GetRecords."""
    refused: float
    """How many records were refused in the day, as far as it is known; retries count again."""
    since_reshard: int
    """From which minute on there were as many shards as now."""


def stream_load(stream: Stream, past: PastHours) -> StreamDay:
    """Return what the archive has of a stream."""
    entity = (stream.account, stream.region, stream.name)
    shards = past.day("stream", k.OPEN_SHARDS, entity, "last")
    of_bytes, of_records, of_reads = (
        past.day("stream", metric, entity) for metric in (k.WRITE_BYTES_USE, k.WRITE_RECORDS_USE, k.READ_BYTES_USE)
    )
    is_in_time = ~np.isnan(past.day("stream", k.BEING_READ, entity)) | ~np.isnan(of_bytes) | ~np.isnan(of_records)
    # CloudWatch has no point of a minute in which nothing was written: where it is in time, that is none.
    by_bytes, by_records, by_reads = (
        np.where(is_in_time, np.nan_to_num(use), np.nan) * shards for use in (of_bytes, of_records, of_reads)
    )
    refused = past.day("stream", k.WRITE_THROTTLED, entity, "last")
    changes = np.flatnonzero(shards[1:] != shards[:-1])
    changes = changes[~np.isnan(shards[changes]) & ~np.isnan(shards[changes + 1])]
    return StreamDay(
        load=np.maximum(by_bytes, by_records) * _wanted(by_records * RECORDS_A_SECOND, refused),
        records=by_records * RECORDS_A_SECOND,
        bytes=by_bytes * BYTES_A_SECOND,
        read_bytes=by_reads * READ_BYTES_A_SECOND,
        refused=float(np.nansum(refused)) / len(refused) * _DAY_SECONDS,
        since_reshard=int(changes[-1]) + 1 if len(changes) else 0,
    )


def is_watched(description: Description) -> bool:
    """Say whether it is known what each shard gets."""
    return description.watched >= _NEEDED


def counts_refused(description: Description) -> bool:
    """Say whether it is known what each shard refuses."""
    return _REFUSED in description.watched


def open_shards(description: Description) -> list[Shard]:
    """Return the open shards by their hash keys."""
    return sorted((shard for shard in description.shards or () if shard.is_open), key=lambda shard: shard.first)


def shard_loads(stream: Stream, shards: Sequence[Shard], of_stream: StreamDay, past: PastHours) -> list[ShardLoad]:
    """Return what the archive has of each shard, since there are as many as now."""
    uses = [_uses(stream, shard, past) for shard in shards]
    has_any = np.zeros(len(of_stream.load), dtype=bool)
    for of_bytes, of_records, _ in uses:
        has_any |= ~np.isnan(of_bytes) | ~np.isnan(of_records)
    is_known = ~np.isnan(of_stream.load) & (has_any | (of_stream.load == 0))
    is_known[: of_stream.since_reshard] = False
    loads = []
    for shard, (of_bytes, of_records, refused) in zip(shards, uses, strict=True):
        by_bytes, by_records = np.nan_to_num(of_bytes), np.nan_to_num(of_records)
        load = np.maximum(by_bytes, by_records) * _wanted(by_records * RECORDS_A_SECOND, refused)
        loads.append(ShardLoad(shard.id, shard.first, shard.last, np.where(is_known, load, np.nan)))
    return loads


def _uses(stream: Stream, shard: Shard, past: PastHours) -> tuple[Values, Values, Values]:
    entity = (stream.account, stream.region, stream.name, shard.id)
    return (
        past.day("shard", s.SHARD_WRITE_BYTES_USE, entity),
        past.day("shard", s.SHARD_WRITE_RECORDS_USE, entity),
        past.day("shard", s.SHARD_WRITE_THROTTLED, entity, "last"),
    )


def _wanted(written: Values, refused: Values) -> Values:
    """Return how much more producers wanted to write than they could; refused records are as large as others."""
    written, refused = smooth(written), np.nan_to_num(smooth(refused))
    return 1.0 + np.divide(refused, written, out=np.zeros(len(written)), where=np.nan_to_num(written) > 0)

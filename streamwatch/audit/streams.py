"""Kinesis streams that nobody reads, are nearly lost to their readers, or are nearly at a quota."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Final

from streamwatch.audit.facts import AuditFacts
from streamwatch.audit.finding import NotChecked, Observation, Outcome
from streamwatch.catalogue import kinesis as n
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.core.words import counted, listed, span
from streamwatch.model.kinesis import Description, Stream
from streamwatch.model.reader import Reader

_LATE: Final = 0.5
_VERY_LATE: Final = 0.8
_NEAR: Final = 0.8
"""From this share of a limit on there is little left."""
_FULL: Final = 0.8
_HALF: Final = 0.5
_DAY_HOURS: Final = 24
_MOST_HOURS: Final = 8760
_NEEDED: Final = frozenset({"IncomingBytes", "IncomingRecords"})
"""Shard-level metrics that say which shard is hot."""
_MANY: Final = 100


def streams_without_reader(facts: AuditFacts) -> Iterator[Outcome]:
    """Streams that nobody reads."""
    for stream in _streams(facts):
        being_read = facts.samples.value(n.BEING_READ, *_row(stream))
        readers = [each.name for each in _readers(facts, stream) if each.state in {"running", "partly", "failing"}]
        if being_read is None and not readers:
            yield NotChecked(_target(stream), "whether anybody reads it: CloudWatch is not asked, or is late")
        if being_read != 0 or readers:
            continue
        use = facts.samples.value(n.WRITE_RECORDS_USE, *_row(stream))
        known = f"no reader is known of it but {listed(_stopped(facts, stream))}" if _stopped(facts, stream) else ""
        yield Observation(
            severity="warning" if use else "info",
            kind="stream",
            target=_target(stream),
            evidence=(
                "CloudWatch counts no read of the last minutes",
                *((known,) if known else ()),
                "records are written to it" if use else "no record is written to it, either",
            ),
            remedy=f"start its reader; or, once nobody needs it: {_aws(stream, 'delete-stream')}",
        )


def retention_short(facts: AuditFacts) -> Iterator[Outcome]:
    """Streams whose slowest reader has read of records that will soon expire."""
    for stream in _streams(facts):
        if stream.description is None:
            continue
        kept = stream.description.retention_seconds
        lags = [(name, lag) for (name,), lag in facts.samples.values(h.CONSUMER_LAG, *_row(stream)).items()]
        lags += [(each.name, lag) for each in _readers(facts, stream) if (lag := each.lag_seconds) is not None]
        age = facts.samples.value(n.ITERATOR_AGE, *_row(stream))
        if age is None and not lags:
            if facts.samples.value(n.BEING_READ, *_row(stream)) != 0:
                yield NotChecked(_target(stream), "how far its slowest reader is behind")
            continue
        worst = max([*(lag for _, lag in lags), *([] if age is None else [age])])
        if worst < _LATE * kept:
            continue
        names = sorted({name for name, lag in lags if lag >= _LATE * kept})
        who = f"{listed(names)} is" if len(names) == 1 else f"{listed(names)} are" if names else "its slowest reader is"
        hours = min(_MOST_HOURS, max(2 * int(kept // 3600), int(2 * worst // 3600), _DAY_HOURS))
        yield Observation(
            severity="critical" if worst >= _VERY_LATE * kept else "warning",
            kind="stream",
            target=_target(stream),
            evidence=(f"{who} {span(worst)} behind, and the stream keeps {span(kept)}: {worst / kept:.0%}",),
            remedy=_aws(stream, "increase-stream-retention-period", "--retention-period-hours", str(hours)),
        )


def hot_shards(facts: AuditFacts) -> Iterator[Outcome]:
    """Streams of which one shard is full while the others are not."""
    for stream in _streams(facts):
        description = stream.description
        if description is None or description.open_shards == 1 or description.distribution == "AUTO":
            continue
        if not description.watched >= _NEEDED:
            yield NotChecked(_target(stream), "which of its shards are hot: shard-level metrics are not on")
            continue
        uses = [facts.samples.value(metric, *_row(stream)) for metric in (n.WRITE_RECORDS_USE, n.WRITE_BYTES_USE)]
        use = max((each for each in uses if each is not None), default=None)
        for (shard, hash_key), share in facts.samples.values(h.SPLIT, *_row(stream)).items():
            if share < _FULL or use is None or use >= _HALF:
                continue
            skew = facts.samples.value(h.SHARD_SKEW, *_row(stream))
            more = (
                () if skew is None else (f"it gets {1 + skew:.1f} times the mean of {description.open_shards} shards",)
            )
            yield Observation(
                severity="warning",
                kind="stream",
                target=_target(stream),
                evidence=(f"{shard} uses {share:.0%} of its write limits, the stream {use:.0%} of its own", *more),
                remedy=_aws(stream, "split-shard", "--shard-to-split", shard, "--new-starting-hash-key", hash_key)
                + "; where a single partition key is that hot, only another key helps",
            )


def near_quotas(facts: AuditFacts) -> Iterator[Outcome]:
    """Streams, readers and accounts that are nearly at a limit of AWS's."""
    for (account, region), share in facts.samples.values(n.SHARDS_LIMIT_RATIO).items():
        if share >= _NEAR:
            yield Observation(
                severity="warning",
                kind="account",
                target=f"{account}/{region}",
                evidence=(f"open shards are {share:.0%} of the account's quota",),
                remedy=f"aws service-quotas list-service-quotas --service-code kinesis --region {region}, and ask for"
                " more with request-service-quota-increase",
            )
    limits = (
        (n.CONSUMERS_LIMIT_RATIO, "registered consumers"),
        (n.READ_CALLS_USE, "calls of GetRecords"),
        (n.READ_BYTES_USE, "bytes read"),
    )
    for stream in _streams(facts):
        near = [
            f"{what} are {used:.0%} of the limit"
            for metric, what in limits
            if (used := facts.samples.value(metric, *_row(stream))) is not None and used >= _NEAR
        ]
        pollers = [each for each in _readers(facts, stream) if each.calls_limit_ratio]
        # All who poll a shard share what it allows. Six times 0.2 / 1.5 is a little less than 0.8 in binary.
        calls = round(sum(each.calls_limit_ratio or 0.0 for each in pollers), 6)
        if calls >= _NEAR:
            make = "makes" if len(pollers) == 1 else "make"
            near.append(
                f"{listed([each.name for each in pollers])} {make} {calls:.0%} of the calls that a shard allows"
            )
        if near:
            yield Observation(
                severity="warning",
                kind="stream",
                target=_target(stream),
                evidence=tuple(near),
                remedy="register a consumer (enhanced fan-out) for a reader: "
                + _aws_arn(stream, "register-stream-consumer", "--consumer-name", "NAME"),
            )


def shard_metrics(facts: AuditFacts) -> Iterator[Outcome]:
    """Shard-level metrics that cost more than they say."""
    for stream in _streams(facts):
        description = stream.description
        if description is None or not description.watched:
            continue
        paid = len(description.watched) * description.open_shards
        shards = counted(description.open_shards, "open shard")
        why, metrics = _why_too_many(description, paid)
        if why:
            yield Observation(
                severity="info",
                kind="stream",
                target=_target(stream),
                evidence=(
                    f"{counted(len(description.watched), 'shard-level metric')} of {shards}: CloudWatch bills {paid}",
                    why,
                ),
                remedy=_aws(stream, "disable-enhanced-monitoring", "--shard-level-metrics", *metrics),
            )


def _why_too_many(description: Description, paid: int) -> tuple[str, Sequence[str]]:
    every = sorted(description.watched)
    if description.open_shards == 1:
        return "of one shard they say what the stream's own metrics say for nothing", every
    if description.mode == "ON_DEMAND":
        return "the stream is on demand: Kinesis splits its shards itself", every
    rest = sorted(description.watched - _NEEDED)
    if paid > _MANY and rest:
        return f"which shard is hot is said by {listed(sorted(_NEEDED))} alone", rest
    return "", ()


def _streams(facts: AuditFacts) -> Iterator[Stream]:
    for snapshot in facts.streams:
        yield from snapshot.streams or ()


def _readers(facts: AuditFacts, stream: Stream) -> list[Reader]:
    return [
        each
        for snapshot in facts.readers
        for each in snapshot.readers or ()
        if (each.account, each.region, each.stream) == _row(stream)
    ]


def _stopped(facts: AuditFacts, stream: Stream) -> list[str]:
    return [f"{each.name} ({each.state})" for each in _readers(facts, stream)]


def _row(stream: Stream) -> tuple[str, str, str]:
    return stream.account, stream.region, stream.name


def _target(stream: Stream) -> str:
    return "/".join(_row(stream))


def _aws(stream: Stream, operation: str, *arguments: str) -> str:
    return shlex.join(
        ("aws", "kinesis", operation, "--region", stream.region, "--stream-name", stream.name, *arguments)
    )


def _aws_arn(stream: Stream, operation: str, *arguments: str) -> str:
    partition = "aws-cn" if stream.region.startswith("cn-") else "aws"
    arn = f"arn:{partition}:kinesis:{stream.region}:{stream.account}:stream/{stream.name}"
    return shlex.join(("aws", "kinesis", operation, "--region", stream.region, "--stream-arn", arn, *arguments))

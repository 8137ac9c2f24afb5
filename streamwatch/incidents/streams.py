"""Causes with a Kinesis stream: who writes it, one shard of it, and what its shards allow readers."""

from collections.abc import Iterator
from typing import Final

from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import kinesis_shards as h
from streamwatch.core.words import counted, rounded
from streamwatch.incidents.incident import Cause, Effects, Scope
from streamwatch.incidents.known import Known

LATE: Final = frozenset({"KinesisReaderLate", "KinesisReaderNearRetention", "KinesisDataExpiring"})
"""What follows where the slowest of those who read a stream is late."""
_WRITES: Final = frozenset(
    {
        "KinesisWriteThrottled", "KinesisPutRecordFailing", "KinesisPutRecordsFailing", "KinesisRecordsFailing",
        "KinesisHotShard", "KinesisShardsSkewed", "KinesisWriteRecordsNearLimit", "KinesisWriteBytesNearLimit",
    }
)  # fmt: skip
_REFUSED: Final = frozenset(
    {"KinesisWriteThrottled", "KinesisPutRecordFailing", "KinesisPutRecordsFailing", "KinesisRecordsFailing"}
)
_READS: Final = frozenset(
    {
        "KinesisReadThrottled", "KinesisGetRecordsFailing", "KinesisReadCallsNearLimit", "KinesisReadBytesNearLimit",
        "KinesisShardsContended", "KinesisReaderThrottled",
    }
)  # fmt: skip
_READ_REFUSED: Final = "KinesisReadThrottled"
_CONTENDED: Final = "KinesisShardsContended"
_READ_LIMITS: Final = ((s.READ_CALLS_USE, "calls"), (s.READ_BYTES_USE, "bytes"))
_FULL: Final = 0.8
"""From this share of its limits on a stream or a shard counts as full: the parameter that comes with the alerts."""
_HALF: Final = 0.5
_FAR_MORE: Final = 2.0
"""Times what the stream's shards use in the mean."""


def writers(known: Known) -> Iterator[Cause]:
    """Records are refused: the stream as a whole is too small for its producers, or one shard is hot.

    Alerts look back over minutes: they stay when the load is over, and so does their cause.
    """
    earlier = {cause.scope: cause for cause in known.before if cause.kind in {"producers", "hot"}}
    for scope in known.scopes(
        "stream",
        "KinesisWriteThrottled",
        "KinesisHotShard",
        "KinesisWriteRecordsNearLimit",
        "KinesisWriteBytesNearLimit",
    ):
        cause, before = _writers_now(known, scope), earlier.get(scope)
        if before is not None and (cause is None or cause.kind == "hot"):
            cause = before
        if cause is not None:
            yield cause


def _writers_now(known: Known, scope: Scope) -> Cause | None:
    """Return why records are refused, by what is written now; None where this does not show it."""
    shares = [known.value(metric, *scope[1:]) for metric in (s.WRITE_RECORDS_USE, s.WRITE_BYTES_USE)]
    use = max((share for share in shares if share is not None), default=None)
    if use is None:
        return None  # which of the two it is cannot be said
    words = f"{scope[3]} uses {use:.0%} of what its shards take"
    are_refused = bool(known.about(scope, _REFUSED))
    if use >= _FULL:
        return _full(known, scope, words, is_more=are_refused or use >= 1)
    return _hot(known, scope, words, use, are_refused=are_refused) if use < _HALF else None


def _late_since(known: Known, scope: Scope) -> frozenset[str]:
    """Return the alerts of who reads a stream late, where it is late since too much is written, and not before."""
    writes = min((alert.active_at for alert in known.about(scope, _WRITES)), default=0.0)
    return LATE if all(alert.active_at >= writes for alert in known.about(scope, LATE)) else frozenset()


def _full(known: Known, scope: Scope, words: str, *, is_more: bool) -> Cause:
    """Return that producers write as much as the shards of a stream take, or more."""
    shards = known.value(s.OPEN_SHARDS, *scope[1:])
    return Cause(
        "producers",
        scope,
        f"Producers write {'more' if is_more else 'nearly as much'} to stream {scope[3]}"
        f" {'than' if is_more else 'as'} its shards take",
        (words, *([] if shards is None else [f"it has {counted(shards, 'open shard')}"])),
        "KinesisWriteThrottled",
        (Effects(scope, _WRITES | _late_since(known, scope)),),
        shards,
    )


def _hot(known: Known, scope: Scope, words: str, use: float, *, are_refused: bool) -> Cause | None:
    """Return that one shard of a stream that has room gets far more than the others; None where none does."""
    hottest = max(known.values(h.SPLIT, *scope[1:]).items(), key=lambda pair: pair[1], default=None)
    if hottest is None:
        return None
    (shard, hash_key), share = hottest
    # A shard refuses by the second, and what it uses is a mean over a minute: far more than the others is enough then.
    if share < _FULL and not (are_refused and share >= max(_HALF, _FAR_MORE * use)):
        return None
    return Cause(
        "hot",
        scope,
        f"Shard {shard} of stream {scope[3]} is hot: it gets far more than the others",
        (f"{shard} uses {share:.0%} of its limits, and {words}", f"it would be split at hash key {hash_key}"),
        "KinesisHotShard",
        (Effects(scope, _WRITES | _late_since(known, scope)),),
        1.0,
    )


def throttled_readers(known: Known) -> Iterator[Cause]:
    """Who reads a stream is refused: its shards allow five calls and 2 MiB a second.

    The limit is a shard's and a second's, what is counted a mean over all shards and a minute: a few calls are refused
    where the mean is far below it. Then it is not said that readers ask for more than all shards allow.
    """
    for scope in known.scopes("stream", _READ_REFUSED, _CONTENDED, "KinesisReaderThrottled"):
        # Those that poll a shard ask for too much by their number, before a call is refused.
        needed = [
            f"those that poll it need {value:.0%} of what a shard allows" for value in _now(known, scope, _CONTENDED)
        ]
        refused = [f"its shards refuse reads: {rounded(value)} a second" for value in _now(known, scope, _READ_REFUSED)]
        shares = _read_shares(known, scope)
        use = max((share for share, _ in shares), default=0.0)
        is_full = use >= _FULL or bool(needed)
        words = [f"readers use {share:.0%} of the {what} that its shards allow" for share, what in shares]
        if not is_full and shares:
            words.append("that is a mean over its shards and a minute: the limit is each shard's, each second")
        yield Cause(
            "reader_throttled",
            scope,
            f"Readers of stream {scope[3]} {_asking(known, scope, is_full=is_full)}",
            (*needed, *words, *refused),
            "KinesisReadThrottled",
            (Effects(scope, _READS | LATE),),
            known.value(s.OPEN_SHARDS, *scope[1:]),
        )


def _asking(known: Known, scope: Scope, *, is_full: bool) -> str:
    """Return what readers ask for: the number of those that poll a shard counts, also where no call is refused yet."""
    contended = known.about(scope, frozenset({_CONTENDED}))
    are_refused = bool(known.about(scope, frozenset({_READ_REFUSED, "KinesisReaderThrottled"})))
    if is_full and (are_refused or max((alert.value for alert in contended), default=0.0) >= 1):
        return "ask for more than its shards allow"
    if are_refused:
        return "are refused: at moments they ask a shard for more than it allows"
    return "ask for nearly as much as its shards allow"


def _read_shares(known: Known, scope: Scope) -> list[tuple[float, str]]:
    """Return what readers use of each limit that is known, and what that is of; the most first."""
    shares = [(known.value(metric, *scope[1:]), what) for metric, what in _READ_LIMITS]
    return sorted([(share, what) for share, what in shares if share is not None], reverse=True)


def _now(known: Known, scope: Scope, name: str) -> list[float]:
    """Return the value of an alert, where it is active and not only kept firing."""
    alerts = known.about(scope, frozenset({name}))
    return [alert.value for alert in alerts[:1] if alert.keep_firing_since is None]


def unread(known: Known) -> Iterator[Cause]:
    """Nobody reads a stream that is written."""
    for scope in known.scopes("stream", "KinesisNobodyReads"):
        if known.value(s.BEING_READ, *scope[1:]) != 0:
            continue  # somebody reads again, or this is not known
        yield Cause(
            "members_lost",
            scope,
            f"Nobody reads stream {scope[3]} any more: its reader has stopped",
            ("CloudWatch counts no read of it, while records come",),
            "KinesisNobodyReads",
            (Effects(scope, LATE | {"KinesisNobodyReads"}),),
            known.value(s.OPEN_SHARDS, *scope[1:]),
        )

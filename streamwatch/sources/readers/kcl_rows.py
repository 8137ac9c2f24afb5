"""What a lease table of the Kinesis Client Library holds: leases, the leader's lock, and things that are neither.

KCL 1.x and 2.x have leases only. KCL 3.0 to 3.4 have the leader's lock in a table of its own, ``<application>-\
CoordinatorState``. KCL 3.5 has everything in one table, and says of each item what it is (``entityType``). An item that
does not say so is a lease: so does KCL read it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Item = Mapping[str, Mapping[str, Any]]
"""An item of DynamoDB, as botocore returns it: by attribute, its value by its type."""

SENTINELS: Final = frozenset({"TRIM_HORIZON", "LATEST", "AT_TIMESTAMP", "SHARD_END"})
"""Checkpoints that are no sequence number."""
LEADER: Final = "Leader"
"""The key of the leader's lock."""
COORDINATOR: Final = "-CoordinatorState"
"""What KCL 3.0 to 3.4 append to the application's name for the table with the leader's lock."""
WANTED: Final = (
    "leaseKey", "leaseOwner", "leaseCounter", "checkpoint", "checkpointSubSequenceNumber", "parentShardId",
    "checkpointOwner", "shardId", "entityType", "ownerName", "recordVersionNumber", "cv",
    "tm",
)  # fmt: skip
"""The attributes that are read."""
_SECONDS: Final = 2**36 - 1
_TOP, _LAST = 2, 2
_AHEAD_SECONDS: Final = 5.0
"""Clocks differ: a record may have been written so far in the future."""
_SHARD: Final = re.compile(r"shardId-(\d{12,})")
_KEY: Final = re.compile(r"(\d{12}):([A-Za-z0-9_.-]+):(\d+):(shardId-\d{12,})")
"""The key of a lease where one application reads several streams: account, stream, its epoch, shard."""


class MalformedItem(Exception):
    """An item that is not what it should be."""

    shard = ""
    """Of which shard it is a lease all the same; empty where it is of none."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a sequence number holds."""

    made: int
    """When its shard was made, in Unix seconds."""
    at: int
    """When the record was written: 0.3 to 2.5 s before it arrived."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One lease."""

    key: str
    shard: str
    account: str | None
    stream: str | None
    epoch: int
    """Whose stream it is, its name and when it was made, where the key says it: None, None and 0 where it does not."""
    owner: str
    counter: int
    """It rises as long as the owner is alive."""
    checkpoint: str
    sub: int
    """Of records that the producer put together into one."""
    parents: frozenset[str]
    hand_over: str
    """Who holds the lease until another may have it (KCL 3); empty where nobody does."""
    read_at: float

    @property
    def of(self) -> tuple[str, str]:
        """Account and name of its stream, as far as its key says it."""
        return self.account or "", self.stream or ""

    @property
    def is_finished(self) -> bool:
        """Whether its shard was read to its end."""
        return self.checkpoint == "SHARD_END"

    @property
    def position(self) -> tuple[str, int]:
        """Where it is: another one means that it has moved."""
        return self.checkpoint, self.sub

    def written(self, now: float) -> Written | None:
        """Return what the checkpoint says of its record; None where it says nothing that can be trusted."""
        return decoded(self.checkpoint, self.shard, now)


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock of the worker that assigns leases (KCL 3); its version changes while the worker is alive."""

    owner: str
    version: str
    read_at: float
    table: str = ""
    """Of KCL 3.5 ``LEADER``, which is in the lease table: what was in the table of before stays there, and stands."""


@dataclass(frozen=True, slots=True)
class Version:
    """As which version of the library the workers behave, where they were upgraded or may be rolled back."""

    name: str

    @property
    def has_leader(self) -> bool:
        """Whether one of them assigns leases."""
        return self.name.startswith("CLIENT_VERSION_3X")


Row = Lease | Lock | Version


def index_of(shard: str) -> int | None:
    """Return the index that a shard's id says; None where it is none."""
    found = _SHARD.fullmatch(shard)
    return None if found is None else int(found[1])


def decoded(checkpoint: str, shard: str, now: float) -> Written | None:
    """Return the times inside a sequence number of a shard.

    AWS documents none of it: so its fixed parts are checked (the 2 at both ends, 00 before the time, the last digit of
    the shard's index after the shard's birth), the shard's index, and that its times are in order.
    """
    if not re.fullmatch(r"\d{50,60}", checkpoint):
        return None
    number, index = int(checkpoint), index_of(shard)
    if number >> 184 != _TOP or number & 15 != _LAST or (number >> 72) & 0xFF:
        return None
    if index is None or (number >> 4) & (2**32 - 1) != index or (number >> 144) & 15 != index & 15:
        return None
    made, at = (number >> 148) & _SECONDS, (number >> 36) & _SECONDS
    return Written(made, at) if made <= at <= now + _AHEAD_SECONDS else None


def precedes(written: Written | None, shard: str, starting: str) -> bool:
    """Whether a record was written before its shard was made: then it was in another one, of a stream that is gone.

    Args:
        written: what the record's sequence number says; None where nothing.
        shard: its id.
        starting: the sequence number that it begins with.

    """
    birth = decoded(starting, shard, float("inf"))
    return written is not None and birth is not None and written.at < birth.made


def read(item: Item, now: float) -> Row | None:
    """Return what an item is; None where it is neither.

    Raises:
        MalformedItem: it should be one, and cannot be.

    """
    kind = _text(item, "entityType")
    if kind == "LEADER" or (not kind and "recordVersionNumber" in item):
        return Lock(_text(item, "ownerName"), _text(item, "recordVersionNumber"), now, kind)
    if kind == "CLIENT_VERSION_MIGRATION" or (not kind and "cv" in item):
        return Version(_text(item, "cv"))
    if kind not in {"", "LEASE"} or "leaseKey" not in item or (not kind and "tm" in item):
        return None
    key = _text(item, "leaseKey")
    found = _KEY.fullmatch(key)
    shard = _text(item, "shardId") or (found[4] if found else key)
    if not key or index_of(shard) is None:
        raise MalformedItem(f"lease {key!r}: it is of no shard")
    try:
        return _lease(item, key, shard, found, now)
    except MalformedItem as error:
        error.shard = shard
        raise


def _lease(item: Item, key: str, shard: str, found: re.Match[str] | None, now: float) -> Lease:
    checkpoint = _text(item, "checkpoint")
    if checkpoint not in SENTINELS and not checkpoint.isdigit():
        raise MalformedItem(f"lease {key}: checkpoint {checkpoint[:60]!r} is none")
    return Lease(
        key=key,
        shard=shard,
        account=found[1] if found else None,
        stream=found[2] if found else None,
        epoch=int(found[3]) if found else 0,
        owner=_text(item, "leaseOwner"),
        counter=_number(item, "leaseCounter"),
        checkpoint=checkpoint,
        sub=_number(item, "checkpointSubSequenceNumber", 0),
        parents=_texts(item, "parentShardId"),
        hand_over=_text(item, "checkpointOwner"),
        read_at=now,
    )


def _text(item: Item, name: str) -> str:
    value = item.get(name, {})
    if not value or "NULL" in value:
        return ""
    if not isinstance(value.get("S"), str):
        raise MalformedItem(f"{name} is no text")
    return str(value["S"])


def _texts(item: Item, name: str) -> frozenset[str]:
    value = item.get(name, {})
    return frozenset(map(str, value.get("SS", ())))


def _number(item: Item, name: str, default: int | None = None) -> int:
    value = item.get(name, {}).get("N", default)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise MalformedItem(f"{name} is no number") from error

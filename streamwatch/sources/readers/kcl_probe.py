"""What comes after a checkpoint that stands, asked of its shard: exact, at the price of one of the shard's reads.

Only where a worker renews the lease: there somebody reads anyway, and CloudWatch's metrics of the stream say what they
said before. A record that was not read is looked for once for each checkpoint; where there is none, at every read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceDenied, SourceError
from streamwatch.model.reader import Position
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.session import Pace, SourceCalls
from streamwatch.sources.problems import problem
from streamwatch.sources.readers.config import CheckpointProbe
from streamwatch.sources.readers.kcl_leases import Followed, Probed

_A_SECOND: Final = 1.0
_OLDEST: Final = "TRIM_HORIZON"


@dataclass(frozen=True, slots=True)
class LeaseToProbe:
    """A lease whose shard is to be asked."""

    region: str
    stream: str
    followed: Followed


def is_wanted(followed: Followed, now: Position, beyond: float) -> bool:
    """Whether the shard of a lease is to be asked: its checkpoint stands, and how far it is behind is not known."""
    lease = followed.lease
    probed = followed.probed
    if not followed.renewed or followed.has_just_moved or now.method == "idle":
        return False
    if probed is not None:
        return probed.unread_since is None
    if now.bound_seconds is None:
        return lease.checkpoint == _OLDEST and lease.read_at - followed.moved_at > beyond
    return now.bound_seconds > beyond


class CheckpointProber:
    """Asks shards, one a second at most, the longest not asked first."""

    def __init__(self, config: CheckpointProbe, caller: SourceCalls, clock: Clock) -> None:
        self.config = config
        self._caller = caller
        self._clock = clock
        self._pace = Pace(_A_SECOND, clock)

    def ask(self, wanted: Iterable[LeaseToProbe], deadline: float) -> list[Problem]:
        """Ask as many as there is time for, and note the answers; return what could not be learnt."""
        failures: list[tuple[LeaseToProbe, SourceError]] = []
        for one in sorted(wanted, key=lambda one: one.followed.asked_at):
            delay = self._pace.turn(deadline)
            if delay is None:
                break  # the others come first in the next read
            if delay:
                self._caller.wait(delay)
            one.followed.asked_at = self._clock.now()
            try:
                with taken_apart(f"kinesis GetRecords in {one.region}"):
                    one.followed.probed = self._probed(one, deadline)
            except SourceError as error:
                failures.append((one, error))
                if isinstance(error, SourceDenied):
                    break
        if not failures:
            return []
        first, why = failures[0]
        return [problem("shard", why, f"stream {first.stream}, {first.followed.lease.shard}: {why}", len(failures))]

    def _probed(self, one: LeaseToProbe, deadline: float) -> Probed:
        lease = one.followed.lease
        place: dict[str, Any] = {"StreamName": one.stream, "ShardId": lease.shard, "ShardIteratorType": _OLDEST}
        if lease.checkpoint != _OLDEST:
            place |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": lease.checkpoint}
        found = self._caller.call(
            "kinesis", one.region, "GetShardIterator", place, wants=("ShardIterator",), deadline=deadline
        )
        given = {"ShardIterator": found["ShardIterator"], "Limit": 1}
        answer = self._caller.call("kinesis", one.region, "GetRecords", given, wants=("Records",), deadline=deadline)
        now = self._clock.now()
        for record in answer["Records"]:
            return Probed(now, float(record["ApproximateArrivalTimestamp"].timestamp()))
        # AWS may answer nothing of a place before records: then it says how far that is from the newest.
        behind = float(answer.get("MillisBehindLatest") or 0) / 1000
        return Probed(now, now - behind if behind else None)

"""Applications of the Kinesis Client Library, read from their lease tables in DynamoDB, and from nothing of theirs."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceError
from streamwatch.model.cloudwatch import CloudWatchCost
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.model.snapshot import Problem
from streamwatch.sources.aws.cloudwatch import DOLLARS_A_METRIC
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.aws.errors import taken_apart
from streamwatch.sources.aws.session import Accounts, SourceCalls
from streamwatch.sources.log import reading
from streamwatch.sources.problems import problem
from streamwatch.sources.readers.config import Kcl
from streamwatch.sources.readers.kcl_judge import (
    Follow,
    LeasedApplication,
    RegionStreams,
    followed,
    judged,
    uncovered,
    unlisted,
    unread,
)
from streamwatch.sources.readers.kcl_lag import LATE_SECONDS, MINUTE, Writes
from streamwatch.sources.readers.kcl_leases import Leases
from streamwatch.sources.readers.kcl_probe import CheckpointProber, LeaseToProbe, is_wanted
from streamwatch.sources.readers.kcl_tables import Done, LeaseTables

_SHARE: Final = 0.8
_STILL_INTERVALS: Final = 2.5
_LOOKED_AGAIN_SECONDS: Final = 300.0
_MOST_LOOKS: Final = 10
"""Of one read."""
_MOST_BACK_SECONDS: Final = 14 * 86_400.0
"""CloudWatch keeps minutes for 15 days."""
_KEPT_INTERVALS: Final = 2.5


@dataclass(slots=True)
class _Known:
    """An application, as its table was read last."""

    application: LeasedApplication
    read_at: float
    readers: list[Reader]
    took: float = 0.0
    """Seconds between the last two reads to the end: a large table takes several reads of the source."""


class KclSource:
    """Reads the applications of one account. ``read`` and ``close`` may be called from any thread, one read a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads, with whom, and who knows of streams
        self,
        name: str,
        config: Kcl,
        access: AwsAccess,
        regions: Sequence[str],
        clock: Clock,
        accounts: Accounts,
        streams: Callable[[], StreamsSnapshot | None],
        follow: Follow,
        want_shards: Follow,
    ) -> None:
        """Prepare; nothing is called before the first read.

        Args:
            name: of this source.
            config: which tables, and how.
            access: who the agent is there.
            regions: where.
            clock: what time it is.
            accounts: the sessions that sources share.
            streams: returns what was last read of the account's streams.
            follow: gets the streams that are read.
            want_shards: gets those whose shards are to be listed soon.

        """
        self.name = name
        self._config = config
        self._clock = clock
        self._closed = threading.Event()
        self._caller = SourceCalls(accounts.get(access), clock, self._closed.wait)
        self._streams = streams
        self._follow, self._want_shards = follow, want_shards
        prober = CheckpointProber(config.probe, self._caller, clock)
        self._regions = [_Region(region, config, self._caller, clock, prober) for region in regions]

    def read(self) -> ReadersSnapshot:
        """Read every region, within four fifths of the interval; what could not be read is one of the problems."""
        reading(self.name)
        began, started = self._clock.now(), self._clock.monotonic()
        deadline = started + min(50.0, _SHARE * self._config.interval)
        streams = self._streams()
        with ThreadPoolExecutor(len(self._regions), "kcl") as pool:  # one that hangs costs the others nothing
            found = list(pool.map(lambda region: region.read(streams, deadline), self._regions))
        readers = [reader for some, _ in found for reader in some or ()]
        self._follow(followed(readers))
        self._want_shards(unlisted(readers))
        looks = sum(one.looks for one in self._regions)
        return ReadersSnapshot(
            source=self.name,
            taken_at=began,
            read_seconds=self._clock.monotonic() - started,
            readers=tuple(readers) if any(some is not None for some, _ in found) else None,
            tables={one.name: len(one.tables.applications) for one in self._regions if one.tables.applications},
            units=tuple(unit for one in self._regions for unit in one.tables.units()),
            problems=tuple(wrong for _, some in found for wrong in some),
            calls=self._caller.counts(),
            cost=CloudWatchCost(looks, looks * DOLLARS_A_METRIC),
        )

    def close(self) -> None:
        """Let nothing wait any longer."""
        self._closed.set()


class _Region:
    """The applications of one region."""

    def __init__(self, name: str, config: Kcl, caller: SourceCalls, clock: Clock, prober: CheckpointProber) -> None:
        self.name = name
        self.tables = LeaseTables(config, name, caller, clock)
        self.looks = 0
        """How often CloudWatch was asked when something was written."""
        self._config, self._caller, self._clock, self._prober = config, caller, clock, prober
        self._named = {one.name: one.stream for one in config.applications}
        self._known: dict[str, _Known] = {}
        self._streams = RegionStreams()
        self._looked_at: dict[str, float] = {}

    def read(self, now: StreamsSnapshot | None, deadline: float) -> tuple[list[Reader] | None, list[Problem]]:
        """Return the readers, None where it is not known which there are; and what could not be learnt."""
        try:
            problems = self.tables.discover(deadline)
        except SourceError as error:
            self._known.clear()
            return None, [problem("region", error, str(error))]
        done, wrong, failed = self.tables.read(deadline)
        problems += wrong
        self._streams.take(now, self.name)
        for name, account in self.tables.applications.items():
            if name in done:
                self._take(name, account, done[name])
            elif name in failed and name in self._known:
                self._fail(name, account)
        for gone in self._known.keys() - self.tables.applications.keys():
            del self._known[gone]
        problems += self._look(done, deadline)
        if self._prober.config.enabled:
            problems += self._probe(done, deadline)
        waiting = [name for name in self.tables.applications if name not in done | dict.fromkeys(failed)]
        late = [name for name in waiting if not self._is_fresh(name)]
        if late:
            why = f"kcl: {len(late)} lease tables are not read to their end yet, {late[0]} for example"
            problems.append(Problem("reader", "budget", why, len(late)))
        return self._readers(failed), problems

    def _readers(self, failed: Iterable[str]) -> list[Reader]:
        found: list[Reader] = []
        for name, account in sorted(self.tables.applications.items()):
            if name in self._known and self._is_fresh(name):
                found += self._known[name].readers
            elif name in failed or name in self._known:
                found.append(unread(name, account, self.name, None))
        return found

    def _take(self, name: str, account: str, done: Done) -> None:
        """Take what an application's table holds."""
        now = self._clock.now()
        before = self._known.get(name)
        leases = Leases() if before is None else before.application.leases
        leases.take(done.rows, is_leader_read=done.is_leader_read)
        stream = None if before is None else before.application.stream
        application = LeasedApplication(name, account, self.name, leases, done.odd, done.unreadable, stream)
        took = 0.0 if before is None else now - before.read_at
        self._known[name] = _Known(application, now, [], took)
        self._judge(self._known[name], now)

    def _judge(self, known: _Known, now: float) -> None:
        application = known.application
        still = _STILL_INTERVALS * self._config.interval
        known.readers = judged(application, self._streams, self._named.get(application.name), now, still)
        streams = {one.stream for one in known.readers}
        is_one = len(streams) == 1 and None not in streams
        if is_one and all(one.lease.stream is None for one in application.leases.followed.values()):
            known.application = replace(application, stream=streams.pop())

    def _fail(self, name: str, account: str) -> None:
        """Know nothing of an application but of which streams it was."""
        known = self._known[name]
        known.readers = [
            unread(name, account, self.name, stream) for stream in {one.stream: None for one in known.readers}
        ]

    def _is_fresh(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            return False
        longest = max(_KEPT_INTERVALS * self._config.interval, 2 * min(known.took, 3600.0))
        return self._clock.now() - known.read_at <= longest

    def _look(self, done: Iterable[str], deadline: float) -> list[Problem]:
        """Ask CloudWatch, once, for the streams of which it tells too little of what was to say what is unread."""
        now, problems = self._clock.now(), []
        looked = 0
        for name in done:
            known = self._known[name]
            leases = [one.lease for one in known.application.leases.followed.values()]
            for stream, since in uncovered(known.readers, self._streams, leases, now).items():
                tried = self._looked_at.get(stream)
                is_due = tried is None or not 0 <= now - tried < _LOOKED_AGAIN_SECONDS
                if not is_due or looked >= _MOST_LOOKS or now - since > _MOST_BACK_SECONDS:
                    continue
                looked += 1
                self._looked_at[stream] = now
                try:
                    with taken_apart(f"cloudwatch GetMetricData in {self.name}"):
                        self._learn(stream, since, now, deadline)
                except SourceError as error:
                    problems.append(problem("cloudwatch", error, str(error)))
                else:
                    self._judge(known, now)
        return problems

    def _probe(self, done: Iterable[str], deadline: float) -> list[Problem]:
        """Ask shards what comes after checkpoints that stand, and judge again."""
        problems = self._prober.ask([one for name in done for one in self._waiting(self._known[name])], deadline)
        for name in done:
            self._judge(self._known[name], self._clock.now())
        return problems

    def _waiting(self, known: _Known) -> Iterator[LeaseToProbe]:
        """Yield the leases of an application whose shards are to be asked; of what is closed it is known."""
        own = self._streams.account
        leases = sorted(known.application.leases.followed.values(), key=lambda one: one.lease.epoch)
        ours = [one for one in leases if one.lease.account in {None, own}]
        by_shard = {(one.lease.stream or "", one.lease.shard): one for one in ours}  # those of the newest epoch
        for reader in (one for one in known.readers if one.account == own):
            stream = reader.stream or ""
            for position in reader.positions:
                followed = by_shard.get((stream, position.part)) or by_shard.get(("", position.part))
                shard = self._streams.of(stream, position.part).shard
                if followed is None or shard is None or not shard.is_open:
                    continue
                if is_wanted(followed, position, self._prober.config.beyond):
                    yield LeaseToProbe(self.name, stream, followed)

    def _learn(self, stream: str, since: float, now: float, deadline: float) -> None:
        """Learn when something was last written to a stream."""
        start, end = int(since) // MINUTE * MINUTE, int(now) // MINUTE * MINUTE
        metric = {
            "Namespace": "AWS/Kinesis",
            "MetricName": "IncomingRecords",
            "Dimensions": [{"Name": "StreamName", "Value": stream}],
        }
        given = {
            "MetricDataQueries": [{"Id": "q", "MetricStat": {"Metric": metric, "Period": MINUTE, "Stat": "Sum"}}],
            "StartTime": datetime.fromtimestamp(start, UTC),
            "EndTime": datetime.fromtimestamp(end, UTC),
            "ScanBy": "TimestampDescending",
        }
        self.looks += 1
        newest = float("nan")
        for answer in self._caller.pages(
            "cloudwatch", self.name, "GetMetricData", given, wants=("MetricDataResults",), deadline=deadline
        ):
            every = (at.timestamp() for one in answer["MetricDataResults"] for at in one.get("Timestamps", ()))
            times = [at for at in every if start <= at < end]
            if times:
                newest = max(times)
                break  # the newest come first
        self._streams.writes.setdefault((stream, ""), Writes()).know(start, now - LATE_SECONDS, newest)

"""Our lag of a real KCL application beside KCL's own, while much happens to it; and what is alerted of it, when.

    python -m tests.real.kcl_hour [MINUTES [VERSION]]

One application with two workers and KCL's own intervals reads a stream of two shards. Over and over: records flow; one
shard is quiet; records take a second each; a worker is killed (SIGKILL) and started again; a shard is split and merged.
At last, in what is left of the time, for the alerts: a processor hangs, all workers are killed, a lease is deleted. Our
sources read every ten seconds and probe; an agent with the intervals of the defaults evaluates the pack beside them.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from streamwatch.core.clock import SystemClock
from streamwatch.model.reader import Position
from streamwatch.reference.aws.server import ReferenceAws
from tests.agent_process import Agent, agent
from tests.real.amazon import Behind, Kcl, KclWorker, dynamodb
from tests.real.artefacts import KCL_VERSIONS
from tests.real.hour import Alerts
from tests.real.kcl_watch import KinesisStream, LeaseWatch, endpoints, lease_watch
from tests.waiting import wait_for

_STREAM: Final = "orders"
_APPLICATION: Final = "billing"
_FLOWS_SECONDS: Final = 3.0
"""Records flow where KCL was done with a batch of some within this time."""
_BELOW, _ABOVE = 1.0, 5.0
_FAULTS_SECONDS: Final = 480.0
_CONFIG: Final = """
kinesis:
  - name: real
    regions: [us-east-1]
    access: {access_key_id: AKIDEXAMPLE, secret_access_key: secret}
    readers: {kcl: {enabled: true, probe: {enabled: true}}}
listen: {address: '127.0.0.1:0'}
log: {level: error}
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """One shard at one read of ours, and KCL's last batch of it when that read began and when it had ended."""

    phase: str
    at: float
    ours: Position
    theirs: tuple[Behind, Behind]

    @property
    def gap(self) -> float:
        """Our seconds less theirs; theirs may have changed while we read, so that any number between is right."""
        seconds = [one.seconds for one in self.theirs]
        lag = self.ours.lag_seconds or 0.0
        return lag - min(max(lag, min(seconds)), max(seconds))


@dataclass
class Comparison:
    """All while records flowed, and how many reads it took a quiet shard to show 0."""

    flowing: list[Compared] = field(default_factory=list)
    methods: Counter[str | None] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    """By phase, where records flowed and we knew no lag."""
    quiet_reads: list[int] = field(default_factory=list)

    def add(self, phase: str, ours: Position, before: Behind | None, after: Behind | None) -> None:
        """Compare one position, if records flowed all the while."""
        self.methods[ours.method] += 1
        if before is None or after is None:
            return
        if ours.lag_seconds is None:
            self.unknown[phase] += 1
            return
        self.flowing.append(Compared(phase, SystemClock().now(), ours, (before, after)))

    @property
    def is_ever_below(self) -> bool:
        """Whether ours was once below theirs while records flowed."""
        return any(gap < -_BELOW for gap in self.gaps())

    def gaps(self, since: int = 0) -> list[float]:
        """Our seconds less theirs while records flowed, of what was compared from some index on."""
        return [one.gap for one in self.flowing[since:]]

    def print(self) -> None:
        """Print how often ours was below and above theirs, by phase and in all, and each that was."""
        print(f"\n{sum(self.methods.values())} positions; methods {dict(self.methods)}; unknown {self.unknown}")
        for phase in dict.fromkeys(one.phase for one in self.flowing):
            self._print(phase, [one for one in self.flowing if one.phase == phase])
        self._print("in all", self.flowing)
        for one in self.flowing:
            if not -_BELOW <= one.gap <= _ABOVE:
                print(f"  {one}")
        print(f"reads until a quiet shard showed 0: {self.quiet_reads}")

    @staticmethod
    def _print(name: str, of: list[Compared]) -> None:
        gaps = [one.gap for one in of]
        if not gaps:
            return
        below, above = sum(gap < -_BELOW for gap in gaps), sum(gap > _ABOVE for gap in gaps)
        print(
            f"  {name:18} {len(gaps):5} while records flow: {below} below by more than {_BELOW:g} s, {above} above by"
            f" more than {_ABOVE:g} s; gap {min(gaps):.1f} to {max(gaps):.1f} s, mean {sum(gaps) / len(gaps):.1f} s"
        )


class KclHour:
    """The stream, the workers, and what is done to them."""

    def __init__(self, stream: KinesisStream, watch: LeaseWatch, pack: Agent, make: Any) -> None:
        self.stream, self._watch, self._pack, self._make = stream, watch, pack, make
        self.workers: list[KclWorker] = []
        self.comparison, self.alerts = Comparison(), Alerts("the pack, with the intervals of the defaults")
        self._began = time.monotonic()
        self._done = Event()
        self._quiet: set[str] = set()
        self._data = "1"

    def start(self, name: str) -> KclWorker:
        """Start a worker."""
        worker: KclWorker = self._make(name)
        worker.server.start()
        self.workers.append(worker)
        return worker

    def write(self) -> None:
        """Write to every shard that is not quiet, twice a second, until all is done."""
        while not self._done.wait(0.5):
            self.stream.put(self._data, [one for one in self.stream.shards() if one["ShardId"] not in self._quiet])

    def _note(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {what}", flush=True)

    def phase(self, name: str, seconds: float) -> None:
        """Read every ten seconds for a while, and compare."""
        self._note(name)
        until = time.monotonic() + seconds
        reads, seen = 0, len(self.comparison.flowing)
        while time.monotonic() < until:
            self._done.wait(min(10.0, max(0.0, until - time.monotonic())))
            self.alerts.look(self._pack, time.monotonic() - self._began)
            before = self._flowing()
            reader = self._watch.look().get((_APPLICATION, _STREAM))
            after = self._flowing()
            reads += 1
            for one in reader.positions if reader is not None else ():
                self.comparison.add(name, one, before.get(one.part), after.get(one.part))
            quiet = [one for one in reader.positions if one.part in self._quiet] if reader is not None else []
            if quiet and all(one.lag_seconds == 0 for one in quiet) and len(self.comparison.quiet_reads) < self._quiets:
                self.comparison.quiet_reads.append(reads)
        gaps = self.comparison.gaps(seen)
        self._note(
            f"  ours less KCL's {min(gaps):.1f} to {max(gaps):.1f} s, {len(gaps)} times" if gaps else "  no flow"
        )

    _quiets = 0

    def _flowing(self) -> dict[str, Behind]:
        """What KCL knew last of each shard of which records flow now."""
        now = SystemClock().now()
        return {shard: one for shard, one in self._behind().items() if now - one.at <= _FLOWS_SECONDS}

    def _behind(self) -> dict[str, Behind]:
        """What KCL knew last of each shard, of batches with records."""
        found: dict[str, Behind] = {}
        for worker in self.workers:
            for shard, one in worker.behind():
                if one.records and (shard not in found or one.at >= found[shard].at):
                    found[shard] = one
        return found

    def round(self, number: int) -> None:
        """Once everything that an application lives through."""
        self.phase("records flow", 60)
        self._quiets += 1
        self._quiet = {self.stream.shards()[0]["ShardId"]}
        self.phase("a quiet shard", 60)
        self._quiet = set()
        self._data = "pause-200"
        self.phase("records take time", 40)
        self._data = "1"
        self.phase("records flow", 20)
        self.workers[-1].server.kill()
        self.phase("a worker killed", 20)
        self.start(f"worker-{number}")
        self.phase("a worker started", 40)
        self.stream.split(self.stream.shards()[0])
        self.phase("a split", 40)
        left, right = sorted(self.stream.shards(), key=lambda one: int(one["HashKeyRange"]["StartingHashKey"]))[:2]
        self.stream.kinesis.merge_shards(
            StreamName=_STREAM, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"]
        )
        self.stream.settle()
        self.phase("a merge", 40)

    def faults(self, leases: Any, seconds: float) -> None:
        """What pages: each in turn."""
        for one in self.workers:
            one.server.kill()
        self.start("hangs")
        self.phase("all killed, one started", 150)  # the lock of KCL 3's leader holds for two minutes
        self._data = "hang"
        self.phase("a processor hangs", seconds * 0.45)
        self.workers[-1].server.kill()
        self._data = "1"
        self.phase("all workers killed", seconds * 0.25)
        leases.delete(_APPLICATION, self.stream.shards()[0]["ShardId"])
        self.phase("a lease deleted", seconds * 0.3)

    def end(self) -> None:
        """Stop writing, and end every worker."""
        self._done.set()
        for one in self.workers:
            one.server.kill()


@contextmanager
def living(version: str) -> Iterator[tuple[KclHour, Any]]:
    """Everything that it takes, and the leases."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aws = stack.enter_context(ReferenceAws())
        leases = stack.enter_context(dynamodb(folder))
        stream, kcl = KinesisStream(aws.url, _STREAM, 2), Kcl(folder)
        stream.settle()
        given = {
            "endpoint": aws.url, "leases": leases.url, "stream": _STREAM, "application": _APPLICATION, "how": "polling",
            "start": "TRIM_HORIZON", "failover": "10000",
        }  # fmt: skip
        leases.make(_APPLICATION)
        watch = stack.enter_context(lease_watch(aws.url, leases.url, 10.0, 10.0))
        file = folder / "agent.yaml"
        file.write_text(_CONFIG)
        stack.enter_context(endpoints(aws.url, leases.url))
        pack = stack.enter_context(agent("--config", str(file)))
        found = KclHour(stream, watch, pack, lambda name: kcl.worker(version, given, name))
        writer = Thread(target=found.write, daemon=True)
        stack.callback(writer.join, 10)
        stack.callback(found.end)
        writer.start()
        # One after the other: KCL 3 ends with a NullPointerException where two make the application's tables at once.
        wait_for(found.start("worker-a").read, 300, "the first record is read")
        found.start("worker-b")
        yield found, leases


def main() -> None:
    """Print the comparison and what was alerted; exit with 1 where ours was below theirs."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    version = sys.argv[2] if len(sys.argv) > 2 else KCL_VERSIONS[-1]
    began = time.monotonic()
    with living(version) as (hour, leases):
        number = 0
        while time.monotonic() - began < 60 * minutes - _FAULTS_SECONDS or not number:
            number += 1
            hour.round(number)
        hour.faults(leases, _FAULTS_SECONDS)
    print(f"\nKCL {version}, {(time.monotonic() - began) / 60:.0f} min")
    hour.comparison.print()
    hour.alerts.print()
    sys.exit(hour.comparison.is_ever_below)


if __name__ == "__main__":
    main()

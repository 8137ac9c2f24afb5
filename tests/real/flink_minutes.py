"""What real Apache Flink says and does, beside what StreamWatch's model of Managed Flink claims.

    python -m tests.real.flink_minutes [kinesis | kafka]...

Flink 1.20 with the consumer of Kinesis that its applications have reads a stream of the reference: nobody writes;
records flow; they come faster than it works; it is stopped with a savepoint and started from it; a record comes that it
cannot read. Its numbers are put into the reference's CloudWatch by the names that AWS documents, and an agent with the
pack looks at it. Then Flink 1.20 and 2.2 read a topic of a Kafka. All is Flink's default but a checkpoint a second.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.flink import Flink as Applications
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.metrics import Key, Statistics
from tests.agent_process import agent
from tests.real.artefacts import FLINK_VERSIONS
from tests.real.flink import Flink, FlinkJob
from tests.real.hour import Alerts
from tests.real.kafka import KafkaCluster
from tests.real.kcl_watch import KinesisStream
from tests.waiting import wait_for

_NAME: Final = "orders"
_PUBLISHED: Final = {
    "millisBehindLatest": "millisBehindLatest", "records-lag-max": "records_lag_max", "fullRestarts": "fullRestarts",
    "uptime": "uptime", "downtime": "downtime", "numberOfFailedCheckpoints": "numberOfFailedCheckpoints",
    "lastCheckpointDuration": "lastCheckpointDuration",
}  # fmt: skip
"""Flink's names of before 2.2, and AWS's."""
_SHOWN: Final = (
    *_PUBLISHED, "numRestarts", "restartingTime", "runningTime", "failingTime", "cancellingTime",
    "numberOfCompletedCheckpoints", "backPressuredTimeMsPerSecond", "commitsFailed", "commitsSucceeded",
)  # fmt: skip
_POISON_SECONDS: Final = 420.0
_CONFIG: Final = """
kinesis:
  - name: real
    regions: [us-east-1]
    access: {access_key_id: AKIDEXAMPLE, secret_access_key: secret, endpoint_url: '%s'}
    readers: {flink: {enabled: true}}
listen: {address: '127.0.0.1:0'}
log: {level: error}
"""


def note(words: str) -> None:
    """Print it at once."""
    print(words, flush=True)


def show(job: FlinkJob, phase: str, since: float) -> None:
    """Print what each of Flink's metrics was since then: seconds in which it was there, least, most and last."""
    statuses = job.statuses(since)
    note(f"\n{phase}: {len(statuses)} s, status {dict(Counter(statuses))}")
    for name in _SHOWN:
        told = job.numbers(name, since)
        if not told:
            note(f"  {name:30} never")
            continue
        values = [one.value for one in told]
        seconds = len({round(one.at) for one in told})
        note(f"  {name:30} in {seconds} s, {min(values):g} to {max(values):g}, last {values[-1]:g}")


@dataclass
class Written:
    """What is written until all is done: records by number, four a second."""

    put: Callable[[str], None]
    prefix: str = ""
    count: int = 0
    at: dict[str, float] = field(default_factory=dict)
    done: Event = field(default_factory=Event)
    quiet: bool = True
    before: set[str] = field(default_factory=set)
    """What jobs that have ended have handled."""

    def run(self) -> None:
        """Write."""
        while not self.done.wait(0.25):
            if not self.quiet:
                self.write(f"{self.prefix}{self.count}")

    def write(self, value: str) -> None:
        """Write a record."""
        self.count += 1
        self.at[value] = time.time()  # noqa: TID251 - the other process's clock
        self.put(value)

    def behind(self, job: FlinkJob) -> float:
        """How old the oldest record is that no job has handled."""
        handled = {*self.before, *job.handled()}
        left = [at for value, at in list(self.at.items()) if value not in handled]
        return time.time() - min(left) if left else 0.0  # noqa: TID251 - as above

    def twice(self, *jobs: FlinkJob) -> tuple[int, int]:
        """How many records nobody handled, and how many were handled more than once."""
        handled = Counter(value for job in jobs for value in job.handled())
        return sum(value not in handled for value in self.at), sum(times > 1 for times in handled.values())


@contextmanager
def writing(put: Callable[[str], None]) -> Iterator[Written]:
    """Write until the context ends."""
    written = Written(put)
    thread = Thread(target=written.run, daemon=True)
    thread.start()
    try:
        yield written
    finally:
        written.done.set()
        thread.join(10)


@dataclass
class Phases:
    """What is done to one job, in turn."""

    flink: Flink
    where: tuple[str, str, str]
    written: Written
    calls: Callable[[], tuple[float, float]] = lambda: (0.0, 0.0)
    """Reads of the stream so far, and those that were refused."""
    each_second: Callable[[FlinkJob], None] = lambda _: None
    pause: Event = field(default_factory=Event)

    def phase(self, job: FlinkJob, name: str, seconds: float) -> None:
        """Let it be for a while, and print what it said."""
        since, (reads, refused), behind = time.time(), self.calls(), 0.0  # noqa: TID251 - as above
        said = 0.0
        while time.time() - since < seconds:  # noqa: TID251 - as above
            self.pause.wait(1)
            self.each_second(job)
            newest = job.numbers("millisBehindLatest")
            if (true := self.written.behind(job)) > behind:
                behind, said = true, newest[-1].value / 1000 if newest else float("nan")
        show(job, name, since)
        more, worse = self.calls()
        note(f"  reads of the stream: {(more - reads) / seconds:.2f} a second; {worse - refused:g} refused in all")
        note(f"  truly behind by up to {behind:.1f} s, when millisBehindLatest said {said:.1f} s")

    def all(self, poison_seconds: float) -> None:
        """All of them."""
        with self.flink.job(*self.where) as first:
            self.phase(first, "nobody writes", 30)
            self.written.quiet = False
            self.phase(first, "records flow", 60)
            self.written.prefix = "pause-500-"
            self.phase(first, "records take twice the time that there is", 30)
            self.written.quiet, self.written.prefix = True, ""
            wait_for(lambda: not self.written.behind(first), 120, "all is handled")
            savepoint = first.stop()
        self.written.before = set(first.handled())
        note(f"\nstopped with a savepoint: {first.statuses()[-1]} was its last status, nothing is said since")
        self.written.quiet = False
        self.pause.wait(10)
        with self.flink.job(*self.where, savepoint) as second:
            self.phase(second, "started from the savepoint", 40)
            missing, twice = self.written.twice(first, second)
            note(f"  records of before that nobody handled: {missing} (of the last second); handled twice: {twice}")
            self.written.write("poison")
            self.phase(second, "a record that it cannot read", poison_seconds)
            restarts = second.numbers("numRestarts")
            began = next(one.at for one in restarts if one.value)
            steps = {one.value: one.at - began for one in reversed(restarts) if one.value}
            note("  restarts after the first, in s: " + ", ".join(f"{at:.0f}" for _, at in sorted(steps.items())))


def _statistics(name: str, cloud: Cloud, now: float) -> Statistics:
    """What CloudWatch has of a metric of the stream, in all."""
    found = Statistics()
    for _, one in cloud.metrics().points(Key("AWS/Kinesis", name, (("StreamName", _NAME),)), 0, now + 60, 60, now + 60):
        found.merge(one)
    return found


def kinesis(folder: Path) -> None:
    """A stream of the reference, and what the agent says of it."""
    flink, alerts = Flink(FLINK_VERSIONS[0], folder), Alerts("the pack, with the intervals of the defaults")
    with ExitStack() as stack:
        aws = stack.enter_context(ReferenceAws())
        stream = KinesisStream(aws.url, _NAME, 2)
        stream.settle()
        arn = stream.kinesis.describe_stream_summary(StreamName=_NAME)["StreamDescriptionSummary"]["StreamARN"]
        properties = {"source": {"stream.arn": arn}}
        aws.do(lambda cloud, _: cloud.beside(Applications).create("real", properties))
        file = folder / "agent.yaml"
        file.write_text(_CONFIG % aws.url)
        pack = stack.enter_context(agent("--config", str(file)))
        began = time.monotonic()

        def publish(job: FlinkJob) -> None:
            newest = {(one.name, one.scope): one for own in _PUBLISHED for one in job.numbers(own)[-4:]}

            def put(cloud: Cloud, now: float) -> None:
                for one in newest.values():
                    if now - one.at < 1.5:
                        name, of = _PUBLISHED[one.name], (("Application", "real"),)
                        cloud.metrics().put("AWS/KinesisAnalytics", name, of, one.value, "None", now)

            aws.do(put)
            alerts.look(pack, time.monotonic() - began)

        def calls() -> tuple[float, float]:
            made = aws.do(partial(_statistics, "GetRecords.Success"))
            return made.count / 2, aws.do(partial(_statistics, "ReadProvisionedThroughputExceeded")).sum

        written = stack.enter_context(writing(lambda value: stream.put(value, stream.shards()[:1])))
        Phases(flink, ("kinesis", aws.url, _NAME), written, calls, publish).all(_POISON_SECONDS)
        note("\n".join(line for line in pack.page().splitlines() if 'reader="real"' in line))
        alerts.print()


def kafka(folder: Path) -> None:
    """A topic of a real Kafka."""
    with KafkaCluster(brokers=1) as cluster:
        for version in FLINK_VERSIONS:
            topic = f"orders-{version}"
            note(f"\n=== Flink {version}, Kafka")
            cluster.create_topic(topic, 1, 1)
            with writing(lambda value, topic=topic: cluster.send(topic, 0, value)) as written:  # type: ignore[misc]
                Phases(Flink(version, folder), ("kafka", cluster.internal_bootstrap, topic), written).all(90)


def main() -> None:
    """Do them, and print."""
    chosen = sys.argv[1:] or ["kinesis", "kafka"]
    with tempfile.TemporaryDirectory() as name:
        for one in chosen:
            {"kinesis": kinesis, "kafka": kafka}[one](Path(name))


if __name__ == "__main__":
    main()

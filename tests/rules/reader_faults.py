"""What goes wrong with those who read streams: each makes a reader that is well, and returns what breaks it."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.aws.dms import Dms
from streamwatch.reference.aws.flink import Flink
from streamwatch.reference.aws.kcl import KclApplication
from streamwatch.reference.aws.lambda_poller import POISON, Poller
from streamwatch.reference.aws.lambdas import Function
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.redshift import MaterializedView, Redshift
from tests.rules.reader_account import ARN, Account

Break = Callable[[], object]
BROKERS: Final = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
CLUSTER: Final = "arn:aws:kafka:us-east-1:123456789012:cluster/%s/1-2-3"
QUEUE: Final = "arn:aws:sqs:us-east-1:123456789012:failures"


def mapped(account: Account, stream: str, **given: Any) -> Poller:
    """A function that reads a stream."""
    account.stream(stream)

    def make(cloud: Any, now: float) -> Poller:
        mapping = cloud.lambdas().add(stream, {"EventSourceArn": ARN + stream}, now, measured=("EventCount",), **given)
        return Poller(cloud, mapping, Function(), stream, now)

    found = account.do(make)
    account.lives(found)
    return found


def poison_pill(account: Account, stream: str) -> Break:
    """A record that no function can process, and no policy that gives it up."""
    mapped(account, stream)
    return lambda: account.call("PutRecord", StreamName=stream, Data=POISON, PartitionKey="k")


def given_up(account: Account, stream: str) -> Break:
    """The same, where it is given up after two more attempts and goes nowhere."""
    mapped(account, stream, attempts=2)
    return lambda: account.call("PutRecord", StreamName=stream, Data=POISON, PartitionKey="k")


def not_delivered(account: Account, stream: str) -> Break:
    """The same, where the destination for failures takes nothing."""
    poller = mapped(account, stream, attempts=2, destination=QUEUE)
    poller.loses_failures = True
    return lambda: account.call("PutRecord", StreamName=stream, Data=POISON, PartitionKey="k")


def disabled(account: Account, stream: str) -> Break:
    """A mapping that somebody disabled."""
    poller = mapped(account, stream)

    def break_() -> None:
        poller.mapping.state, poller.mapping.reason = "Disabled", "USER_INITIATED"

    return break_


def cannot_log_in(account: Account, stream: str) -> Break:
    """A mapping on a topic, whose cluster refuses it."""
    source = {"EventSourceArn": CLUSTER % "shop", "Topics": ["orders"]}
    mapping = account.do(lambda cloud, now: cloud.lambdas().add(stream, source, now, result="OK"))

    def break_() -> None:
        mapping.result = "PROBLEM: SASL authentication failed."

    return break_


def throttled(account: Account, stream: str) -> Break:
    """A function without concurrency."""
    poller = mapped(account, stream)

    def break_() -> None:
        poller.function.is_throttled = True

    return break_


def contended(account: Account, stream: str) -> Break:
    """A fifth that polls a stream."""
    mapped(account, stream)

    def more(cloud: Any, now: float) -> None:
        for at in range(3):
            cloud.lambdas().add(f"{stream}-{at}", {"EventSourceArn": ARN + stream}, now)

    account.do(more)
    poller = account.poller(stream)
    return lambda: account.lives(account.do(lambda cloud, now: cloud.firehose().of_stream(stream, poller, now)))


def application(account: Account, stream: str, shards: int = 1) -> KclApplication:
    """An application of the KCL with two workers."""
    account.stream(stream, shards)
    found = account.do(lambda cloud, now: KclApplication(cloud, stream, stream, now, "3.5"))
    for at in range(2):
        found.worker(f"worker-{at}")
    account.lives(found)
    return found


def workers_die(account: Account, stream: str) -> Break:
    """All workers die."""
    app = application(account, stream)

    def break_() -> None:
        for one in app.workers.values():
            one.alive = False

    return break_


def hole(account: Account, stream: str) -> Break:
    """A lease is deleted by hand, and nobody makes it again."""
    app = application(account, stream, 2)
    return lambda: app.table.items.pop("shardId-000000000001")


def zombie(account: Account, stream: str) -> Break:
    """A lease of a shard that is gone is not deleted."""
    app = application(account, stream)

    def break_() -> None:
        item = dict(next(one for key, one in app.table.items.items() if key.startswith("shardId-")))
        app.table.put(item | {"leaseKey": {"S": "shardId-000000000007"}})

    return break_


class Thieves:
    """Workers of an application that take leases from each other all the time."""

    def __init__(self, app: KclApplication) -> None:
        self._app = app
        self._at = 0.0

    def live(self, now: float) -> None:
        """Let each lease change hands every minute."""
        if now - self._at < 60:
            return
        self._at = now
        for key, item in list(self._app.table.items.items()):
            if key.startswith("shardId-"):
                thief = "worker-0" if item["leaseOwner"]["S"] == "worker-1" else "worker-1"
                self._app.table.change(key, leaseOwner={"S": thief})


def storm(account: Account, stream: str) -> Break:
    """Workers take leases from each other again and again."""
    thieves = Thieves(application(account, stream, 2))
    return lambda: account.lives(thieves)


def hung(account: Account, stream: str) -> Break:
    """A record processor that does not come back."""
    app = application(account, stream)
    return lambda: app.hung_shards.add("shardId-000000000000")


def hose(account: Account, stream: str) -> None:
    """A delivery stream."""
    account.stream(stream)
    poller = account.poller(stream)
    account.lives(account.do(lambda cloud, now: cloud.firehose().of_stream(stream, poller, now)))


def hose_reads_nothing(account: Account, stream: str) -> Break:
    """A delivery stream that reads nothing."""
    hose(account, stream)
    return lambda: account.fault("hose", name=stream, stalled=True)


def bucket_refuses(account: Account, stream: str) -> Break:
    """A delivery stream whose bucket takes nothing."""
    hose(account, stream)
    return lambda: account.fault("hose", name=stream, refused=True)


def connector(account: Account, name: str) -> None:
    """A connector of MSK Connect with two tasks."""
    made = account.do(lambda cloud, now: cloud.beside(MskConnect).create(name, {"topics": "orders"}, BROKERS, now))
    made.tasks = 2
    account.lives(made)


def connector_task_fails(account: Account, stream: str) -> Break:
    """A connector of MSK Connect of which a task fails."""
    connector(account, stream)
    return lambda: account.fault("connector", name=stream, failed=1)


class Database:
    """Changes, of which a task writes each."""

    def __init__(self, task: Any) -> None:
        self._task = task

    def live(self, now: float) -> None:
        """Change."""
        self._task.change(now)
        self._task.live(now)


def task(account: Account, stream: str) -> None:
    """A task of DMS that writes a stream, and somebody who reads it."""
    mapped(account, stream)
    account.lives(Database(account.do(lambda cloud, _: cloud.beside(Dms).of_stream(stream, cloud.kinesis(), stream))))


def task_fails(account: Account, stream: str) -> Break:
    """A task of DMS that fails."""
    task(account, stream)
    return lambda: account.fault(
        "replication", name=stream, status="failed", reason="FATAL_ERROR", failure="Last Error: no slot"
    )


def task_reads_late(account: Account, stream: str) -> Break:
    """A task of DMS that reads its database's log late."""
    task(account, stream)
    return lambda: account.fault("replication", name=stream, source_lag=3600.0)


def task_writes_late(account: Account, stream: str) -> Break:
    """A task of DMS that cannot write."""
    task(account, stream)
    return lambda: account.fault("replication", name=stream, stalled=True)


class Refreshes:
    """Refreshes a view every minute."""

    def __init__(self, view: MaterializedView) -> None:
        self._view, self.at, self.stopped = view, 0.0, False

    def live(self, now: float) -> None:
        """Refresh, where it is time."""
        if now - self.at >= 60 and not self.stopped:
            self.at = now
            self._view.refresh(now)


def view(account: Account, stream: str) -> Refreshes:
    """A view of Redshift that is refreshed every minute."""
    account.stream(stream)
    poller = account.poller(stream)
    made = account.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view(stream, stream, poller))
    found = Refreshes(made)
    account.lives(found)
    return found


def view_not_refreshed(account: Account, stream: str) -> Break:
    """A view that is not refreshed any more."""
    found = view(account, stream)

    def break_() -> None:
        found.stopped = True

    return break_


def refresh_fails(account: Account, stream: str) -> Break:
    """A view whose refreshes fail."""
    view(account, stream)
    return lambda: account.fault("view", warehouse="analytics", name=stream, failing="Out of memory")


def application_of_flink(account: Account, stream: str) -> None:
    """An application of Flink."""
    account.stream(stream)
    poller, properties = account.poller(stream), {"source": {"stream.arn": ARN + stream}}
    account.lives(account.do(lambda cloud, _: cloud.beside(Flink).create(stream, properties, poller)))


def job_loops(account: Account, stream: str) -> Break:
    """A job that fails and starts again."""
    application_of_flink(account, stream)
    return lambda: account.fault("flink", name=stream, looping=True)


def checkpoints_fail(account: Account, stream: str) -> Break:
    """A job that stands, and whose checkpoints fail."""
    application_of_flink(account, stream)
    return lambda: account.fault("flink", name=stream, stalled=True)


class Copies:
    """A replicator whose source is written."""

    def __init__(self, replicator: Any) -> None:
        self._replicator = replicator

    def live(self, now: float) -> None:
        """Write, and copy."""
        self._replicator.produce(now, 100)
        self._replicator.live(now)


def replicator(account: Account, name: str) -> None:
    """A replicator between two clusters."""
    ends = (CLUSTER % "one", CLUSTER % "two")
    account.lives(Copies(account.do(lambda cloud, now: cloud.beside(MskReplicator).of_msk(name, *ends, now))))


def replicator_behind(account: Account, name: str) -> Break:
    """A replicator that copies nothing."""
    replicator(account, name)
    return lambda: account.fault("replicator", name=name, stalled=True)


def replicator_refused(account: Account, name: str) -> Break:
    """A replicator that its target does not let in."""
    replicator(account, name)
    return lambda: account.fault("replicator", name=name, refused="target")


def pipe(account: Account, stream: str) -> None:
    """A pipe."""
    account.stream(stream)
    poller, start = account.poller(stream), {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}
    account.lives(account.do(lambda cloud, now: cloud.beside(Pipes).create(stream, ARN + stream, start, now, poller)))


def pipe_fails(account: Account, stream: str) -> Break:
    """A pipe whose target takes nothing."""
    pipe(account, stream)
    return lambda: account.fault("pipe", name=stream, failing=True)


def pipe_stopped(account: Account, stream: str) -> Break:
    """A pipe that could not be started."""
    pipe(account, stream)
    return lambda: account.fault("pipe", name=stream, state="START_FAILED", reason="No permission")


def data_expire(account: Account, stream: str) -> Break:
    """A job that takes a twentieth of what is written, and has records to read that are 22 hours old."""
    account.stream(stream, records=20)
    poller, properties = account.poller(stream), {"source": {"stream.arn": ARN + stream}}
    account.lives(account.do(lambda cloud, _: cloud.beside(Flink).create(stream, properties, poller)))

    def break_() -> None:
        poller.most_records = 1
        account.minute()
        account.fault("backdate", stream=stream, hours=22)

    return break_

"""An account whose streams are written and read by every kind of readers, and the agent, up to what a pager receives.

Streams, readers, sources, rules and notifications share one clock; the shipped rules and inhibitions are as they are.
CloudWatch is a minute late.
"""

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, Protocol, TypeVar

from streamwatch.agent.state import open_state
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import ManualClock
from streamwatch.model.alert import Alert
from streamwatch.model.metric import Samples
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration
from streamwatch.notify.channels.logged import Config as Logged
from streamwatch.notify.config import Config
from streamwatch.notify.delivery import Delivery
from streamwatch.notify.dispatch import Dispatcher
from streamwatch.notify.inhibit import shipped
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import GroupState
from streamwatch.rules.load import load
from streamwatch.samples.history import History
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

T = TypeVar("T")
ARN: Final = "arn:aws:kinesis:us-east-1:123456789012:stream/"
KINDS: Final = ("kcl", "functions", "firehose", "msk_connect", "dms", "pipes", "flink", "msk_replicator", "redshift")
_OF_REDSHIFT: Final = ", interval: 300s, warehouses: [{workgroup: analytics, database: dev}]"
_FILES: Final = ("parameters.yml", "functions.yml", "readers.yml", "kinesis.yml", "attached.yml")
_STEP_SECONDS: Final = 10.0


class Living(Protocol):
    """Whoever does something every few seconds."""

    def live(self, now: float) -> None:
        """Do what is due."""


@dataclass(frozen=True)
class Page:
    """An alert of which a pager was notified."""

    alert: Alert
    turn: int
    """In which minute."""


class Pager:
    """A service that takes every notification: each alert is one, but for those that are inhibited."""

    def __init__(self, clock: ManualClock) -> None:
        self.turn = 0
        self.pages: list[Page] = []
        self._seen: set[str] = set()
        of = Config(log=(Logged(name="pager"),), group_by=("...",))
        to = Integration("pager", "pager", self, rate=1e6, burst=1000)
        self._state = open_state(None, lambda _: None, clock)
        self._dispatcher = Dispatcher(of, [to], shipped(pack_folder()), clock)
        self._delivery = Delivery(to, self._state, clock, random.Random(1))
        self._state.write(self._dispatcher.begin)

    def send(self, notifications: Sequence[Notification]) -> None:
        """Take notifications."""
        for one in (alert for each in notifications for alert in each.alerts if alert.state == "firing"):
            if one.fingerprint not in self._seen:
                self._seen.add(one.fingerprint)
                self.pages.append(Page(one, self.turn))

    def decide(self, alerts: Sequence[Alert]) -> None:
        """Notify of what fires, a minute later."""
        self.turn += 1
        self._state.write(lambda connection: self._dispatcher.plan(connection, alerts, changed=True))
        while self._delivery.step() == 0.0:
            pass

    def close(self) -> None:
        """End it."""
        self._state.close()


class Account:
    """One account, and the agent that watches it."""

    def __init__(self, aws: ReferenceAws, time: Time, kinds: Collection[str]) -> None:
        self.aws, self.time = aws, time
        self._lock = Lock()
        self._living: list[Living] = []
        self._written: dict[str, tuple[str, ...]] = {}
        more = {"redshift": _OF_REDSHIFT}
        readers = ", ".join(f"{one}: {{enabled: true{more.get(one, '')}}}" for one in kinds)
        settings = f"readers: {{{readers}}}\n    cloudwatch: {{monthly_dollars: 1000000}}"
        self._targets = TargetFactory(time).targets(config(aws.url, settings), lambda: None)
        for each in self._targets:
            source: Any = each.source
            source._caller.wait = self._wait
        self._read_at: dict[str, float] = {}
        self._history = History(keep_ms=3_700_000)
        self._groups = [GroupState(one, ManualClock()) for one in load([pack_folder() / name for name in _FILES])]
        self.pager = Pager(time)
        self.alerts: list[Alert] = []
        """Those that are active."""
        self.samples: dict[str, list[Samples]] = {}
        """What each source read last."""
        self.problems: set[tuple[str, str, str]] = set()
        """What any source could not learn."""
        self.fault("lag_cloudwatch", late=60.0)

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self.time.advance(max(0.0, seconds))

    def do(self, what: Callable[[Cloud, float], T]) -> T:
        """Do something in the cloud."""
        found: T = self.aws.do(what)
        return found

    def fault(self, fault: str, /, **given: Any) -> None:
        """Break something."""
        self.do(lambda cloud, now: faults.apply(cloud, now, fault, given))

    def call(self, operation: str, **given: Any) -> None:
        """Call an operation of Kinesis."""

        def run(cloud: Cloud, now: float) -> None:
            cloud.kinesis().timers.run(now)
            OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)

        self.do(run)

    def stream(self, name: str, shards: int = 1, records: int = 1) -> None:
        """Make a stream, of which every shard is written from now on; no two in the same second."""
        self.call("CreateStream", StreamName=name, ShardCount=shards)
        self._written[name] = tuple(f"k{at}" for at in range(records if shards == 1 else 12))
        self.time.advance(2)

    def write(self, stream: str, *keys: str) -> None:
        """Let only these keys be written from now on."""
        self._written[stream] = keys

    def quiet(self, stream: str) -> None:
        """Let nobody write a stream any more."""
        del self._written[stream]

    def poller(self, stream: str) -> StreamPoller:
        """Who reads a stream for somebody."""
        return self.do(lambda cloud, _: StreamPoller(cloud.kinesis(), stream))

    def lives(self, one: Living) -> None:
        """Let it live from now on."""
        self._living.append(one)

    def minute(self) -> None:
        """Let a minute pass, in which all live; then read, decide and notify."""
        self._pass_time(60)
        self.do(Cloud.pass_time)
        for each in self._targets:
            if self.time.now() - self._read_at.get(each.name, 0.0) >= each.interval:
                self._read_at[each.name] = self.time.now()
                now: Any = each.source.read()
                self.problems |= {(each.name, one.scope, one.reason) for one in now.problems}
                samples = [one for collector in each.collectors.values() for one in collector.collect(now)]
                self.samples[each.name] = samples
                self._history.append(each.name, samples, self.time.now())
        for group in self._groups:
            group.evaluate(self._history, int(self.time.now() * 1000))
        self.alerts = [one for group in self._groups for rule in group.rules for one in rule.alerts]
        self.pager.decide(self.alerts)

    def unwatched(self, minutes: int) -> None:
        """Let minutes pass of which the agent sees nothing."""
        self._pass_time(60 * minutes)
        self.pager.turn += minutes

    def _pass_time(self, seconds: float) -> None:
        until = self.time.now() + seconds
        while self.time.now() < until:
            self.do(self._live)
            self.time.advance(min(_STEP_SECONDS, until - self.time.now()))

    def _live(self, cloud: Cloud, now: float) -> None:
        for stream, keys in self._written.items():
            records = [{"Data": b"x", "PartitionKey": one} for one in keys]
            OPERATIONS["PutRecords"](cloud.kinesis(), {"StreamName": stream, "Records": records}, now)
        for one in self._living:
            one.live(now)

    def close(self) -> None:
        """End the agent."""
        for each in self._targets:
            each.source.close()
        self.pager.close()


@contextmanager
def account(kinds: Collection[str]) -> Iterator[Account]:
    """An account without streams, and an agent that looks at these kinds of readers."""
    time = Time()
    with cloud(time) as aws:
        found = Account(aws, time, kinds)
        try:
            yield found
        finally:
            found.close()

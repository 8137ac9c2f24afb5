"""A poison pill for a function of Lambda, from the record that it cannot process to the page, and back.

The stream, the function and the agent's sources share one clock; the shipped rules are as they are.
"""

import re
from datetime import datetime
from typing import Any, Final

from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import ManualClock
from streamwatch.notify.inhibit import shipped
from streamwatch.notify.matchers import fulfil, matchers
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.rules.config import pack_folder
from streamwatch.rules.group import ALERTNAME, GroupState
from streamwatch.rules.load import load
from streamwatch.samples.history import History
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

_SETTINGS: Final = "readers: {functions: {enabled: true}}\n    cloudwatch: {monthly_dollars: 1000000}"
_FILES: Final = ("parameters.yml", "functions.yml", "readers.yml", "kinesis.yml")
KEYS: Final = tuple(f"k{number}" for number in range(12))
"""They fall into every shard."""


class World:
    """A stream that is written, and an agent that watches it and its readers."""

    def __init__(self, aws: ReferenceAws, time: Time) -> None:
        self.aws, self.time = aws, time
        self.call("CreateStream", StreamName="purchases", ShardCount=4)
        time.advance(30)
        self.targets = TargetFactory(time).targets(config(aws.url, _SETTINGS), lambda: None)
        self._history = History(keep_ms=3_700_000)
        self._groups = [GroupState(one, ManualClock()) for one in load([pack_folder() / name for name in _FILES])]

    def call(self, operation: str, **given: Any) -> None:
        """Call an operation of Kinesis."""
        self.aws.do(lambda cloud, now: OPERATIONS[operation](cloud.kinesis(), given, now))

    def break_(self, fault: str, **given: Any) -> float:
        """Apply a fault; return when."""
        self.aws.do(lambda cloud, now: faults.apply(cloud, now, fault, given))
        return self.time.now()

    def minute(self) -> dict[str, Any]:
        """Let a minute pass, read, and decide; return the alerts that fire, by name."""
        records = [{"Data": b"x", "PartitionKey": one} for one in KEYS]
        for second in range(60):
            if second % 3 == 0:
                self.call("PutRecords", StreamName="purchases", Records=records)
            self.time.advance(1)
            self.aws.do(Cloud.pass_time)
        at = self.time.now()
        for target in self.targets:
            now: Any = target.source.read()
            samples = [one for each in target.collectors.values() for one in each.collect(now)]
            self._history.append(target.name, samples, at)
        for group in self._groups:
            group.evaluate(self._history, int(at * 1000))
        alerts = [one for group in self._groups for rule in group.rules for one in rule.alerts]
        return {dict(one.labels)[ALERTNAME]: one for one in alerts if one.state == "firing"}

    def close(self) -> None:
        """End the agent's sources."""
        for target in self.targets:
            target.source.close()


def notified(alerts: dict[str, Any]) -> set[str]:
    """Return the alerts that somebody hears of: those that no other one inhibits."""
    every = [dict(one.labels) for one in alerts.values()]
    return {one[ALERTNAME] for one in every if not any(inhibits(other, one) for other in every if other is not one)}


def inhibits(cause: dict[str, str], effect: dict[str, str]) -> bool:
    """Say whether one of the shipped rules of causes and effects holds for these."""
    return any(
        fulfil(matchers(rule.source_matchers), cause)
        and fulfil(matchers(rule.target_matchers), effect)
        and all(cause.get(name) == effect.get(name) for name in rule.equal)
        for rule in shipped(pack_folder())
    )


def test_a_poison_pill_pages_once_says_who_stands_since_when_and_what_to_do_and_is_over_when_repaired() -> None:
    time = Time()
    with cloud(time) as aws:
        it = World(aws, time)
        try:
            it.break_("map_function", stream="purchases")
            assert [name for _ in range(6) for name in it.minute()] == []
            poisoned = it.break_("poison", stream="purchases")
            alerts: dict[str, Any] = {}
            while "ReaderStuck" not in alerts and time.now() - poisoned < 1800:
                alerts = it.minute()
                assert notified(alerts) <= {"ReaderStuck"}
            assert 360 <= time.now() - poisoned <= 720
            labels = dict(alerts["ReaderStuck"].labels)
            assert (labels["reader"], labels["stream"]) == ("ship", "purchases")
            told = dict(alerts["ReaderStuck"].annotations)
            assert told["summary"].startswith("ship (lambda, us-east-1) has stood still on stream purchases for ")
            assert "The last record that it took came " in told["description"]
            assert "A batch that fails is tried until retention deletes it." in told["description"]
            until = re.search(r"stands still until (.* UTC), unread records expire", told["description"])
            assert until is not None
            assert abs(datetime.strptime(until[1], "%Y-%m-%d %H:%M:%S %z UTC").timestamp() - poisoned - 86_400) <= 180
            assert told["description"].endswith("or set MaximumRetryAttempts and a destination for failures.")

            assert [notified(it.minute()) for _ in range(6)] == [{"ReaderStuck"}] * 6
            it.break_("repair_function")
            for _ in range(25):
                alerts = it.minute()
            assert alerts == {}
        finally:
            it.close()

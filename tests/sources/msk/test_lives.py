"""Lives of topics' counters: whatever is listed and asked when, a total is what was written since it was asked for.

``STREAMWATCH_LIVES`` sets how many lives are tried.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue.cloudwatch_mappings import MAPPINGS
from streamwatch.model.metric import Metric
from streamwatch.model.msk import MskSnapshot
from streamwatch.sources.aws.config import CloudWatch
from streamwatch.sources.msk.config import Config
from streamwatch.sources.msk.source import MskSource
from tests.reference.kinesis.acting import NOON, Time
from tests.sources.publishing import LATEST, Published

LIVES = int(os.environ.get("STREAMWATCH_LIVES", "100"))
ARN = "arn:aws:kafka:us-east-1:123456789012:cluster/shop/0-1"
METRICS: dict[str, Metric] = {"BytesInPerSec": b.TOPIC_BYTES_IN, "BytesOutPerSec": b.TOPIC_BYTES_OUT}


@dataclass
class Topic(Published):
    """One metric of a topic on a broker: when there is anything of it, and what CloudWatch says of each minute."""

    metric: str
    broker: str
    name: str
    lives: bool
    begins: int | None = None
    """The minute of the read before it was first wanted, or of the agent's beginning."""
    answered: bool = False
    wanted_at: float = 0.0
    highest: float = 0.0

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """As CloudWatch has them."""
        pairs = {"Cluster Name": "shop", "Broker ID": self.broker, "Topic": self.name}
        return [{"Name": name, "Value": value} for name, value in pairs.items()]

    def is_listed(self, now: float) -> bool:
        """Whether ListMetrics has it: a quarter of an hour after its first point, and two hours after its last."""
        return bool(self.versions) and min(self.versions) + 900 <= now and now - max(self.versions) <= 7200

    def live(self, minute: int, random: Random, late: int) -> None:
        """Take bytes in a minute, or none, and let it be published, and corrected."""
        if not self.lives or random.random() < 0.2:
            return
        self.publish(minute, random, late)


class Amazon:
    """The account: MSK and CloudWatch, which refuse any call now and then."""

    def __init__(self, topics: list[Topic], time: Time, random: Random) -> None:
        self._topics = {(one.metric, one.broker, one.name): one for one in topics}
        self._time, self._random = time, random

    def get(self, _: object) -> "Amazon":
        """Be the account of every access."""
        return self

    def pace(self, *_: object) -> None:
        """Be in no hurry."""

    def form(self, *_: object) -> None:
        """Let every answer be of the right form."""

    def ask(self, _: str, __: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer, or refuse."""
        refused = self._random.random() < 0.08
        if operation == "GetMetricData":
            return self._data(given, refused=refused)
        if refused:
            raise throttled(operation)
        answers: dict[str, dict[str, Any]] = {
            "DescribeClusterV2": {"ClusterInfo": {"ClusterName": "shop", "ClusterArn": ARN, "State": "ACTIVE"}},
            "ListClusterOperationsV2": {"ClusterOperationInfoList": []},
        }
        return answers.get(operation) or {"Metrics": self._listed()}

    def _listed(self) -> list[dict[str, Any]]:
        now = self._time.now()
        return [
            {"MetricName": one.metric, "Dimensions": one.dimensions}
            for one in self._topics.values()
            if one.is_listed(now)
        ]

    def _data(self, given: dict[str, Any], *, refused: bool) -> dict[str, Any]:
        now = self._time.now()
        results = []
        for query in given["MetricDataQueries"]:
            metric = query["MetricStat"]["Metric"]
            at = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            one = self._topics[metric["MetricName"], at["Broker ID"], at["Topic"]]
            is_broken = self._random.random() < 0.05
            one.answered = not is_broken and not refused
            points = one.points(given["StartTime"].timestamp(), given["EndTime"].timestamp(), now)
            results.append(
                {
                    "Id": query["Id"],
                    "Timestamps": [datetime.fromtimestamp(minute, UTC) for minute, _ in points],
                    "Values": [value for _, value in points],
                    "StatusCode": "InternalError" if is_broken else "Complete",
                }
            )
        if refused:
            raise throttled("GetMetricData")
        return {"MetricDataResults": results}


def throttled(operation: str) -> ClientError:
    """Refuse a call for its rate."""
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, operation)


class Life:
    """Some topics that come and go, and an agent that is made anew now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.time = Time(NOON + random.randint(0, 3600))
        self.topics = [
            Topic(metric, str(broker), f"t{number}", random.random() < 0.5)
            for number in range(random.randint(1, 4))
            for broker in range(1, random.randint(2, 3))
            for metric in METRICS
        ]
        self.late = random.choice((0, 60, 600, 1800, LATEST))
        self.amazon: Any = Amazon(self.topics, self.time, random)
        self.config = Config(
            cluster=ARN,
            metrics="all",
            cloudwatch=CloudWatch(
                monthly_dollars=random.choice((100, 100, 1, 0)), detail_interval=random.choice((60.0, 300.0))
            ),
        )
        self.lived = int(self.time.now()) // 60 * 60
        self.compared = 0
        self.begin()

    def begin(self) -> None:
        """Begin with a new agent."""
        self.source = MskSource("m", "shop", self.config, self.time, self.amazon, MAPPINGS)
        if self.config.cloudwatch.monthly_dollars == 1:
            self.source._reader._budget.spend(3325)  # a day's worth was saved: not to wait for it to be used up
        self.read_at = self.time.now()
        for one in self.topics:
            one.begins, one.highest, one.answered = None, 0.0, False

    def step(self) -> None:
        """Let time pass, topics take bytes, come and go, and the agent read."""
        random = self.random
        for one in self.topics:
            if random.random() < 0.03:
                one.lives = not one.lives
        self.time.advance(random.choice((60, 60, 60, 60, 61, 59, 130, 400, random.choice((60, 3600, 5 * 3600)))))
        now = self.time.now()
        while self.lived < now // 60 * 60:
            for one in self.topics:
                one.live(self.lived, random, self.late)
            self.lived += 60
        self.read(now)

    def read(self, now: float) -> None:
        """Read, and compare."""
        for one in self.topics:
            one.answered = False
        self.compare(self.source.read(), now)

    def compare(self, found: MskSnapshot, now: float) -> None:
        """Compare every total with what was written."""
        known = self.source._listed.known(now)
        listed = {(mapping.metric, row) for mapping, row in (known or {}).values()}
        totals = {key: one.reading.total for key, one in found.readings.items()}
        for one in self.topics:
            row = METRICS[one.metric], ("shop", one.broker, one.name)
            if found.described is not None and row in listed:
                one.wanted_at = now
                if one.begins is None:
                    one.begins = int(max(self.read_at, now // 60 * 60 - 600)) // 60 * 60
            elif known is None and found.described is not None:
                one.wanted_at = now if one.begins is not None else 0.0  # nobody knows
            elif found.described is not None and now - one.wanted_at > 3600:
                one.begins, one.highest = None, 0.0  # forgotten
            total = totals.get(row)
            if one.answered:
                assert one.begins is not None
                begins = one.begins
                told = sum(value for minute, value in one.points(begins, now, now) if minute >= begins)
                one.highest = max(one.highest, told)
                assert total is not None
            if total is not None:
                assert total == one.highest, one
                self.compared += 1
        if found.described is not None:
            self.read_at = now


@pytest.mark.parametrize("part", range(5))
def test_a_topics_total_is_what_was_written_since_it_may_have_come(part: int) -> None:
    compared = 0
    for seed in range(part, LIVES, 5):
        life = Life(seed)
        for _ in range(life.random.randint(10, 80)):
            if life.random.random() < 0.02:
                life.begin()
            try:
                life.step()
            except AssertionError as error:
                error.add_note(f"life {seed}")
                raise
        compared += life.compared
    assert compared > 10 * LIVES / 5

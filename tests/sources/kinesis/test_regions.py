"""A region that hangs costs its own streams, and not those of the others: neither the control plane nor CloudWatch."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from streamwatch.catalogue import kinesis as k
from streamwatch.core.errors import ConfigError
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.operations import OPERATIONS
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.test_source import make, put
from tests.sources.kinesis.watching import Eyes, config

HANGS = "eu-west-1"
SECONDS = 16.0
"""Two attempts of botocore's, until each is given up."""


class Hanging:
    """Calls to the one region are not answered, while it hangs; that takes its time."""

    def __init__(self, eyes: Eyes, time: Time) -> None:
        self.operations: frozenset[str] = frozenset()
        self._time, self._lock = time, Lock()
        source: Any = eyes.source
        account = source._caller._account
        self._ask = account.ask
        account.ask = self.ask
        source._caller.wait = self._pass

    def _pass(self, seconds: float) -> None:
        until = self._time.monotonic() + seconds
        with self._lock:
            self._time.advance(max(0.0, until - self._time.monotonic()))

    def ask(self, service: str, region: str, operation: str, given: Mapping[str, Any]) -> Any:
        """As the account."""
        if region == HANGS and operation in self.operations:
            self._pass(SECONDS)
            raise ReadTimeoutError(endpoint_url="https://aws")
        return self._ask(service, region, operation, given)


def fill(aws: ReferenceAws, streams: int) -> None:
    """Make streams in the region that hangs, and one in the other."""

    def there(cloud: Cloud, now: float) -> None:
        kinesis = cloud.kinesis(region=HANGS)
        for number in range(streams):
            kinesis.create(f"e{number}", "PROVISIONED", 1, now)
        kinesis.timers.run(now)

    aws.do(there)
    make(aws, "s")


CONTROL = frozenset({"ListStreams", "DescribeStreamSummary", "ListShards", "ListStreamConsumers", "DescribeLimits"})
ASKED = frozenset({"GetMetricData"})
MORE = "cloudwatch: {detail_interval: 60s, monthly_dollars: 1000000}"


@pytest.mark.parametrize(
    ("streams", "operations"),
    [(3, CONTROL), (3, CONTROL | ASKED), (100, ASKED)],
    ids=["its control plane", "all of it", "its CloudWatch"],
)
def test_a_region_that_hangs_costs_its_own_streams_only(streams: int, operations: frozenset[str]) -> None:
    time = Time()
    with cloud(time) as aws:
        fill(aws, streams)
        time.advance(60)
        eyes = Eyes(aws, time, regions=f"{HANGS}, us-east-1", more=MORE)
        hanging = Hanging(eyes, time)
        for minute in range(16):
            began = time.now()
            hanging.operations = operations if 3 <= minute < 14 else frozenset()
            put(aws, "s", 10)
            eyes.read()
            took = time.now() - began
            assert took <= 48 + SECONDS
            assert eyes.value(k.STREAM_UP) == 1
            assert eyes.value(k.WRITE_THROTTLED) == 0
            counted = eyes.value(k.INCOMING_RECORDS)
            assert counted is not None
            assert counted >= 10 * (minute - 2)
            time.advance(max(1.0, 60 - took))
        others = {row for row in eyes.all(k.WRITE_THROTTLED) if row != ("s",)}
        assert len(others) == streams, "and it is read again when it answers"


def test_a_region_that_is_listed_after_hours_goes_on_counting_where_it_was() -> None:
    time = Time()
    with cloud(time) as aws:
        fill(aws, 1)
        eyes = Eyes(aws, time, regions=f"{HANGS}, us-east-1", more=MORE)
        hanging = Hanging(eyes, time)
        for step in range(24):
            hanging.operations = CONTROL | ASKED if 4 <= step < 20 else frozenset()
            aws.do(_put)
            time.advance(300)
            eyes.read()
        assert eyes.value(k.INCOMING_RECORDS, "e0") == 240


def _put(cloud: Cloud, now: float) -> None:
    records = [{"Data": b"x", "PartitionKey": "k"}] * 10
    OPERATIONS["PutRecords"](cloud.kinesis(region=HANGS), {"StreamName": "e0", "Records": records}, now)


def test_a_region_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'us-east-1' is there twice"):
        config("", regions="us-east-1, eu-west-1, us-east-1")

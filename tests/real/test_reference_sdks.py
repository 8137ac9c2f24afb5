"""The reference AWS is AWS to its SDKs, in versions and languages that the reference itself does not stand on."""

import re
from collections.abc import Iterator

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.reference.aws.cloud import AccessKey, Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.account import AccountLimits
from tests.real.aws_clients import CLIENTS, AwsClient
from tests.real.conftest import had

VALUES = [f"value-{i} äöü" for i in range(40)]
MINUTE = 60
KEY, SECRET = "AKIAREFERENCE", "it-is/very+secret"
ARN = "arn:aws:iam::210987654321:user/watcher"


class Clock:
    """Real time, that can be stopped: what a limit took then never comes back; and set forward."""

    def __init__(self) -> None:
        self._system, self._ahead = SystemClock(), 0.0
        self._stopped: float | None = None

    def __call__(self) -> float:
        return self._system.now() + self._ahead if self._stopped is None else self._stopped

    def stop(self) -> None:
        self._stopped = self()

    def go_on(self, seconds: float = 0.0) -> None:
        if self._stopped is not None:
            self._ahead += self._stopped - self()
        self._stopped = None
        self._ahead += seconds


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def aws(clock: Clock) -> Iterator[ReferenceAws]:
    # A stream that is not there at once, but at the second look of whoever waits for it.
    with ReferenceAws(Cloud(quotas=AccountLimits(create_seconds=0.3)), clock=clock) as running:
        yield running


@pytest.fixture(scope="module")
def guarded() -> Iterator[ReferenceAws]:
    with ReferenceAws(Cloud({KEY: AccessKey(SECRET, "210987654321", ARN)})) as running:
        yield running


def client_of(name: str, aws: ReferenceAws, key: str = KEY, secret: str = SECRET) -> AwsClient:
    return had(lambda: CLIENTS[name](aws.url, key, secret))


def stream_of(client: str) -> str:
    return re.sub(r"\W", "-", client)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_puts_reads_is_throttled_and_sees_it_in_cloudwatch(name: str, aws: ReferenceAws, clock: Clock) -> None:
    client, stream = client_of(name, aws), stream_of(name)
    began = clock() // MINUTE * MINUTE

    assert sorted(client.act("stream", stream, VALUES)) == sorted(VALUES)
    assert client.act("missing", "nowhere") == "ResourceNotFoundException"
    clock.stop()
    try:
        assert client.act("throttled", stream, 1_000_000) == "ProvisionedThroughputExceededException"
    finally:
        clock.go_on()
    clock.go_on(2 * MINUTE)
    listed, times, values = client.act("metrics", stream, began, clock())
    assert {"PutRecords.Success", "WriteProvisionedThroughputExceeded", "GetRecords.IteratorAgeMilliseconds"} <= {
        *listed
    }
    assert sum(values) == len(VALUES) + 1
    assert all(at % MINUTE == 0 and at >= began for at in times)


@pytest.mark.parametrize("name", CLIENTS)
def test_the_right_keys_are_let_in_and_others_are_not(name: str, guarded: ReferenceAws) -> None:
    assert client_of(name, guarded).act("whoami") == ARN
    kinesis, cloudwatch, sts = client_of(name, guarded, secret="another").act("refused")
    assert (kinesis, sts) == ("InvalidSignatureException", "SignatureDoesNotMatch")
    assert cloudwatch in {kinesis, sts}  # by the protocol that the client speaks
    kinesis, cloudwatch, sts = client_of(name, guarded, key="AKIASTRANGER").act("refused")
    assert (kinesis, sts) == ("UnrecognizedClientException", "InvalidClientTokenId")
    assert cloudwatch in {kinesis, sts}


@pytest.mark.parametrize("name", [name for name in CLIENTS if name != "AWS command line"])  # it has no subscriptions
def test_what_is_put_is_pushed_to_a_subscriber(name: str, aws: ReferenceAws) -> None:
    stream = f"pushed-{stream_of(name)}"

    def make(cloud: Cloud, now: float) -> str:
        made = cloud.kinesis().create(stream, "PROVISIONED", 1, now)
        cloud.kinesis().timers.run(now + 1)
        for value in VALUES:
            made.open_shards[0].append("key", value.encode(), len(value), now)
        return made.arn

    assert client_of(name, aws).act("subscribe", aws.do(make), len(VALUES)) == VALUES

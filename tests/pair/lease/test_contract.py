"""What every home of a lease promises, and the fake as well: one holder at a time, and another when it is gone."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import LeaseError
from streamwatch.pair.lease.dynamodb import Config as DynamoDb
from streamwatch.pair.lease.dynamodb import DynamoDbHome
from streamwatch.pair.lease.kafka_group import GroupLease
from streamwatch.pair.lease.kubernetes import Config as Kubernetes
from streamwatch.pair.lease.kubernetes import KubernetesHome
from streamwatch.pair.lease.lease import AgentLease
from streamwatch.pair.lease.record import Home, RecordLease
from streamwatch.pair.lease.s3 import Config as S3Config
from streamwatch.pair.lease.s3 import S3Home
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.settings.types import HostPort, Secret
from streamwatch.sources.aws.config import AwsAccess
from streamwatch.sources.cluster_config import ClusterConfig
from tests.pair.lease.keeping import Keeper, MemoryHome, overlap
from tests.pair.lease.kube import TOKEN, kube
from tests.real import amazon, emulators
from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.kube_apiserver import kube_apiserver
from tests.waiting import wait_for

Make = Callable[[str], AgentLease]
CLOCK: Final = SystemClock()
_SECONDS: Final = 3.0
_REAL: Final = pytest.mark.real


def recorded(home: Callable[[], Home]) -> Make:
    return lambda name: RecordLease(home(), name, uuid.uuid4().hex, _SECONDS, CLOCK)


def in_memory(_: ExitStack, __: Path) -> Make:
    home = MemoryHome()
    return recorded(lambda: home)


def in_kubernetes(stack: ExitStack, folder: Path) -> Make:
    server = stack.enter_context(kube())
    token = folder / "token"
    token.write_text(f"{TOKEN}\n")
    config = Kubernetes(namespace="shop", url=server.url, token_file=str(token))
    return recorded(lambda: KubernetesHome(config, CLOCK))


def in_real_kubernetes(stack: ExitStack, folder: Path) -> Make:
    server = stack.enter_context(kube_apiserver(folder))
    token = folder / "token"
    token.write_text(server.admin)
    config = Kubernetes(namespace="default", url=server.url, token_file=str(token), ca_file=str(server.ca_file))
    return recorded(lambda: KubernetesHome(config, CLOCK))


def in_dynamodb(stack: ExitStack, folder: Path) -> Make:
    url = had(lambda: stack.enter_context(amazon.dynamodb(folder))).url
    client: Any = boto3.session.Session("a", "b").client("dynamodb", endpoint_url=url, region_name="us-east-1")
    client.create_table(
        TableName="leases",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return recorded(lambda: DynamoDbHome(DynamoDb(table="leases", region="us-east-1", access=access(url)), CLOCK))


def in_s3(stack: ExitStack, folder: Path) -> Make:
    url = had(lambda: stack.enter_context(emulators.moto(folder))).url
    client: Any = boto3.session.Session("a", "b").client("s3", endpoint_url=url, region_name="us-east-1")
    client.create_bucket(Bucket="leases")
    return recorded(lambda: S3Home(S3Config(bucket="leases", region="us-east-1", access=access(url)), CLOCK))


def access(url: str) -> AwsAccess:
    return AwsAccess(endpoint_url=url, access_key_id="a", secret_access_key=Secret("b"))


def by_group(bootstrap: str, seconds: float) -> Make:
    servers = tuple(HostPort.read(each) for each in bootstrap.split(","))
    config = ClusterConfig(name="k", bootstrap=servers)
    return lambda name: GroupLease(config, servers, "leases", name, seconds, CLOCK)


def in_reference_group(stack: ExitStack, _: Path) -> Make:
    settings = {"group.min.session.timeout.ms": "1000", "group.initial.rebalance.delay.ms": "100"}
    kafka = stack.enter_context(ReferenceKafka(Spec(settings=settings)))
    return by_group(kafka.bootstrap, 2.0)


def in_real_group(stack: ExitStack, _: Path) -> Make:
    cluster = had(lambda: stack.enter_context(KafkaCluster()))
    return by_group(cluster.bootstrap, 6.0)


HOMES: Final = {
    "memory": in_memory,
    "kubernetes": in_kubernetes,
    "reference group": in_reference_group,
    "dynamodb": in_dynamodb,
    "s3": in_s3,
    "kafka group": in_real_group,
    "kube-apiserver": in_real_kubernetes,
}
_OF_REAL_PARTS: Final = frozenset({"dynamodb", "s3", "kafka group", "kube-apiserver"})


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=_REAL if name in _OF_REAL_PARTS else ()) for name in HOMES],
)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    with ExitStack() as stack:
        yield HOMES[request.param](stack, tmp_path_factory.mktemp("lease"))


def settle(holder: Keeper, other: Keeper) -> None:
    wait_for(lambda: holder.holds and other.holding.holder == holder.name, 60, f"{holder.name} holds, and it is known")


def test_one_holds_it_and_the_other_knows_who(make: Make) -> None:
    with Keeper("a", make("a")) as a:
        wait_for(lambda: a.holds, 60, "a has it")
        with Keeper("b", make("b")) as b:
            settle(a, b)
            steps = a.steps, b.steps
            wait_for(lambda: a.steps > steps[0] + 10 and b.steps > steps[1] + 10, 60, "time passes")
            settle(a, b)
            assert not overlap(a, b)
            term = a.holding.term
            b.leave()
        a.leave()
    assert term > 0


def test_who_dies_is_followed_once_its_lease_has_run_out(make: Make) -> None:
    with Keeper("a", make("a")) as a, Keeper("b", make("b"), wants=False) as b:
        wait_for(lambda: a.holds, 60, "a has it")
        b.wants = True
        settle(a, b)
        a.kill()
        wait_for(lambda: b.holds, 60, "b has it")
        assert not overlap(a, b), "b waited until a could no longer take itself for the holder"
        assert b.holding.term > a.holding.term
        b.leave()


def test_what_is_given_back_is_taken_before_it_would_have_run_out(make: Make) -> None:
    with Keeper("a", make("a")) as a, Keeper("b", make("b"), wants=False) as b:
        wait_for(lambda: a.holds, 60, "a has it")
        b.wants = True
        settle(a, b)
        a.leave()
        wait_for(lambda: b.holds, 60, "b has it")
        assert not overlap(a, b)
        b.leave()


def test_who_does_not_want_it_gives_it_back_and_never_takes_it(make: Make) -> None:
    with Keeper("a", make("a")) as a, Keeper("b", make("b"), wants=False) as b:
        wait_for(lambda: a.holds, 60, "a has it")
        b.wants = True
        settle(a, b)
        a.wants = False
        wait_for(lambda: b.holds, 60, "b has it")
        steps = a.steps
        wait_for(lambda: a.steps > steps + 5, 60, "a goes on")
        assert not a.holds
        b.leave()


def test_of_many_who_ask_at_once_one_gets_it(make: Make) -> None:
    with ExitStack() as stack:
        some = [Keeper(f"agent-{number}", make(f"agent-{number}")) for number in range(4)]
        for each in some:
            stack.enter_context(each)
        wait_for(lambda: sum(each.holds for each in some) == 1 and all(e.steps > 3 for e in some), 60, "one has it")
        spans = [overlap(one, other) for one in some for other in some if one is not other]
        assert not any(spans)
        for each in some:
            each.leave()


def test_a_home_that_is_not_there_is_said() -> None:
    nowhere = "http://127.0.0.1:1"
    homes = (
        DynamoDbHome(DynamoDb(table="t", region="us-east-1", access=access(nowhere)), CLOCK),
        S3Home(S3Config(bucket="b", region="us-east-1", access=access(nowhere)), CLOCK),
    )
    for home in homes:
        with pytest.raises(LeaseError):
            RecordLease(home, "a", "1", _SECONDS, CLOCK).step(wants=True)
    with closing(by_group("127.0.0.1:1", 6.0)("a")) as lease, pytest.raises(LeaseError, match="no connection"):
        lease.step(wants=True)


def test_a_lease_is_not_taken_for_ones_own_by_its_name_alone() -> None:
    home = MemoryHome()
    first, second = (RecordLease(home, "same", process, 60.0, CLOCK) for process in ("1", "2"))
    assert first.step(wants=True).until > CLOCK.monotonic()
    assert second.step(wants=True).until < CLOCK.monotonic(), "an agent of the same name, or one that was restarted"


def test_kubernetes_shows_who_holds_it_and_its_refusals_are_said(tmp_path: Path) -> None:
    with kube() as server:
        token = tmp_path / "token"
        token.write_text(TOKEN)
        config = Kubernetes(namespace="shop", url=server.url, token_file=str(token))
        lease = RecordLease(KubernetesHome(config, CLOCK), "a", "1", 5.0, CLOCK)
        lease.step(wants=True)
        spec = server.leases["streamwatch"]["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("a", 5, 1)
        lease.step(wants=True)
        assert server.leases["streamwatch"]["spec"]["acquireTime"] == spec["acquireTime"]
        token.write_text("another")
        with pytest.raises(LeaseError, match=r"401.*get, create and update"):
            lease.step(wants=True)
        foreign = replace(config, name="kube-scheduler")
        token.write_text(TOKEN)
        server.leases["kube-scheduler"] = {"metadata": {"name": "kube-scheduler", "resourceVersion": "1", "uid": "u"}}
        with pytest.raises(LeaseError, match="somebody else's"):
            RecordLease(KubernetesHome(foreign, CLOCK), "a", "1", 5.0, CLOCK).step(wants=True)

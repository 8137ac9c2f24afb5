"""MSK's control plane as moto has it: a second opinion on what the agent reads, where moto is right.

Where it is not, AWS's documentation decides: moto's ARNs lack the cluster's name (AWS: ``cluster/NAME/UUID``), it
forgets the level of enhanced monitoring, and it has no operations.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from streamwatch.agent.config import parse
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError
from streamwatch.model.msk import MskSnapshot
from tests.real import emulators
from tests.real.conftest import had
from tests.real.emulators import Emulator

GROUP = {"ClientSubnets": ["subnet-1", "subnet-2", "subnet-3"], "InstanceType": "kafka.m7g.xlarge"}
PROVISIONED = {
    "BrokerNodeGroupInfo": GROUP,
    "KafkaVersion": "3.6.0",
    "NumberOfBrokerNodes": 3,
    "EnhancedMonitoring": "PER_BROKER",
}
SERVERLESS = {
    "VpcConfigs": [{"SubnetIds": ["subnet-1"]}],
    "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}},
}


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp("moto")
    with had(lambda: emulators.moto(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def arns(moto: Emulator) -> dict[str, str]:
    client: Any = boto3.session.Session("a", "b").client("kafka", endpoint_url=moto.url, region_name="us-east-1")
    shop = client.create_cluster_v2(ClusterName="shop", Provisioned=PROVISIONED, Tags={"team": "shop"})
    none = client.create_cluster_v2(ClusterName="none", Serverless=SERVERLESS)
    return {"shop": shop["ClusterArn"], "none": none["ClusterArn"]}


def read(url: str, which: str) -> MskSnapshot:
    access = f"{{endpoint_url: '{url}', access_key_id: a, secret_access_key: b}}"
    msk = f"{{{which}, region: us-east-1, access: {access}, cloudwatch: {{enabled: false}}}}"
    text = f"kafka: [{{name: k, bootstrap: ['127.0.0.1:1'], msk: {msk}}}]"
    parts = TargetFactory(SystemClock()).targets(parse(text, "test", Path()).kafka[0], lambda: None)
    try:
        found = parts[-1].source.read()
    finally:
        for part in parts:
            part.source.close()
    assert isinstance(found, MskSnapshot)
    return found


@pytest.mark.parametrize("which", ["cluster: shop", "tags: [team=shop]"])
def test_a_cluster_is_found_and_described(moto: Emulator, arns: dict[str, str], which: str) -> None:
    now = read(moto.url, which)
    told = now.described

    assert told is not None, now.problems
    assert (told.name, told.arn) == ("shop", arns["shop"])
    assert (told.type, told.instance_type) == ("standard", "kafka.m7g.xlarge")
    assert (told.brokers, told.kafka_version) == (3, "3.6.0")
    assert told.state in {"CREATING", "ACTIVE"}
    # Without operations the agent says that they are not known, and goes on.
    assert now.operations is None
    assert {one.scope for one in now.problems} == {"cluster"}
    missing = ("ListClusterOperationsV2", "ListTopicReassignments", "ListAssessments")
    assert [name for one, name in zip(now.problems, missing, strict=False) if name not in one.detail] == []


def test_a_serverless_cluster_is_told_as_one(moto: Emulator, arns: dict[str, str]) -> None:
    told = read(moto.url, "cluster: none").described

    assert told is not None
    assert told.arn == arns["none"]
    assert (told.type, told.instance_type, told.brokers) == ("serverless", "", 0)


def test_a_name_that_is_not_there_is_said(moto: Emulator, arns: dict[str, str]) -> None:
    assert arns
    assert "no cluster is called 'shoe'" in read(moto.url, "cluster: shoe").problems[0].detail


def test_an_arn_without_a_name_is_not_msks(moto: Emulator, arns: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no ARN of an MSK cluster"):
        read(moto.url, f"cluster: '{arns['shop']}'")

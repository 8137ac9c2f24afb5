"""The probe in the agent: off by default, a target of its own, and believed in what only it knows."""

import pytest

from streamwatch.agent.targets import TargetFactory
from streamwatch.catalogue import kafka_probe
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError
from streamwatch.samples.precedence import SourcePrecedence
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.msk.config import Config as Msk
from streamwatch.sources.msk.config import Topics
from streamwatch.sources.probe_config import KafkaProbe
from tests.addresses import servers
from tests.sources.kinesis.watching import config

NOBODY = servers(["127.0.0.1:1"])


@pytest.mark.parametrize(("enabled", "kinds"), [(False, ["kafka"]), (True, ["kafka", "probe"])])
def test_it_is_a_target_where_it_is_switched_on(*, enabled: bool, kinds: list[str]) -> None:
    config = ClusterConfig(name="c", bootstrap=NOBODY, probe=KafkaProbe(enabled=enabled))
    targets = TargetFactory(SystemClock()).targets(config, lambda: None)
    try:
        assert [target.kind for target in targets] == kinds
    finally:
        for target in targets:
            target.source.close()


@pytest.mark.parametrize(("probe", "is_there"), [("", False), ("stream_probe: {enabled: true}", True)])
def test_a_streams_probe_is_a_target_where_it_is_switched_on(probe: str, *, is_there: bool) -> None:
    targets = TargetFactory(SystemClock()).targets(config("http://127.0.0.1:1", probe), lambda: None)
    try:
        assert ("mine/probe" in {target.name for target in targets if target.kind == "probe"}) == is_there
    finally:
        for target in targets:
            target.source.close()


def test_a_streams_probe_is_in_one_of_the_regions() -> None:
    with pytest.raises(ConfigError, match=r"stream_probe.region: 'eu-west-1' is none of regions: us-east-1"):
        config("http://127.0.0.1:1", "stream_probe: {enabled: true, region: eu-west-1}")


def test_nobody_else_is_believed() -> None:
    sample = kafka_probe.PROBE.attempts.sample(1.0, kafka_cluster="c", broker="1")

    chosen = SourcePrecedence().choose([("kafka", sample), ("probe", sample)])

    assert [kind for kind, _ in chosen] == ["probe"]


def test_a_cluster_that_cannot_be_reached_is_not_probed() -> None:
    msk = Msk(cluster="c", region="eu-west-1", topics=Topics())
    with pytest.raises(ValueError, match="probe: it writes to the brokers"):
        ClusterConfig(name="c", msk=msk, protocol=False, probe=KafkaProbe(enabled=True))

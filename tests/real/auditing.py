"""One audit of a real cluster, of topics and groups that tests made for it."""

from streamwatch.agent.config import Config
from streamwatch.cli.audit_once import audit_once
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.names import Names
from tests.addresses import servers
from tests.real.kafka import KafkaCluster

OURS = "audit-.*"


def found(cluster: KafkaCluster, names: str = OURS) -> tuple[set[tuple[str, str]], set[str]]:
    """Return what is found, and of which checks something is not known."""
    config = ClusterConfig(
        name="real",
        bootstrap=servers(cluster.bootstrap.split(",")),
        topics=Names(allow=(names,)),
        groups=Names(allow=(names,)),
    )
    shown = audit_once(Config(kafka=(config,)))
    return (
        {(each["finding"], each["target"].removeprefix("real/audit-")) for each in shown["findings"]},
        {each["finding"] for each in shown["notChecked"]},
    )

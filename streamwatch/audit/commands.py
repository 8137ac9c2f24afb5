"""Commands of Kafka's own tools that mend what is found. StreamWatch shows them, and runs none."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from streamwatch.audit.facts import ClusterFacts

_MOST_PARTITIONS: Final = 50
_GROUP_TOOLS: Final = {"share": "kafka-share-groups.sh", "streams": "kafka-streams-groups.sh"}


def tool(cluster: ClusterFacts, name: str, *arguments: str) -> str:
    """Return a command of one of Kafka's tools."""
    return shlex.join((name, "--bootstrap-server", cluster.bootstrap, *arguments))


def alter_topic(cluster: ClusterFacts, topic: str, setting: str) -> str:
    """Return the command that sets a topic's setting, as in ``min.insync.replicas=2``."""
    return _altered(cluster, "topics", ("--entity-name", topic), setting)


def alter_brokers(cluster: ClusterFacts, setting: str) -> str:
    """Return the command that sets a setting of all brokers."""
    return _altered(cluster, "brokers", ("--entity-default",), setting)


def delete_group(cluster: ClusterFacts, group: str, group_type: str) -> str:
    """Return the command that deletes a group, with its offsets."""
    name = _GROUP_TOOLS.get(group_type, "kafka-consumer-groups.sh")
    return tool(cluster, name, "--delete", "--group", group)


def reassign(cluster: ClusterFacts, topic: str, replicas: Mapping[int, Sequence[int]]) -> str:
    """Return the command that gives a topic's partitions these replicas; of many partitions the first are shown."""
    shown = dict(list(replicas.items())[:_MOST_PARTITIONS])
    plan = {
        "version": 1,
        "partitions": [
            {"topic": topic, "partition": number, "replicas": list(brokers)} for number, brokers in shown.items()
        ],
    }
    write = f"echo {shlex.quote(json.dumps(plan, separators=(',', ':')))} > plan.json"
    rest = len(replicas) - len(shown)
    more = f"; and the other {rest} partitions in the same way" if rest > 0 else ""
    run = tool(cluster, "kafka-reassign-partitions.sh", "--reassignment-json-file", "plan.json", "--execute")
    return f"{write} && {run}{more}"


def _altered(cluster: ClusterFacts, kind: str, which: Sequence[str], setting: str) -> str:
    return tool(cluster, "kafka-configs.sh", "--alter", "--entity-type", kind, *which, "--add-config", setting)

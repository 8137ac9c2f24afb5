"""Tries the rights that a probe needs, without a record: brokers say what a user may do with a topic."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from streamwatch.core.errors import SourceError
from streamwatch.core.tasks import next_turns
from streamwatch.model.finding import Finding
from streamwatch.probe.apis import APIS, CREATE_TOPICS
from streamwatch.probe.line import BrokerLine, request_part
from streamwatch.probe.shaper import creation
from streamwatch.probe.topic import missing, read_topic
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import METADATA, Message, decoding
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import Dialer
from streamwatch.sources.probe_config import KafkaProbe

_STEP: Final = "probe"
_READ, _WRITE, _CREATE, _ALTER, _DESCRIBE = 3, 4, 5, 7, 8
_NAMES: Final = {_DESCRIBE: "Describe", _READ: "Read", _WRITE: "Write", _ALTER: "Alter", _CREATE: "Create"}
_IAM: Final = {
    _DESCRIBE: "kafka-cluster:DescribeTopic",
    _READ: "kafka-cluster:ReadData",
    _WRITE: "kafka-cluster:WriteData",
    _ALTER: "kafka-cluster:AlterTopic",
    _CREATE: "kafka-cluster:CreateTopic",
}
_NO_RIGHT: Final = "Create is not allowed"
_WITH_CLUSTER_OPERATIONS: Final = 10
"""The last version of Metadata that has what the user may do with the cluster."""


async def examine(config: Config, probe: KafkaProbe) -> AsyncIterator[Finding]:
    """Ask the first bootstrap server that answers what the user may do with the probe's topic."""
    dialer = Dialer(config, apis=APIS)
    why = "no bootstrap server is known"
    for server in config.bootstrap:
        try:
            async with _line(dialer, server.host, server.port) as line:
                message = await _asked(line, config, probe.topic)
        except SourceError as error:
            why = f"{server}: {error}"
            continue
        refused = await _why_not_made(dialer, config, probe, message) if probe.create else ""
        for finding in _findings(config, probe, message, refused):
            yield finding
        return
    yield Finding(f"cluster {config.name}", _STEP, "failed", why, "mend what is said of the brokers first")


@asynccontextmanager
async def _line(dialer: Dialer, host: str, port: int) -> AsyncIterator[BrokerLine]:
    line = BrokerLine(dialer, host, port)
    try:
        yield line
    finally:
        line.close()
        await next_turns()


async def _why_not_made(dialer: Dialer, config: Config, probe: KafkaProbe, message: Message) -> str:
    """Ask the controller whether it would make a topic that is missing; empty where it would, and nothing is made.

    What a user may do with the cluster does not say that: the right to make this one topic is enough.
    """
    with decoding(METADATA):
        topic = read_topic(message, probe.topic)
    if topic.code != codes.UNKNOWN_TOPIC_OR_PARTITION:
        return ""
    controller = next((each for each in topic.brokers if each.id == topic.controller), None)
    if controller is None:
        return "the controller is not known"
    assignments = missing(topic, probe.replication_factor).assignments
    try:
        async with _line(dialer, controller.host, controller.port) as line:
            version = await line.version(CREATE_TOPICS)
            body = CREATE_TOPICS.encode(version, **creation(version, probe.topic, assignments, validate_only=True))
            answer = await line.ask(CREATE_TOPICS, version, body, config.request_timeout)
        with decoding(CREATE_TOPICS):
            code, text = answer.topics[0].error_code, answer.topics[0].error_message
    except SourceError as error:
        return str(error)
    if code in codes.DENIED:
        return _NO_RIGHT
    return "" if code == codes.NONE else f"{codes.explain(code)}: {text}" if text else codes.explain(code)


async def _asked(line: BrokerLine, config: Config, topic: str) -> Message:
    version = min(await line.version(METADATA), _WITH_CLUSTER_OPERATIONS)
    part = request_part(METADATA, "MetadataRequestTopic")(version=version, name=topic)
    body = METADATA.encode(
        version, topics=[part], allow_auto_topic_creation=False, include_topic_authorized_operations=True,
        include_cluster_authorized_operations=True,
    )  # fmt: skip
    return await line.ask(METADATA, version, body, config.request_timeout)


def _findings(config: Config, probe: KafkaProbe, message: Message, refused: str) -> list[Finding]:
    target = f"cluster {config.name}"
    with decoding(METADATA):
        topic = message.topics[0]
        code, allowed = topic.error_code, set(topic.authorized_operations or ())
        on_cluster = message.authorized_operations
        count = len(message.brokers)
        idle = {broker.node_id for broker in message.brokers} - {each.leader_id for each in topic.partitions}
    if code == codes.UNKNOWN_TOPIC_OR_PARTITION:
        return [_missing(target, config, probe, count, refused)]
    if code:
        return [
            Finding(target, _STEP, "failed", f"topic {probe.topic!r}: {codes.explain(code)}", policy(config, probe))
        ]
    wanted = (_DESCRIBE, _READ, _WRITE, *((_ALTER,) if probe.create else ()))
    lacking = [_NAMES[operation] for operation in wanted if operation not in allowed]
    if lacking:
        detail = f"topic {probe.topic!r}: not allowed: {', '.join(lacking)}"
        return [Finding(target, _STEP, "failed", detail, policy(config, probe))]
    detail = f"topic {probe.topic!r}: {', '.join(_NAMES[operation] for operation in wanted)} are allowed"
    found = [Finding(target, _STEP, "ok", detail)]
    if idle:
        detail = f"topic {probe.topic!r}: not covered: brokers {', '.join(map(str, sorted(idle)))} lead no partition"
        remedy = "give it a partition that each leads, or set `probe.create`"
        if probe.create:
            remedy = "an agent that runs gives it a partition that each leads, or has that one elected"
        found.append(Finding(target, _STEP, "warning", detail, remedy))
    if probe.create and on_cluster is not None and _ALTER not in on_cluster:
        detail = "elections are not allowed: Alter on the cluster: a broker that is back may lead no partition at first"
        remedy = "nothing, where `auto.leader.rebalance.enable` is on: this right would let the agent change ACLs, too"
        found.append(Finding(target, _STEP, "warning", detail, remedy))
    return found


def _missing(target: str, config: Config, probe: KafkaProbe, brokers: int, refused: str) -> Finding:
    what = f"topic {probe.topic!r} is not there, or this user may not describe it"
    if probe.create and not refused:
        return Finding(target, _STEP, "ok", f"{what}: the agent will make it")
    if probe.create:
        remedy = policy(config, probe) if refused == _NO_RIGHT else "mend that, or make the topic by hand"
        return Finding(target, _STEP, "failed", f"{what}, and would not be made: {refused}", remedy)
    replicas = min(probe.replication_factor, brokers)
    command = (
        f"kafka-topics.sh --create --topic {probe.topic} --partitions {brokers} --replication-factor {replicas}"
        " --config retention.ms=3600000"
    )
    return Finding(
        target, _STEP, "failed", what, f"make it ({command}), or set `probe.create`; {policy(config, probe)}"
    )


def policy(config: Config, probe: KafkaProbe) -> str:
    """Return what grants a probe its rights, and no more: a policy of AWS's, or a command of Kafka's."""
    operations = [_DESCRIBE, _READ, _WRITE, *((_CREATE, _ALTER) if probe.create else ())]
    if config.sasl is not None and config.sasl.mechanism == "AWS_MSK_IAM":
        statement = {
            "Effect": "Allow",
            "Action": ["kafka-cluster:Connect", *(_IAM[operation] for operation in operations)],
            "Resource": ["<the cluster's ARN>", f"<its ARN with topic for cluster>/{probe.topic}"],
        }
        return f"allow the role {json.dumps(statement)}"
    user = (config.sasl.username if config.sasl is not None else None) or "<the agent's>"
    named = " ".join(f"--operation {_NAMES[operation]}" for operation in operations)
    return (
        f"grant it: kafka-acls.sh --add --allow-principal User:{user} {named} --topic {probe.topic}"
        " --bootstrap-server <broker>"
    )

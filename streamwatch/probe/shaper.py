"""Makes the probe's topic, where that is wanted: a partition that each broker leads."""

import asyncio
from typing import Any, Final

from streamwatch.core.errors import SourceDenied, SourceError, SourceUnavailable
from streamwatch.probe.apis import CREATE_PARTITIONS, CREATE_TOPICS, ELECT_LEADERS
from streamwatch.probe.causes import Failed
from streamwatch.probe.cluster import ProbeCluster
from streamwatch.probe.line import request_part
from streamwatch.probe.topic import ProbeTopic, missing
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import KafkaApi, Message
from streamwatch.sources.log import logger

log = logger(__name__)

_LOOK_SECONDS: Final = 10.0
_DENIED_SECONDS: Final = 600.0
_REQUEST_SECONDS: Final = 10.0
_RETENTION_MS: Final = 3_600_000
_TOPIC_EXISTS: Final = 36
_ELECTION_NOT_NEEDED: Final = 84
_PREFERRED: Final = 0


def creation(
    version: int, name: str, assignments: tuple[tuple[int, ...], ...], *, validate_only: bool
) -> dict[str, Any]:
    """Return the fields of the request that makes the topic, or only asks whether it would be made."""
    part = request_part(CREATE_TOPICS, "CreatableTopic")
    replicas = [
        part.CreatableReplicaAssignment(version=version, partition_index=at, broker_ids=list(brokers))
        for at, brokers in enumerate(assignments)
    ]
    retention = part.CreatableTopicConfig(version=version, name="retention.ms", value=str(_RETENTION_MS))
    new = part(
        version=version, name=name, num_partitions=-1, replication_factor=-1, assignments=replicas, configs=[retention]
    )
    return {"topics": [new], "timeout_ms": int(_REQUEST_SECONDS * 1000), "validate_only": validate_only}


class Shaper:
    """Compares the topic with what it should be, and asks the controller for what it lacks."""

    def __init__(self, cluster: ProbeCluster, replication_factor: int) -> None:
        self.error: SourceError | None = None
        """Why it cannot be brought into shape; None where it can, or need not."""
        self._cluster = cluster
        self._replication_factor = replication_factor
        self._before: tuple[int, ...] = ()
        self._again_at = 0.0

    async def look(self) -> None:
        """Do what is missing, a step a time; two looks must find the same brokers, so that none is left out."""
        topic, now = self._cluster.topic, asyncio.get_running_loop().time()
        if topic is None or now < self._again_at:
            return
        self._again_at = now + _LOOK_SECONDS
        brokers = tuple(broker.id for broker in topic.brokers)
        before, self._before = self._before, brokers
        is_new = topic.code == codes.UNKNOWN_TOPIC_OR_PARTITION
        if before != brokers or (topic.code and not is_new):
            return
        try:
            await self._complete(topic)
            self.error = None
        except SourceError as error:
            self.error = error
            if isinstance(error, SourceDenied):
                self._again_at = now + _DENIED_SECONDS
        except Failed:
            self.error = SourceUnavailable("the controller is not known")

    async def _complete(self, topic: ProbeTopic) -> None:
        lacks = missing(topic, self._replication_factor)
        if not topic.partitions:
            await self._create(topic, lacks.assignments)
        elif lacks.assignments:
            await self._add(topic, lacks.assignments)
        elif lacks.elections:
            await self._elect(topic, lacks.elections)

    async def _create(self, topic: ProbeTopic, assignments: tuple[tuple[int, ...], ...]) -> None:
        def fields(version: int) -> dict[str, Any]:
            return creation(version, self._cluster.name, assignments, validate_only=False)

        message = await self._ask(topic, CREATE_TOPICS, fields)
        self._check("made", [(each.error_code, each.error_message) for each in message.topics], _TOPIC_EXISTS)

    async def _add(self, topic: ProbeTopic, assignments: tuple[tuple[int, ...], ...]) -> None:
        part = request_part(CREATE_PARTITIONS, "CreatePartitionsTopic")

        def fields(version: int) -> dict[str, Any]:
            replicas = [
                part.CreatePartitionsAssignment(version=version, broker_ids=list(brokers)) for brokers in assignments
            ]
            count = len(topic.partitions) + len(assignments)
            grown = part(version=version, name=self._cluster.name, count=count, assignments=replicas)
            return {"topics": [grown], "timeout_ms": int(_REQUEST_SECONDS * 1000), "validate_only": False}

        message = await self._ask(topic, CREATE_PARTITIONS, fields)
        self._check("grown", [(each.error_code, each.error_message) for each in message.results])

    async def _elect(self, topic: ProbeTopic, partitions: tuple[int, ...]) -> None:
        part = request_part(ELECT_LEADERS, "TopicPartitions")

        def fields(version: int) -> dict[str, Any]:
            which = part(version=version, topic=self._cluster.name, partitions=list(partitions))
            timeout = int(_REQUEST_SECONDS * 1000)
            return {"election_type": _PREFERRED, "topic_partitions": [which], "timeout_ms": timeout}

        message = await self._ask(topic, ELECT_LEADERS, fields)
        each = [one for result in message.replica_election_results for one in result.partition_result]
        found = [(message.error_code or 0, ""), *((one.error_code, one.error_message) for one in each)]
        self._check("led by its preferred leaders", found, _ELECTION_NOT_NEEDED)

    async def _ask(self, topic: ProbeTopic, api: KafkaApi, fields: Any) -> Message:  # noqa: ANN401 - returns a request's fields
        line = self._cluster.broker(topic.controller, "ask")
        version = await line.version(api)
        return await line.ask(api, version, api.encode(version, **fields(version)), _REQUEST_SECONDS)

    def _check(self, what: str, codes_and_texts: list[tuple[int, str | None]], harmless: int = 0) -> None:
        for code, text in codes_and_texts:
            if code in {codes.NONE, harmless}:
                continue
            kind = SourceDenied if code in codes.DENIED else SourceUnavailable
            why = f"{codes.explain(code)}: {text}" if text else codes.explain(code)
            raise kind(f"topic {self._cluster.name!r} cannot be {what}: {why}")
        log.info("the probe's topic is %s", what, extra={"topic": self._cluster.name})

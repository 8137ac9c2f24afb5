"""A cluster and streams that are changed in random order, by their own tools, while agents come and go."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import boto3
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.structs import OffsetAndMetadata

from streamwatch.notify import silence_store
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kinesis.account import AccountLimits
from tests.journal.admin import Admin
from tests.journal.broker_settings import BrokerSettings
from tests.journal.brokers import Brokers, ReferenceBrokers
from tests.journal.watch import CLUSTER, REGION, Watch
from tests.real.kafka import KafkaCluster
from tests.waiting import wait_for

Expected = Counter[tuple[str, str]]
LOG: Final = "log"
"""A topic with records that stays."""
_RECORDS: Final = 50
_RESTARTS: Final = 0.2
"""The share of changes that are made while no agent runs."""
_FOLLOWS: Final = frozenset({"leaders.moved"})
"""What follows of a broker's death and return: as often as elections are seen."""


class World:
    """Everything, from its start to its end. The random numbers decide what is done."""

    def __init__(self, folder: Path, seed: int, brokers: Brokers | None = None) -> None:
        """Prepare; brokers are those of a reference cluster by default."""
        self.rng = random.Random(seed)
        self._path = folder / "state.db"
        self._stack = ExitStack()
        self._number = 0
        self.expected: Expected = Counter()
        self._brokers = brokers
        self._settings = BrokerSettings(brokers) if isinstance(brokers, KafkaCluster) else None
        """Of real brokers, which may change a topic's settings by themselves."""
        self.unasked = 0
        """Settings that brokers changed by themselves."""
        self.topics: dict[str, int] = {}
        self.groups: dict[str, tuple[str, int]] = {}
        """Topic and position of each."""
        self.consumers: dict[str, Any] = {}
        """By group."""
        self.streams: dict[str, int] = {}
        self.down: int | None = None
        self.kills = self.restarts = 0
        self.configuration = {"source shop": "1"}

    def __enter__(self) -> Self:
        self.kafka = self._brokers or self._stack.enter_context(ReferenceBrokers())
        cloud = Cloud(quotas=AccountLimits(create_seconds=0.1, update_seconds=0.1))
        self.aws = self._stack.enter_context(ReferenceAws(cloud))
        self.admin = Admin(self.kafka.bootstrap)
        self._stack.callback(self.admin.close)
        self.kinesis: Any = boto3.client(
            "kinesis", region_name=REGION, endpoint_url=self.aws.url, aws_access_key_id="A" * 20,
            aws_secret_access_key="s" * 20,
        )  # fmt: skip
        self.ask("create_topics", {LOG: {"num_partitions": 1, "replication_factor": 3}})
        for _ in range(3):
            make_topic(self)
        make_group(self)
        make_stream(self)
        with KafkaProducer(bootstrap_servers=self.kafka.bootstrap.split(",")) as producer:
            for _ in range(_RECORDS):
                producer.send(LOG, b"a", partition=0)
        self.watch: Watch | None = self._new_watch()
        self.watch.read()
        self.watch.read()
        assert not self.watch.entries()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(kill=False)
        for each in self.consumers.values():
            each.close()
        self._stack.close()

    def _new_watch(self) -> Watch:
        return Watch(self._path, self.kafka.bootstrap, self.aws.url, self.configuration)

    def stop(self, *, kill: bool) -> None:
        """End the agent that runs, if one does."""
        if self.watch is not None:
            self.watch.end(kill=kill)
            self.watch = None

    def ask(self, call: str, *params: Any) -> Any:
        """Ask the cluster for something; a broker that is down is asked of another one."""
        return self.admin.ask(call, *params)

    def name(self, of: str) -> str:
        """Return a name that nothing had before."""
        self._number += 1
        return f"{of}-{self._number}"

    def change(self) -> str:
        """Do one thing, perhaps while no agent runs, and see that the journal has it, once, and nothing else."""
        possible = [each for each, may in CHANGES if may(self)]
        act = self.rng.choice(possible)
        away = self.rng.random() < _RESTARTS and act not in WITH_AN_AGENT
        if away:
            self.restarts += 1
            self.stop(kill=self.rng.random() < 0.5)
        new = Counter(act(self))
        self.expected += new
        if self.watch is None:
            self.watch = self._new_watch()
        watch = self.watch

        def has_all() -> bool:
            self._expect_unasked({subject for _, subject in new})
            missing = self.expected - watch.entries()
            watch.read(streams=any(kind.startswith("stream.") for kind, _ in missing))
            return not self.expected - watch.entries()

        try:
            for _ in range(2):
                wait_for(has_all, 60, f"{act.__name__}: {new}")
                watch.read(streams=False)
                watch.read()
        except TimeoutError as error:
            raise AssertionError(f"{act.__name__}: {self.difference()}") from error
        assert not any(self.difference()), (act.__name__, self.difference())
        return f"{act.__name__}{' (no agent ran)' if away else ''}: {', '.join(map(' '.join, new)) or 'nothing'}"

    def _expect_unasked(self, explained: set[str]) -> None:
        """Expect what brokers changed of topics by themselves, but for those that were changed on purpose."""
        if self._settings is not None:
            found = self._settings.changed(self.topics, explained)
            self.unasked += len(found)
            self.expected += Counter(("topic.settings", name) for name in found)

    def difference(self) -> tuple[Expected, Expected]:
        """Return what the journal lacks, and what nobody did."""
        assert self.watch is not None
        entries = self.watch.entries()
        if self.kills:
            entries = Counter({key: count for key, count in entries.items() if key[0] not in _FOLLOWS})
        return self.expected - entries, entries - self.expected


Events = Iterator[tuple[str, str]]


def make_topic(world: World) -> Events:
    name = world.name("topic")
    world.topics[name] = world.rng.randint(1, 4)
    world.ask(
        "create_topics",
        {name: {"num_partitions": world.topics[name], "replication_factor": 2, "configs": {"retention.ms": "1000"}}},
    )
    return iter([("topic.created", name)])


def delete_topic(world: World) -> Events:
    name = world.rng.choice(sorted(world.topics))
    del world.topics[name]
    world.ask("delete_topics", [name])
    yield "topic.deleted", name


def make_topic_again(world: World) -> Events:
    name = world.rng.choice(sorted(world.topics))
    world.ask("delete_topics", [name])
    wait_for(lambda: name not in world.ask("list_topics"), 60, "the topic is gone")
    world.ask("create_topics", {name: {"num_partitions": world.topics[name], "replication_factor": 2}})
    yield "topic.recreated", name


def add_partitions(world: World) -> Events:
    name = world.rng.choice(sorted(world.topics))
    world.topics[name] += world.rng.randint(1, 3)
    world.ask("create_partitions", {name: world.topics[name]})
    yield "topic.partitions", name


def change_setting(world: World) -> Events:
    name = world.rng.choice(sorted(world.topics))
    world._number += 1
    value = str(1_000_000 + world._number)
    key = world.rng.choice(["retention.ms", "retention.bytes"])
    world.ask("alter_configs", [ConfigResource(ConfigResourceType.TOPIC, name, {key: value})])
    yield "topic.settings", name


def make_group(world: World) -> Events:
    name = world.name("group")
    _commit(world, name, world.rng.randint(0, _RECORDS), LOG)
    return iter([("group.created", name)])


def delete_group(world: World) -> Events:
    name = world.rng.choice(sorted(world.groups))
    del world.groups[name]
    world.admin.delete_group(name)
    yield "group.deleted", name


def set_back(world: World) -> Events:
    name, (topic, offset) = _positions(world, 1, _RECORDS)
    _commit(world, name, world.rng.randrange(offset), topic)
    yield "group.set_back", name


def set_forward(world: World) -> Events:
    name, (topic, offset) = _positions(world, 0, _RECORDS - 1)
    _commit(world, name, world.rng.randint(offset + 1, _RECORDS), topic)
    yield "group.set_forward", name


def consume(world: World) -> Events:
    name = world.rng.choice(sorted(world.groups))
    consumer = KafkaConsumer(
        LOG, group_id=name, bootstrap_servers=world.kafka.bootstrap.split(","), enable_auto_commit=False
    )

    def is_assigned() -> bool:
        consumer.poll(timeout_ms=100)
        return bool(consumer.assignment())

    wait_for(is_assigned, 60, "the consumer has its partition")
    world.consumers[name] = consumer
    yield "group.state", name


def stop_consuming(world: World) -> Events:
    name, consumer = world.consumers.popitem()
    consumer.close()
    yield "group.state", name


def kill_broker(world: World) -> Events:
    world.kills += 1
    world.down = world.rng.randint(1, 3)
    world.kafka.kill(world.down)
    yield "broker.gone", str(world.down)


def start_broker(world: World) -> Events:
    broker, world.down = world.down or 0, None
    world.kafka.restart(broker)
    yield "broker.back", str(broker)


def lose_controller(world: World) -> Events:
    assert isinstance(world.kafka, ReferenceBrokers)
    world.kafka.lose_controller()
    yield "controller.moved", CLUSTER


def make_stream(world: World) -> Events:
    name = world.name("stream")
    world.streams[name] = 24
    world.kinesis.create_stream(StreamName=name, ShardCount=2)
    _is_active(world, name)
    return iter([("stream.created", f"{name} in {REGION}")])


def delete_stream(world: World) -> Events:
    name = world.rng.choice(sorted(world.streams))
    del world.streams[name]
    world.kinesis.delete_stream(StreamName=name, EnforceConsumerDeletion=True)
    yield "stream.deleted", f"{name} in {REGION}"


def keep_longer(world: World) -> Events:
    name = world.rng.choice(sorted(world.streams))
    world.streams[name] += world.rng.randint(1, 24)
    world.kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=world.streams[name])
    _is_active(world, name)
    yield "stream.retention", f"{name} in {REGION}"


def split_shard(world: World) -> Events:
    name = world.rng.choice(sorted(world.streams))
    shards = world.kinesis.list_shards(StreamName=name)["Shards"]
    open_shards = [each for each in shards if "EndingSequenceNumber" not in each["SequenceNumberRange"]]
    shard = world.rng.choice(open_shards)
    first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
    world.kinesis.split_shard(
        StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2)
    )
    _is_active(world, name)
    yield "stream.shards", f"{name} in {REGION}"


def register_consumer(world: World) -> Events:
    name = world.rng.choice(sorted(world.streams))
    arn = world.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    world.kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=world.name("consumer"))
    yield "stream.consumers", f"{name} in {REGION}"


def watch_shards(world: World) -> Events:
    name = world.rng.choice(sorted(world.streams))
    summary = world.kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    is_on = any(each["ShardLevelMetrics"] for each in summary["EnhancedMonitoring"])
    do = world.kinesis.disable_enhanced_monitoring if is_on else world.kinesis.enable_enhanced_monitoring
    do(StreamName=name, ShardLevelMetrics=["ALL"])
    _is_active(world, name)
    yield "stream.monitoring", f"{name} in {REGION}"


def make_silence(world: World) -> Events:
    watch = world.watch
    assert watch is not None
    until = watch.clock.now() + 3600
    number = watch.state.write(
        lambda connection: silence_store.add(connection, ['a="b"'], until, "me", "a test", 0.0, watch.clock.now())
    )
    yield "silence.created", str(number)


def change_configuration(world: World) -> Events:
    name = world.name("source")
    world.configuration[name] = "1"
    if world.watch is not None:
        world.watch.journal.take_configuration("1.0", world.configuration)
    yield "agent.configuration", "configuration"


def _positions(world: World, least: int, most: int) -> tuple[str, tuple[str, int]]:
    """Return a group whose position is between two."""
    found = {name: at for name, at in sorted(world.groups.items()) if least <= at[1] <= most}
    name = world.rng.choice(sorted(found))
    return name, found[name]


def _commit(world: World, group: str, offset: int, topic: str) -> None:
    world.groups[group] = topic, offset
    wanted = {TopicPartition(topic, 0): OffsetAndMetadata(offset, "", -1)}
    world.admin.commit(group, wanted)


def _is_active(world: World, stream: str) -> None:
    def is_so() -> bool:
        summary = world.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return bool(summary["StreamStatus"] == "ACTIVE")

    wait_for(is_so, 60, f"{stream} is active")


def always(_: World) -> bool:
    return True


def has_all_brokers(world: World) -> bool:
    return world.down is None


def is_idle(world: World) -> bool:
    return world.down is None and not world.consumers


def may_move(least: int, most: int) -> Callable[[World], bool]:
    return lambda world: is_idle(world) and any(least <= at[1] <= most for at in world.groups.values())


CHANGES: list[tuple[Callable[[World], Events], Callable[[World], bool]]] = [
    (make_topic, always),
    (delete_topic, lambda world: len(world.topics) > 2),
    (make_topic_again, has_all_brokers),
    (add_partitions, always),
    (change_setting, always),
    (make_group, has_all_brokers),
    (delete_group, lambda world: is_idle(world) and bool(world.groups)),
    (set_back, may_move(1, _RECORDS)),
    (set_forward, may_move(0, _RECORDS - 1)),
    (consume, lambda world: is_idle(world) and bool(world.groups)),
    (stop_consuming, lambda world: bool(world.consumers)),
    (kill_broker, is_idle),
    (start_broker, lambda world: world.down is not None),
    (lose_controller, lambda world: isinstance(world.kafka, ReferenceBrokers)),
    (make_stream, lambda world: len(world.streams) < 5),
    (delete_stream, lambda world: len(world.streams) > 1),
    (keep_longer, always),
    (split_shard, always),
    (register_consumer, always),
    (watch_shards, always),
    (make_silence, lambda world: world.watch is not None),
    (change_configuration, always),
]
WITH_AN_AGENT: Final = (make_silence, set_forward)
"""What nobody can know who was not there: a group may have read forward; a silence is made in an agent."""

"""Settings of topics, brokers and groups: which there are, what they may be, where they come from."""

from types import SimpleNamespace
from typing import Any

import pytest

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.settings_kinds import BadSetting, check
from streamwatch.reference.kafka.settings_topics import topic_settings
from streamwatch.reference.kafka.spec import Release, Spec
from tests.reference.acting import QUICK, Stage

TOPIC, BROKER, METRICS, GROUP = 2, 4, 16, 32
HEARTBEAT, SESSION = "consumer.heartbeat.interval.ms", "consumer.session.timeout.ms"


@pytest.fixture
def stage() -> Stage:
    made = Stage()
    made.topic("t", (1, 2))
    return made


def alter(stage: Stage, kind: int, name: str, *changes: tuple[str, str | None, int]) -> tuple[Code, str | None]:
    configs = [SimpleNamespace(name=key, value=value, config_operation=op) for key, value, op in changes]
    resource = SimpleNamespace(resource_type=kind, resource_name=name, configs=configs)
    (found,) = stage.ask(1, 44, 1, resources=[resource], validate_only=False)["responses"]
    return found["error_code"], found["error_message"]


def described(stage: Stage, kind: int, name: str, *keys: str) -> dict[str, tuple[str, int]]:
    """The value of each setting, and the source of that."""
    resource = SimpleNamespace(resource_type=kind, resource_name=name, configuration_keys=list(keys) or None)
    (found,) = stage.ask(1, 32, 4, resources=[resource], include_synonyms=True)["results"]
    return {one["name"]: (one["value"], one["config_source"]) for one in found["configs"]}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("retention.ms", "-1", None),
        ("retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"),
        ("retention.ms", "1.5", "Invalid value 1.5 for configuration retention.ms: Not a number of type LONG"),
        ("retention.bytes", str(2**63), "Not a number of type LONG"),
        ("segment.bytes", str(2**31), "Not a number of type INT"),
        ("segment.bytes", "1", "Value must be at least 1048576"),
        ("min.cleanable.dirty.ratio", "2", "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must"),
        ("min.cleanable.dirty.ratio", "nan", "Not a number of type DOUBLE"),
        ("preallocate", "TRUE", None),
        ("preallocate", "yes", "Expected value to be either true or false"),
        ("cleanup.policy", "compact, delete", None),
        ("cleanup.policy", "", None),
        ("cleanup.policy", "burn", "String must be one of: compact, delete"),
        ("no.such", "1", "Unknown topic config name: no.such"),
    ],
)
def test_a_topics_setting_is_checked_as_kafka_does(name: str, value: str, why: str | None) -> None:
    known = topic_settings((4, 3))
    if why is None:
        check(known, name, value, "topic")
    else:
        with pytest.raises(BadSetting) as refused:
            check(known, name, value, "topic")
        assert why in str(refused.value)


@pytest.mark.parametrize(
    ("release", "has", "lacks"),
    [
        ((2, 8), "message.format.version", "local.retention.ms"),
        ((3, 9), "remote.log.copy.disable", "no.such"),
        ((4, 3), "compression.zstd.level", "message.downconversion.enable"),
    ],
)
def test_a_release_has_its_settings(release: Release, has: str, lacks: str) -> None:
    known = topic_settings(release)

    assert has in known
    assert lacks not in known


def test_a_setting_is_its_own_or_the_brokers_or_the_default(stage: Stage) -> None:
    assert described(stage, TOPIC, "t", "max.message.bytes") == {"max.message.bytes": ("1048588", 5)}
    alter(stage, BROKER, "", ("message.max.bytes", "2000000", 0))
    assert described(stage, TOPIC, "t", "max.message.bytes") == {"max.message.bytes": ("2000000", 3)}
    alter(stage, TOPIC, "t", ("max.message.bytes", "3000000", 0))
    assert described(stage, TOPIC, "t", "max.message.bytes") == {"max.message.bytes": ("3000000", 1)}
    assert described(stage, BROKER, "") == {"message.max.bytes": ("2000000", 3)}


def test_one_brokers_own_setting_is_shown_as_such(stage: Stage) -> None:
    assert alter(stage, BROKER, "1", ("num.io.threads", "9", 0)) == (Code.NONE, None)
    assert described(stage, BROKER, "1", "num.io.threads") == {"num.io.threads": ("9", 2)}
    assert stage.cluster.settings.number("num.io.threads") == 8


@pytest.mark.parametrize(
    ("resource", "changes", "code", "why"),
    [
        ((TOPIC, "t"), [("retention.ms", "1", 0), ("retention.ms", "2", 0)], Code.INVALID_REQUEST, "duplicate"),
        ((TOPIC, "t"), [("retention.ms", None, 0)], Code.INVALID_REQUEST, "Null value not supported"),
        ((TOPIC, "t"), [("retention.ms", "1", 2)], Code.INVALID_CONFIG, "Can't APPEND to key retention.ms"),
        ((TOPIC, "t"), [("retention.ms", "1", 9)], Code.UNKNOWN_SERVER_ERROR, None),
        ((TOPIC, "t"), [("no.such", None, 1)], Code.NONE, None),
        ((TOPIC, "x"), [("retention.ms", "1", 0)], Code.UNKNOWN_TOPIC_OR_PARTITION, "does not exist"),
        ((BROKER, "1"), [("group.max.size", "1", 0)], Code.INVALID_REQUEST, "Cannot update these configs dynamically"),
        ((BROKER, "2"), [("num.io.threads", "1", 0)], Code.INVALID_REQUEST, "Unexpected broker id, expected 1"),
        ((GROUP, ""), [(HEARTBEAT, "6000", 0)], Code.INVALID_REQUEST, "Default group resources are not allowed."),
        ((GROUP, "g"), [("no.such", "1", 0)], Code.INVALID_CONFIG, "Unknown group config name: no.such"),
        (
            (GROUP, "g"),
            [(HEARTBEAT, "1", 0)],
            Code.INVALID_CONFIG,
            "must be greater than or equal to group.consumer.min",
        ),
        (
            (GROUP, "g"),
            [(SESSION, "60001", 0)],
            Code.INVALID_CONFIG,
            "must be less than or equal to group.consumer.max",
        ),
        ((GROUP, "g"), [("streams.num.standby.replicas", "3", 0)], Code.INVALID_CONFIG, "must be less than or equal"),
        ((7, "x"), [("a", "1", 0)], Code.INVALID_REQUEST, "Unknown resource type 7"),
    ],
)
def test_a_change_that_cannot_be_is_refused(
    stage: Stage, resource: tuple[int, str], changes: list[tuple[str, str | None, int]], code: Code, why: str | None
) -> None:
    found = alter(stage, *resource, *changes)

    assert found[0] == code
    assert why is None or why in (found[1] or "")


def test_a_resource_twice_is_refused_twice(stage: Stage) -> None:
    resource = SimpleNamespace(resource_type=TOPIC, resource_name="t", configs=[])
    found = stage.ask(1, 44, 1, resources=[resource, resource], validate_only=False)["responses"]

    assert [one["error_code"] for one in found] == [Code.INVALID_REQUEST] * 2


def test_a_groups_settings_are_kept_listed_and_reset(stage: Stage) -> None:
    assert alter(stage, GROUP, "g", (HEARTBEAT, "6000", 0)) == (Code.NONE, None)
    assert described(stage, GROUP, "g", HEARTBEAT, SESSION) == {HEARTBEAT: ("6000", 8), SESSION: ("45000", 5)}
    listed = stage.ask(1, 74, 1, resource_types=[GROUP])["config_resources"]
    assert listed == [{"resource_name": "g", "resource_type": GROUP}]

    alter(stage, GROUP, "g", (HEARTBEAT, None, 1))
    assert stage.ask(1, 74, 1, resource_types=[GROUP])["config_resources"] == []


def test_groups_have_settings_from_40_on() -> None:
    stage = Stage(Spec(release=(3, 9), settings=QUICK))

    assert alter(stage, GROUP, "g", (HEARTBEAT, "6000", 0))[0] == Code.INVALID_REQUEST


def beat(stage: Stage, coordinator: int, epoch: int, member: str = "m") -> Any:
    return stage.ask(
        coordinator,
        68,
        1,
        group_id="g",
        member_id=member,
        member_epoch=epoch,
        instance_id=None,
        rack_id=None,
        rebalance_timeout_ms=1000 if epoch == 0 else -1,
        subscribed_topic_names=["t"] if epoch == 0 else None,
        subscribed_topic_regex=None,
        server_assignor=None,
        topic_partitions=[] if epoch == 0 else None,
    )


def test_a_groups_settings_count_for_its_members(stage: Stage) -> None:
    coordinator = stage.site.coordinator("g", stage.now)
    assert coordinator is not None
    alter(stage, GROUP, "g", (HEARTBEAT, "6000", 0), (SESSION, "60000", 0))
    answer = beat(stage, coordinator, 0)
    assert (answer["error_code"], answer["heartbeat_interval_ms"]) == (Code.NONE, 6000)

    stage.advance(50)
    group = stage.site.groups.consumer("g")
    assert group is not None
    assert len(group.members) == 1
    stage.advance(11)
    assert len(group.members) == 0


def test_subscriptions_to_clients_metrics_are_kept(stage: Stage) -> None:
    assert described(stage, METRICS, "m", "interval.ms") == {"interval.ms": ("300000", 5)}
    alter(stage, METRICS, "m", ("interval.ms", "60000", 0))
    assert described(stage, METRICS, "m", "interval.ms") == {"interval.ms": ("60000", 7)}
    listed = stage.ask(1, 74, 0, resource_types=None)["config_resources"]
    assert listed == [{"resource_name": "m", "resource_type": METRICS}]

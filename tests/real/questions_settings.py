"""Questions about settings (of topics, brokers, groups), about ACLs, quotas and users without an authorizer."""

from typing import Any, Final

from tests.real.asking import CLUSTERS_OWN, Asker

_TOPIC, _BROKER, _METRICS, _GROUP = 2, 4, 16, 32
_SET, _DELETE, _APPEND, _SUBTRACT = 0, 1, 2, 3
_DELAY: Final = "log.segment.delete.delay.ms"
_HEARTBEAT, _SESSION = "consumer.heartbeat.interval.ms", "consumer.session.timeout.ms"
_TRIED: Final = (
    (_HEARTBEAT, ("5000", "6000", "1", "4999", "15001", "soon", "")),
    (_SESSION, ("45000", "50000", "1000", "44999", "60001", "-1")),
    ("share.record.lock.duration.ms", ("30000", "1", "14999", "60001")),
    ("share.isolation.level", ("read_committed", "read_nothing")),
    ("streams.num.standby.replicas", ("1", "3", "-1")),
)
Expected = dict[str, str]
"""What settings are to be, by their names."""
Change = dict[str, Any]


def _change(name: str, value: str | None, operation: int = _SET) -> Change:
    return {"name": name, "config_operation": operation, "value": value}


def _describe(
    ask: Asker, what: str, *resources: tuple[int, str], keys: list[str] | None = None, once: Expected | None = None
) -> None:
    """Ask for settings, and keep the answer; ``once`` they are what is expected, for brokers hear of changes later."""
    body: Any = _described(*resources, keys=list(once) if once else keys)

    def right(answer: dict[str, Any]) -> bool:
        return {one["name"]: one["value"] for row in answer["results"] for one in row["configs"]} == once

    if once:
        ask.until(right, 32, 4, **body)
    ask(what, 32, 4, **body)


def _described(*resources: tuple[int, str], keys: list[str] | None = None) -> dict[str, Any]:
    asked = [{"resource_type": kind, "resource_name": name, "configuration_keys": keys} for kind, name in resources]
    return {"resources": asked, "include_synonyms": True, "include_documentation": False}


def _alter(
    ask: Asker, what: str, *resources: tuple[int, str, list[Change]], validate_only: bool = False, key: int = 44
) -> None:
    """Alter settings, incrementally (44) or as a whole (33), and keep the answer."""
    rows = [{"resource_type": kind, "resource_name": name, "configs": changes} for kind, name, changes in resources]
    ask(what, key, 1 if key == 44 else 2, resources=rows, validate_only=validate_only)


def _whole(name: str, value: str | None) -> list[Change]:
    return [{"name": name, "value": value}]


def of_topics(ask: Asker) -> None:
    """DescribeConfigs, AlterConfigs, IncrementalAlterConfigs of topics."""
    own = (_TOPIC, "asked.configured")
    rows = [{"partition_index": 0, "broker_ids": [1]}]
    made = {"name": own[1], "num_partitions": -1, "replication_factor": -1, "assignments": rows, "configs": []}
    ask.raw(1, 19, 7, topics=[made], timeout_ms=10_000, validate_only=False)

    def describe(what: str, *resources: tuple[int, str], **more: Any) -> None:
        _describe(ask, what, *resources, **more)

    def alter(what: str, *changes: Change, **more: Any) -> None:
        _alter(ask, what, (*own, list(changes)), **more)

    none: list[str] = []
    for keys in (None, none):
        body: Any = _described(own, keys=keys)
        ask.until(lambda answer: not answer["results"][0]["error_code"], 32, 4, **body)
        found = ask.raw(1, 32, 4, **body)["results"][0]["configs"]
        ask.note(f"all settings, {keys}", {one["name"]: one for one in found if one["name"] not in CLUSTERS_OWN})
        ask.note(f"the names of all settings, {keys}", sorted(one["name"] for one in found))
    ask("without synonyms", 32, 4, **(_described(own, keys=["retention.ms"]) | {"include_synonyms": False}))
    describe("of a topic that is not there", (_TOPIC, "asked.nothing"))
    describe("of a topic that cannot be", (_TOPIC, "a b"), (_TOPIC, ""))
    describe("a name that is not there", own, keys=["no.such", "retention.ms"])
    alter("set", _change("retention.ms", "1000"), _change("cleanup.policy", "compact"))
    describe("as set", own, once={"retention.ms": "1000", "cleanup.policy": "compact"})
    alter("append", _change("cleanup.policy", "delete", _APPEND))
    alter("append it again", _change("cleanup.policy", "delete", _APPEND))
    describe("as appended", own, once={"cleanup.policy": "compact,delete"})
    alter("subtract", _change("cleanup.policy", "compact", _SUBTRACT))
    describe("as subtracted", own, once={"cleanup.policy": "delete"})
    alter("append to what is no list", _change("retention.ms", "1", _APPEND))
    alter("subtract from what is no list", _change("retention.ms", "1", _SUBTRACT))
    alter("a value that cannot be", _change("retention.ms", "soon"))
    alter("only tried", _change("retention.ms", "7"), validate_only=True)
    alter("delete", _change("retention.ms", None, _DELETE))
    alter("delete what is not set", _change("retention.bytes", None, _DELETE))
    alter("delete what is not there", _change("no.such", None, _DELETE))
    alter("set what is not there", _change("no.such", "1"))
    alter("set nothing", _change("retention.ms", None))
    alter("a name twice", _change("retention.ms", "1"), _change("retention.ms", "2"))
    alter("another operation", _change("retention.ms", "1", 9))
    alter("no change")
    twice = [(*own, [_change("retention.ms", value)]) for value in ("1", "2")]
    _alter(ask, "a topic twice", *twice)
    _alter(ask, "a topic that is not there", (_TOPIC, "asked.nothing", [_change("retention.ms", "1")]))
    describe("in the end", own, once={"retention.ms": "604800000", "cleanup.policy": "delete", "retention.bytes": "-1"})
    _alter(ask, "the old way", (*own, _whole("retention.ms", "5")), key=33)
    describe("what is not named is reset", own, once={"retention.ms": "5", "cleanup.policy": "delete"})
    for value in ("nothing", None):
        _alter(ask, f"the old way, {value}", (*own, _whole("retention.ms", value)), key=33)


def of_brokers(ask: Asker) -> None:
    """Settings of brokers, of subscriptions to clients' metrics, and kinds of resources that are not."""

    def describe(what: str, kind: int, name: str, **more: Any) -> None:
        _describe(ask, what, (kind, name), **more)

    def alter(what: str, kind: int, name: str, *changes: Change) -> None:
        _alter(ask, what, (kind, name, list(changes)))

    describe("a broker's", _BROKER, "1", keys=["log.retention.bytes", "group.max.size", "message.max.bytes"])
    for name in ("2", "9", "first", ""):
        describe(f"those of {name!r}", _BROKER, name, keys=["log.retention.bytes"])
    alter("a setting of all", _BROKER, "", _change(_DELAY, "61000"))
    describe("as it is now", _BROKER, "1", once={_DELAY: "61000"})
    describe("as it is of all", _BROKER, "", once={_DELAY: "61000"})
    alter("a setting of one", _BROKER, "1", _change(_DELAY, "62000"))
    describe("as it is of one", _BROKER, "1", once={_DELAY: "62000"})
    alter("not any more", _BROKER, "", _change(_DELAY, None, _DELETE))
    alter("not any more of one", _BROKER, "1", _change(_DELAY, None, _DELETE))
    describe("as it was", _BROKER, "1", once={_DELAY: "60000"})
    describe("none is of all", _BROKER, "", keys=[_DELAY])
    alter("what cannot be altered", _BROKER, "1", _change("broker.id", "7"))
    alter("what cannot be altered of all", _BROKER, "", _change("group.max.size", "7"))
    alter("what is not there", _BROKER, "1", _change("no.such.setting", None, _DELETE))
    alter("a broker that is not there", _BROKER, "9", _change(_DELAY, "62000"))
    for kind in (7, 99):
        describe(f"kind {kind}", kind, "x")
        alter(f"kind {kind}, altered", kind, "x", _change("a", "1"))
    describe("client metrics", _METRICS, "asked-nothing")
    alter("of client metrics", _METRICS, "asked-metrics", _change("interval.ms", "60000"))
    describe("client metrics as set", _METRICS, "asked-metrics", once={"interval.ms": "60000"})
    alter("no client metrics", _METRICS, "asked-metrics", _change("interval.ms", None, _DELETE))
    ask.until(lambda answer: not answer["config_resources"], 74, 1, resource_types=[_METRICS])
    for kinds in ([_METRICS], [7], [99]):
        ask(f"resources of kind {kinds}", 74, 1, resource_types=kinds)
    ask("resources, before there were others", 74, 0)


def of_groups(ask: Asker) -> None:
    """Settings of groups."""
    own = (_GROUP, "asked-group")

    def describe(what: str, *names: str, **more: Any) -> None:
        _describe(ask, what, *((_GROUP, name) for name in names), **more)

    def alter(what: str, *changes: Change, **more: Any) -> None:
        _alter(ask, what, (*own, list(changes)), **more)

    def listed(what: str) -> None:
        found = ask.raw(1, 74, 1, resource_types=[_GROUP])["config_resources"]
        ask.note(what, [one for one in found if one["resource_name"].startswith("asked")])

    describe("of a group that is not there", "asked-nobody")
    describe("of two", "asked-nobody", own[1], keys=[_HEARTBEAT])
    describe("of no name", "")
    describe("a name that is not there", own[1], keys=["no.such", _HEARTBEAT])
    for name, values in _TRIED:
        for value in values:
            alter(f"{name}={value}", _change(name, value), validate_only=True)
    alter("set", _change(_HEARTBEAT, "10000"))
    describe("as set", own[1], once={_HEARTBEAT: "10000"})
    describe("everything", own[1])
    listed("listed")
    alter("set another", _change(_SESSION, "50000"))
    alter("append", _change(_HEARTBEAT, "1", _APPEND))
    alter("what is not there", _change("no.such", "1"))
    alter("delete what is not there", _change("no.such", None, _DELETE))
    alter("a topic's", _change("retention.ms", "1"))
    alter("nothing", _change(_HEARTBEAT, None))
    _alter(ask, "of no name", (_GROUP, "", [_change(_HEARTBEAT, "6000")]))
    _alter(ask, "twice", *((*own, [_change(_HEARTBEAT, value)]) for value in ("6000", "7000")))
    alter("a value that cannot be", _change(_HEARTBEAT, "soon"))
    alter("both together", _change(_SESSION, "45000"), _change(_HEARTBEAT, "15000"))
    describe("both", own[1], once={_HEARTBEAT: "15000", _SESSION: "45000"})
    _alter(ask, "the old way", (*own, _whole(_HEARTBEAT, "9000")), key=33)
    describe("what is not named is reset", own[1], once={_HEARTBEAT: "9000", _SESSION: "45000"})
    alter("delete", _change(_HEARTBEAT, None, _DELETE), _change(_SESSION, None, _DELETE))
    describe("in the end", own[1], once={_HEARTBEAT: "5000", _SESSION: "45000"})
    listed("none are listed")


def of_clients(ask: Asker) -> None:
    """ACLs, quotas, users, where no authorizer is configured."""
    asked: Any = {
        "resource_type_filter": 1,
        "resource_name_filter": None,
        "pattern_type_filter": 1,
        "principal_filter": None,
        "host_filter": None,
        "operation": 1,
        "permission_type": 1,
    }
    made = {
        "resource_type": 2,
        "resource_name": "asked",
        "resource_pattern_type": 3,
        "principal": "User:a",
        "host": "*",
        "operation": 3,
        "permission_type": 3,
    }
    for version in (1, 2, 3):
        ask(f"rules, version {version}", 29, version, **asked)
        ask(f"rules to remove, version {version}", 31, version, filters=[asked])
        ask(f"rules to make, version {version}", 30, version, creations=[made, made])
    ask("a rule that cannot be", 30, 3, creations=[made | {"operation": 1}])
    ask("quotas", 48, 1, components=[{"entity_type": "client-id", "match_type": 0, "match": "asked"}], strict=True)
    for kind, name, key, value in (
        ("client-id", "asked", "producer_byte_rate", 1024.0),
        ("client-id", "asked", "no_such_rate", 1.0),
        ("client-id", "asked", "producer_byte_rate", -1.0),
        ("client-id", "asked", "producer_byte_rate", 1.5),
        ("client-id", "asked", "request_percentage", 0.5),
        ("client-id", "", "producer_byte_rate", 1.0),
        ("planet", "asked", "producer_byte_rate", 1.0),
    ):
        entry = {
            "entity": [{"entity_type": kind, "entity_name": name}],
            "ops": [{"key": key, "value": value, "remove": False}],
        }
        ask(f"{key}={value} of {kind} {name!r}", 49, 1, validate_only=True, entries=[entry])
    ask("users", 50, 0, users=None)
    ask("a user", 50, 0, users=[{"name": "asked"}])
    ask("a user twice", 50, 0, users=[{"name": "asked"}, {"name": "asked"}])
    ask("a user to forget", 51, 0, deletions=[{"name": "asked", "mechanism": 1}], upsertions=[])

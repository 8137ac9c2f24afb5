"""Configurations of topics, brokers, groups and subscriptions to clients' metrics, described and altered."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code, RequestRefused
from streamwatch.reference.kafka.handlers.context import MALFORMED, Context, Reply, on_controller
from streamwatch.reference.kafka.partition import Topic
from streamwatch.reference.kafka.settings_brokers import BROKER
from streamwatch.reference.kafka.settings_groups import group_settings
from streamwatch.reference.kafka.settings_kinds import BadSetting, KnownSetting, check
from streamwatch.reference.kafka.settings_topics import topic_settings
from streamwatch.reference.kafka.topics import illegal

_TOPIC, _BROKER, _METRICS, _GROUP = 2, 4, 16, 32
_LOGGER: Final = 8
_WORDS: Final = {_TOPIC: "topic", _METRICS: "client metrics", _GROUP: "group"}
_TOPIC_SOURCE, _BROKER_SOURCE, _DYNAMIC, _STATIC, _DEFAULT, _METRICS_SOURCE, _GROUP_SOURCE = 1, 2, 3, 4, 5, 7, 8
_OWN_SOURCE: Final = {_TOPIC: _TOPIC_SOURCE, _METRICS: _METRICS_SOURCE, _GROUP: _GROUP_SOURCE}
_TYPES: Final = {"boolean": 1, "string": 2, "int": 3, "short": 4, "long": 5, "double": 6, "list": 7}
CLIENT_METRICS: Final[Mapping[str, KnownSetting]] = {
    "interval.ms": KnownSetting("int", "300000", synonyms=False),
    "match": KnownSetting("list", "", synonyms=False),
    "metrics": KnownSetting("list", "", synonyms=False),
}
"""Of a subscription to clients' metrics (KIP-714). They are kept, and no client is asked for any."""
_FIRST_GROUPS, _FIRST_METRICS = (4, 0), (3, 7)
"""Releases from which on these have configurations."""


class AlterOperation(IntEnum):
    """What is done to one setting (KIP-339)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class Resource:
    """Whose configurations: what it has of its own, and what it could have."""

    kind: int
    own: dict[str, str]
    known: Mapping[str, KnownSetting]


def describe_configs(context: Context) -> Reply:
    """Answer DescribeConfigs, API 32: versions 1 to 4.

    Special: names null or none (all settings); an empty broker (what was altered for all brokers).
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed); log levels
    (BROKER_LOGGER), documentation (3), most of the brokers' settings.
    """
    return {"results": [_described(context, resource) for resource in context.body.resources]}


def _described(context: Context, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    row = {"resource_type": asked.resource_type, "resource_name": asked.resource_name, "error_message": ""}
    try:
        entries = _entries(context, asked.resource_type, asked.resource_name)
    except RequestRefused as refused:
        return row | {"error_code": refused.code, "error_message": str(refused), "configs": []}
    keys = asked.configuration_keys
    wanted = [entry for entry in entries if not keys or entry["name"] in keys]
    if not context.body.include_synonyms:
        wanted = [one | {"synonyms": []} for one in wanted]
    return row | {"error_code": Code.NONE, "configs": wanted}


def _entries(context: Context, kind: int, name: str) -> list[dict[str, Any]]:
    resource = _resource(context, kind, name, AclOperation.DESCRIBE_CONFIGS)
    if kind == _BROKER and not name:  # of all brokers only what was altered
        own = resource.own.items()
        return [_entry(key, BROKER[key], [_synonym(key, value, _DYNAMIC)], read_only=False) for key, value in own]
    if kind == _BROKER:
        return [_broker_entry(context, name, key, known) for key, known in resource.known.items()]
    if kind == _METRICS and context.cluster.spec.release < _FIRST_GROUPS:  # only what was set, without its type
        return [_bare(key, value) for key, value in resource.own.items()]
    return [_own_entry(context, resource, key, known) for key, known in resource.known.items()]


def _own_entry(context: Context, resource: Resource, name: str, known: KnownSetting) -> dict[str, Any]:
    """Return a setting of something that falls back to the brokers' settings."""
    rows = _broker_synonyms(context, known.broker) if known.broker in BROKER else []
    rows = [*rows, _synonym(known.broker or name, known.default, _DEFAULT)] if known.synonyms else rows
    if name in resource.own:
        rows = [_synonym(name, resource.own[name], _OWN_SOURCE[resource.kind]), *rows]
    return _entry(name, known, rows, read_only=False)


def _broker_entry(context: Context, broker: str, name: str, known: KnownSetting) -> dict[str, Any]:
    own = context.cluster.settings.of_broker.get(broker, {})
    rows = [_synonym(name, own[name], _BROKER_SOURCE)] if name in own else []
    rows = [*rows, *_broker_synonyms(context, name), _synonym(name, known.default, _DEFAULT)]
    return _entry(name, known, rows, read_only=not known.is_dynamic)


def _broker_synonyms(context: Context, name: str | None) -> list[dict[str, Any]]:
    """Return what the brokers were given, and what was altered since, of one of their settings."""
    settings = context.cluster.settings
    stores = ((settings.dynamic, _DYNAMIC), (settings.static, _STATIC))
    return [_synonym(name, store[name], source) for store, source in stores if name is not None and name in store]


def _synonym(name: str, value: str, source: int) -> dict[str, Any]:
    return {"name": name, "value": value, "source": source}


def _entry(name: str, known: KnownSetting, synonyms: list[dict[str, Any]], *, read_only: bool) -> dict[str, Any]:
    first = synonyms[0] if synonyms else _synonym(name, known.default, _DEFAULT)
    return {
        "name": name,
        "value": first["value"],
        "read_only": read_only,
        "config_source": first["source"],
        "is_default": first["source"] == _DEFAULT,
        "is_sensitive": False,
        "synonyms": synonyms,
        "config_type": _TYPES[known.kind],
        "documentation": None,
    }


def _bare(name: str, value: str) -> dict[str, Any]:
    entry = _entry(name, CLIENT_METRICS[name], [_synonym(name, value, _METRICS_SOURCE)], read_only=False)
    return entry | {"synonyms": [], "config_type": 0, "documentation": ""}


def _resource(context: Context, kind: int, name: str, operation: AclOperation) -> Resource:
    """Return a resource whose configurations somebody may describe or alter; raises Refused."""
    settings, release = context.cluster.settings, context.cluster.spec.release
    is_read = operation is AclOperation.DESCRIBE_CONFIGS
    if kind == _TOPIC:
        return _topic(context, name, operation)
    if not context.may_cluster(operation):
        raise RequestRefused(Code.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed.")
    if kind == _BROKER:
        _check_broker(context, name, is_read=is_read)
        own = settings.dynamic if not name else settings.of_broker.setdefault(name, {})
        return Resource(kind, own, BROKER)
    if kind == _GROUP and release >= _FIRST_GROUPS:
        if not name:
            why = "Group name must not be empty" if is_read else "Default group resources are not allowed."
            raise RequestRefused(Code.INVALID_REQUEST, why)
        return Resource(kind, settings.of_group.get(name, {}), group_settings(release))
    if kind == _METRICS and release >= _FIRST_METRICS:
        return Resource(kind, settings.of_metrics.get(name, {}), CLIENT_METRICS)
    raise RequestRefused(Code.INVALID_REQUEST, MALFORMED if is_read else f"Unknown resource type {kind}")


def _topic(context: Context, name: str, operation: AclOperation) -> Resource:
    if not context.may_topic(operation, name):
        raise RequestRefused(Code.TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed.")
    is_read = operation is AclOperation.DESCRIBE_CONFIGS
    wrong = illegal(name)
    if is_read and wrong is not None:
        raise RequestRefused(Code.INVALID_TOPIC_EXCEPTION, wrong)
    found = context.topic(name)
    if not isinstance(found, Topic):
        raise RequestRefused(found, "" if is_read else f"The topic '{name}' does not exist.")
    return Resource(_TOPIC, found.settings, topic_settings(context.cluster.spec.release))


def _check_broker(context: Context, name: str, *, is_read: bool) -> None:
    """Raise Refused where a broker is asked about another one."""
    own = str(context.broker.id)
    if not name or name == own:
        return
    if not name.lstrip("-").isdigit():
        raise RequestRefused(Code.INVALID_REQUEST, f"Broker id must be an integer, but it is: {name}")
    expected = f"{own} or empty string" if is_read else own
    raise RequestRefused(Code.INVALID_REQUEST, f"Unexpected broker id, expected {expected}, but received {name}")


def alter_configs(context: Context) -> Reply:
    """Answer AlterConfigs, API 33: versions 0 to 2.

    Special: settings that are not named are reset; an empty broker (all brokers).
    Left out: nothing.
    """

    def change(asked: Any, resource: Resource) -> dict[str, str]:  # noqa: ANN401, ARG001 - a message
        return {config.name: config.value for config in asked.configs}

    return on_controller(context, lambda _: {"responses": _all_altered(context, change)})


def incremental_alter_configs(context: Context) -> Reply:
    """Answer IncrementalAlterConfigs, API 44: versions 0 to 1.

    Special: operations 0 (set), 1 (delete), 2 (append), 3 (subtract; lists only); an empty broker (all brokers).
    Left out: log levels (BROKER_LOGGER); one broker's own settings change nothing in the model.
    """
    return on_controller(context, lambda _: {"responses": _all_altered(context, _changed)})


Change = Callable[[Any, Resource], dict[str, str]]


def _all_altered(context: Context, change: Change) -> list[dict[str, Any]]:
    asked = context.body.resources
    counts = Counter((one.resource_type, one.resource_name) for one in asked)
    return [_altered(context, one, change, is_twice=counts[one.resource_type, one.resource_name] > 1) for one in asked]


def _altered(context: Context, asked: Any, change: Change, *, is_twice: bool) -> dict[str, Any]:  # noqa: ANN401
    row = {"resource_type": asked.resource_type, "resource_name": asked.resource_name, "error_message": None}
    if is_twice:
        return row | {"error_code": Code.INVALID_REQUEST, "error_message": "Each resource must appear at most once."}
    try:
        resource = _resource(context, asked.resource_type, asked.resource_name, AclOperation.ALTER_CONFIGS)
        _check_changes(context, asked.configs, resource)
        values = change(asked, resource)
        _check_values(context, resource, values)
    except RequestRefused as refused:
        return row | {"error_code": refused.code, "error_message": str(refused) or None}
    except BadSetting as bad:
        return row | {"error_code": Code.INVALID_CONFIG, "error_message": str(bad)}
    if not context.body.validate_only:
        _keep(context, asked, resource, values)
    return row | {"error_code": Code.NONE}


def _check_changes(context: Context, changes: Iterable[Any], resource: Resource) -> None:
    """Raise Refused where a request makes no sense, whatever the values."""
    changes = list(changes)
    names = [change.name for change in changes]
    if len(set(names)) < len(names):
        raise RequestRefused(Code.INVALID_REQUEST, "Error due to duplicate config keys")
    nothing = [
        change.name
        for change in changes
        if change.value is None and getattr(change, "config_operation", None) != AlterOperation.DELETE
    ]
    if nothing:
        raise RequestRefused(Code.INVALID_REQUEST, f"Null value not supported for : {', '.join(nothing)}")
    if any(
        (getattr(change, "config_operation", None) or AlterOperation.SET) not in set(AlterOperation)
        for change in changes
    ):
        raise RequestRefused(Code.UNKNOWN_SERVER_ERROR, "")
    if resource.kind == _BROKER:
        fixed = [name for name in names if name in _UNALTERABLE or (name in BROKER and not BROKER[name].is_dynamic)]
        if fixed:
            shown = ", ".join(fixed)
            shown = f"[{shown}]" if context.cluster.spec.release >= _FIRST_GROUPS else f"Set({shown})"
            raise RequestRefused(Code.INVALID_REQUEST, f"Cannot update these configs dynamically: {shown}")


_UNALTERABLE: Final = frozenset({"broker.id", "node.id", "process.roles"})
"""Configurations of brokers that the model does not know, and tools like to try."""


def _check_values(context: Context, resource: Resource, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        check(resource.known, name, value, _WORDS.get(resource.kind, ""))
    if resource.kind == _GROUP:
        context.cluster.settings.check_group(values)


def _changed(asked: Any, resource: Resource) -> dict[str, str]:  # noqa: ANN401 - a message
    values, known = dict(resource.own), resource.known
    for config in asked.configs:
        if config.config_operation == AlterOperation.DELETE:
            values.pop(config.name, None)
        elif config.config_operation == AlterOperation.SET:
            values[config.name] = config.value
        else:
            if config.name not in known or known[config.name].kind != "list":
                what = "APPEND" if config.config_operation == AlterOperation.APPEND else "SUBTRACT"
                raise BadSetting(f"Can't {what} to key {config.name} because its type is not LIST.")
            before = [each for each in values.get(config.name, known[config.name].default).split(",") if each]
            listed = config.value.split(",")
            if config.config_operation == AlterOperation.APPEND:
                values[config.name] = ",".join(before + [each for each in listed if each not in before])
            else:
                values[config.name] = ",".join(each for each in before if each not in listed)
    return values


def _keep(context: Context, asked: Any, resource: Resource, values: dict[str, str]) -> None:  # noqa: ANN401
    settings = context.cluster.settings
    stores = {_GROUP: settings.of_group, _METRICS: settings.of_metrics}
    if resource.kind not in stores:
        resource.own.clear()
        resource.own.update(values)
    elif values:
        stores[resource.kind][asked.resource_name] = values
    else:
        stores[resource.kind].pop(asked.resource_name, None)


def list_config_resources(context: Context) -> Reply:
    """Answer ListConfigResources, API 74: versions 0 to 1.

    Special: version 0 lists subscriptions to clients' metrics only (KIP-714); no types (all; 1, KIP-1142).
    Left out: BROKER_LOGGER is listed as empty.
    """
    if not context.may_cluster(AclOperation.DESCRIBE_CONFIGS):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "config_resources": []}
    settings = context.cluster.settings
    named: dict[int, Iterable[str]] = {
        _TOPIC: context.cluster.topics,
        _BROKER: map(str, context.cluster.brokers),
        _LOGGER: (),
        _METRICS: settings.of_metrics,
        _GROUP: settings.of_group,
    }
    kinds = set(context.body.resource_types or ()) or set(named)
    if context.version == 0:
        kinds = {_METRICS}
    if not kinds <= named.keys():
        return {"error_code": Code.UNSUPPORTED_VERSION, "config_resources": []}
    rows = [{"resource_name": name, "resource_type": kind} for kind in sorted(kinds) for name in named[kind]]
    return {"error_code": Code.NONE, "config_resources": rows}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    32: describe_configs,
    33: alter_configs,
    44: incremental_alter_configs,
    74: list_config_resources,
}

"""Configurations and client quotas, described and altered."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamwatch.reference.kafka.acls import Operation
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply, on_controller
from streamwatch.reference.kafka.settings import BROKER, TOPIC, BadSetting, Known, check
from streamwatch.reference.kafka.topics import Refused, Topic

_TOPIC, _BROKER, _GROUP = 2, 4, 32
_TOPIC_SOURCE, _DYNAMIC, _STATIC, _DEFAULT = 1, 3, 4, 5
_TYPES: Final = {"boolean": 1, "string": 2, "int": 3, "long": 5, "double": 6, "list": 7}
_SET, _DELETE, _APPEND, _SUBTRACT = 0, 1, 2, 3


def describe_configs(context: Context) -> Reply:
    """API 32."""
    return {"results": [_described(context, one) for one in context.body.resources]}


def _described(context: Context, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    row = {"resource_type": asked.resource_type, "resource_name": asked.resource_name, "error_message": None}
    try:
        entries = _entries(context, asked.resource_type, asked.resource_name)
    except Refused as refused:
        return row | {"error_code": refused.code, "error_message": str(refused), "configs": []}
    keys = asked.configuration_keys
    wanted = [one for one in entries if keys is None or one["name"] in keys]
    if not context.body.include_synonyms:
        wanted = [one | {"synonyms": []} for one in wanted]
    return row | {"error_code": Code.NONE, "configs": wanted}


def _entries(context: Context, kind: int, name: str) -> list[dict[str, Any]]:
    if kind == _TOPIC:
        if not context.may_topic(Operation.DESCRIBE_CONFIGS, name):
            raise Refused(Code.TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed.")
        found = context.topic(name)
        if not isinstance(found, Topic):
            raise Refused(found, "")
        return [_topic_entry(context, found, key, known) for key, known in TOPIC.items()]
    if not context.may_cluster(Operation.DESCRIBE_CONFIGS):
        raise Refused(Code.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed.")
    if kind == _BROKER:
        if name and name != str(context.broker.id):
            raise Refused(Code.INVALID_REQUEST, f"Unexpected broker id, expected {context.broker.id}, but got {name}")
        return [_broker_entry(context, key, known) for key, known in BROKER.items()]
    if kind == _GROUP:
        return []
    raise Refused(Code.INVALID_REQUEST, f"Unsupported resource type: {kind}")


def _topic_entry(context: Context, topic: Topic, name: str, known: Known) -> dict[str, Any]:
    settings = context.cluster.settings
    value, source = context.cluster.setting(topic, name), _DEFAULT
    if name in topic.settings:
        source = _TOPIC_SOURCE
    elif known.broker and known.broker in settings.dynamic:
        source = _DYNAMIC
    elif known.broker and known.broker in settings.given:
        source = _STATIC
    return _entry(name, value, source, known, read_only=False)


def _broker_entry(context: Context, name: str, known: Known) -> dict[str, Any]:
    settings = context.cluster.settings
    source = _DYNAMIC if name in settings.dynamic else _STATIC if name in settings.given else _DEFAULT
    return _entry(name, settings.broker(name), source, known, read_only=False)


def _entry(name: str, value: str, source: int, known: Known, *, read_only: bool) -> dict[str, Any]:
    synonyms = [{"name": name, "value": value, "source": source}]
    if source != _DEFAULT:
        synonyms.append({"name": known.broker or name, "value": known.default, "source": _DEFAULT})
    return {
        "name": name,
        "value": value,
        "read_only": read_only,
        "config_source": source,
        "is_default": source == _DEFAULT,
        "is_sensitive": False,
        "synonyms": synonyms,
        "config_type": _TYPES[known.kind],
        "documentation": None,
    }


def alter_configs(context: Context) -> Reply:
    """API 33: what is not named is reset."""

    def change(asked: Any, own: Mapping[str, str], known: Mapping[str, Known]) -> dict[str, str]:  # noqa: ANN401, ARG001
        return {one.name: one.value for one in asked.configs if one.value is not None}

    return on_controller(
        context, lambda _: {"responses": [_altered(context, one, change) for one in context.body.resources]}
    )


def incremental_alter_configs(context: Context) -> Reply:
    """API 44."""
    return on_controller(
        context, lambda _: {"responses": [_altered(context, one, _changed) for one in context.body.resources]}
    )


def _changed(asked: Any, own: Mapping[str, str], known: Mapping[str, Known]) -> dict[str, str]:  # noqa: ANN401
    values = dict(own)
    for one in asked.configs:
        if one.config_operation == _DELETE:
            values.pop(one.name, None)
        elif one.config_operation == _SET:
            values[one.name] = one.value or ""
        else:
            if one.name not in known or known[one.name].kind != "list":
                raise BadSetting(f"Config value append is not allowed for config key: {one.name}")
            before = [each for each in values.get(one.name, known[one.name].default).split(",") if each]
            given = (one.value or "").split(",")
            kept = [each for each in before if each not in given]
            values[one.name] = ",".join(kept + (given if one.config_operation == _APPEND else []))
    return values


Change = Callable[[Any, Mapping[str, str], Mapping[str, Known]], dict[str, str]]


def _altered(context: Context, asked: Any, change: Change) -> dict[str, Any]:  # noqa: ANN401 - a message
    row = {"resource_type": asked.resource_type, "resource_name": asked.resource_name, "error_message": None}
    try:
        own, known = _own(context, asked.resource_type, asked.resource_name)
        values = change(asked, own, known)
        for name, value in values.items():
            check(known, name, value)
    except Refused as refused:
        return row | {"error_code": refused.code, "error_message": str(refused)}
    except BadSetting as bad:
        return row | {"error_code": Code.INVALID_CONFIG, "error_message": str(bad)}
    if not context.body.validate_only:
        own.clear()
        own.update(values)
    return row | {"error_code": Code.NONE}


def _own(context: Context, kind: int, name: str) -> tuple[dict[str, str], Mapping[str, Known]]:
    """Return what a resource has set of its own, to be changed, and what it could have."""
    if kind == _TOPIC:
        if not context.may_topic(Operation.ALTER_CONFIGS, name):
            raise Refused(Code.TOPIC_AUTHORIZATION_FAILED, "Topic authorization failed.")
        found = context.topic(name)
        if not isinstance(found, Topic):
            raise Refused(found, f"The topic '{name}' does not exist.")
        return found.settings, TOPIC
    if not context.may_cluster(Operation.ALTER_CONFIGS):
        raise Refused(Code.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed.")
    if kind != _BROKER:
        raise Refused(Code.INVALID_REQUEST, f"Unsupported resource type: {kind}")
    return context.cluster.settings.dynamic, BROKER


def list_config_resources(context: Context) -> Reply:
    """API 74."""
    if not context.may_cluster(Operation.DESCRIBE_CONFIGS):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "config_resources": []}
    kinds = set(context.body.resource_types or ())
    rows: list[dict[str, Any]] = []
    if _TOPIC in kinds or not kinds:
        rows += [{"resource_name": name, "resource_type": _TOPIC} for name in context.cluster.topics]
    if _BROKER in kinds or not kinds:
        rows += [{"resource_name": str(each), "resource_type": _BROKER} for each in context.cluster.brokers]
    return {"error_code": Code.NONE, "config_resources": rows if context.version else []}


def describe_client_quotas(context: Context) -> Reply:
    """API 48."""
    if not context.may_cluster(Operation.DESCRIBE_CONFIGS):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "entries": None}
    exact, default, _any = 0, 1, 2
    filters = {one.entity_type: (one.match_type, one.match) for one in context.body.components}

    def fits(entity: Mapping[str, str | None]) -> bool:
        if context.body.strict and set(entity) != set(filters):
            return False
        for kind, (how, match) in filters.items():
            if kind not in entity or (how == exact and entity[kind] != match):
                return False
            if how == default and entity[kind] is not None:
                return False
        return True

    entries = [
        {
            "entity": [{"entity_type": kind, "entity_name": name} for kind, name in entity],
            "values": [{"key": key, "value": value} for key, value in values.items()],
        }
        for entity, values in context.site.quotas.limits.items()
        if fits(dict(entity))
    ]
    return {"error_code": Code.NONE, "error_message": None, "entries": entries}


def alter_client_quotas(context: Context) -> Reply:
    """API 49."""
    rows = []
    may = context.may_cluster(Operation.ALTER_CONFIGS)
    for entry in context.body.entries:
        entity = tuple(sorted((one.entity_type, one.entity_name) for one in entry.entity))
        code = Code.NONE if may else Code.CLUSTER_AUTHORIZATION_FAILED
        if may and not context.body.validate_only:
            for op in entry.ops:
                context.site.quotas.alter(entity, op.key, None if op.remove else op.value)
        named = [{"entity_type": kind, "entity_name": name} for kind, name in entity]
        rows.append({"error_code": code, "error_message": None, "entity": named})
    return {"entries": rows}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    32: describe_configs,
    33: alter_configs,
    44: incremental_alter_configs,
    48: describe_client_quotas,
    49: alter_client_quotas,
    74: list_config_resources,
}

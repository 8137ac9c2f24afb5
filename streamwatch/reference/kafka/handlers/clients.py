"""What brokers know of clients: their quotas, and the users that log in by SCRAM."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from streamwatch.reference.kafka.acls import AclOperation
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply
from streamwatch.reference.kafka.quotas import KEYS

_EXACT, _DEFAULT_ONE = 0, 1
_KINDS: Final = ("user", "client-id", "ip")
_MECHANISMS: Final = (1, 2)
"""SCRAM-SHA-256 and SCRAM-SHA-512."""
_ITERATIONS: Final = 4096


def describe_client_quotas(context: Context) -> Reply:
    """Answer DescribeClientQuotas, API 48: versions 0 to 1.

    Special: match type 0 (this name), 1 (the default entity), 2 (any); strict (no other kinds).
    Left out: nothing.
    """
    if not context.may_cluster(AclOperation.DESCRIBE_CONFIGS):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "entries": None}
    filters = {component.entity_type: (component.match_type, component.match) for component in context.body.components}

    def fits(entity: Mapping[str, str | None]) -> bool:
        if context.body.strict and set(entity) != set(filters):
            return False
        for kind, (how, match) in filters.items():
            if kind not in entity or (how == _EXACT and entity[kind] != match):
                return False
            if how == _DEFAULT_ONE and entity[kind] is not None:
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
    return {"error_code": Code.NONE, "error_message": "", "entries": entries}


def alter_client_quotas(context: Context) -> Reply:
    """Answer AlterClientQuotas, API 49: versions 0 to 1.

    Special: entity name null (the default).
    Left out: quotas by address, and of the controller's mutations, limit nothing.
    """
    rows = []
    may = context.may_cluster(AclOperation.ALTER_CONFIGS)
    for entry in context.body.entries:
        entity = tuple(sorted((one.entity_type, one.entity_name) for one in entry.entity))
        why = _wrong_quota(entry) if may else None
        code = Code.INVALID_REQUEST if why else Code.NONE if may else Code.CLUSTER_AUTHORIZATION_FAILED
        if not code and not context.body.validate_only:
            for op in entry.ops:
                context.site.quotas.alter(entity, op.key, None if op.remove else op.value)
        named = [{"entity_type": kind, "entity_name": name} for kind, name in entity]
        rows.append({"error_code": code, "error_message": why, "entity": named})
    return {"entries": rows}


def _wrong_quota(entry: Any) -> str | None:  # noqa: ANN401 - a message
    """Return why a quota cannot be, in Kafka's words."""
    for one in entry.entity:
        if one.entity_type not in _KINDS:
            return f"Unhandled client quota entity type: {one.entity_type}"
        if one.entity_name == "":
            return f"Empty {one.entity_type} not supported"
    for op in entry.ops:
        if op.key not in KEYS:
            return f"Invalid configuration key {op.key}"
        if op.remove:
            continue
        if op.value <= 0:
            return f"Quota {op.key} must be greater than 0"
        if KEYS[op.key] == "long" and op.value % 1:
            return f"{op.key} cannot be a fractional value."
    return None


def describe_user_scram_credentials(context: Context) -> Reply:
    """Answer DescribeUserScramCredentials, API 50: version 0.

    Special: users null or none (all).
    Left out: every user of the cluster has both mechanisms, with 4,096 iterations.
    """
    if not context.may_cluster(AclOperation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "results": []}
    users = context.site.access.credentials.users
    asked = Counter(user.name for user in context.body.users or ()) or Counter(users)
    infos = [{"mechanism": one, "iterations": _ITERATIONS} for one in _MECHANISMS]
    rows = []
    for name, count in asked.items():
        code, why = Code.NONE, None
        if count > 1:
            why = f"Cannot describe SCRAM credentials for the same user twice in a single request: {name}"
            code = Code.DUPLICATE_RESOURCE
        elif name not in users:
            why = f"Attempt to describe a user credential that does not exist: {name}"
            code = Code.RESOURCE_NOT_FOUND
        rows.append({"user": name, "error_code": code, "error_message": why, "credential_infos": [] if code else infos})
    return {"error_code": Code.NONE, "error_message": "", "results": rows}


def alter_user_scram_credentials(context: Context) -> Reply:
    """Answer AlterUserScramCredentials, API 51: version 0.

    Special: none.
    Left out: users stay as the cluster was made with: whatever would change them is refused.
    """
    users = context.site.access.credentials.users
    may = context.may_cluster(AclOperation.ALTER)
    rows = []
    for name in dict.fromkeys(deletion.name for deletion in [*context.body.deletions, *context.body.upsertions]):
        code, why = Code.UNACCEPTABLE_CREDENTIAL, "The users of a reference cluster are those that it was made with"
        if not may:
            code, why = Code.CLUSTER_AUTHORIZATION_FAILED, "Cluster authorization failed."
        elif name not in users and all(upsertion.name != name for upsertion in context.body.upsertions):
            code, why = Code.RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist"
        rows.append({"user": name, "error_code": code, "error_message": why})
    return {"results": rows}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    48: describe_client_quotas,
    49: alter_client_quotas,
    50: describe_user_scram_credentials,
    51: alter_user_scram_credentials,
}

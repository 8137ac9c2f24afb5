"""ACLs, described and changed."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.acls import Acl, AclOperation, Filter, PatternType, Permission, ResourceType
from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply

_DISABLED: Final = "No Authorizer is configured"


def describe_acls(context: Context) -> Reply:
    """Answer DescribeAcls, API 29: versions 1 to 3.

    Special: types and operations 1 (ANY), pattern 2 (MATCH), null names (any): they are filters. Without an
    authorizer: SECURITY_DISABLED.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed).
    """
    if not context.site.access.has_authorizer:
        why = f"{_DISABLED} on the broker"
        return {"error_code": Code.SECURITY_DISABLED, "error_message": why, "resources": []}
    if not context.may_cluster(AclOperation.DESCRIBE):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "resources": []}
    try:
        wanted = _filter(context.body)
    except ValueError as error:
        return {"error_code": Code.INVALID_REQUEST, "error_message": str(error), "resources": []}
    resources: dict[tuple[int, str, int], list[Acl]] = {}
    for one in context.site.acls.find(wanted):
        resources.setdefault((one.resource_type, one.resource_name, one.pattern_type), []).append(one)
    rows = [
        {
            "resource_type": kind,
            "resource_name": name,
            "pattern_type": pattern,
            "acls": [
                {
                    "principal": acl.principal,
                    "host": acl.host,
                    "operation": acl.operation,
                    "permission_type": acl.permission,
                }
                for acl in acls
            ],
        }
        for (kind, name, pattern), acls in resources.items()
    ]
    return {"error_code": Code.NONE, "error_message": None, "resources": rows}


def _filter(asked: Any) -> Filter:  # noqa: ANN401 - a message
    return Filter(
        resource_type=ResourceType(asked.resource_type_filter),
        resource_name=asked.resource_name_filter,
        pattern_type=PatternType(asked.pattern_type_filter or PatternType.LITERAL),
        principal=asked.principal_filter,
        host=asked.host_filter,
        operation=AclOperation(asked.operation),
        permission=Permission(asked.permission_type),
    )


def create_acls(context: Context) -> Reply:
    """Answer CreateAcls, API 30: versions 1 to 3.

    Special: resource name * (all); ANY and MATCH are for filters, and are refused. Without an authorizer:
    SECURITY_DISABLED.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed).
    """
    return {"results": [_created(context, creation) for creation in context.body.creations]}


def _created(context: Context, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    if not context.site.access.has_authorizer:
        return {"error_code": Code.SECURITY_DISABLED, "error_message": f"{_DISABLED}."}
    if not context.may_cluster(AclOperation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None}
    try:
        acl = Acl(
            resource_type=ResourceType(asked.resource_type),
            resource_name=asked.resource_name,
            pattern_type=PatternType(asked.resource_pattern_type or PatternType.LITERAL),
            principal=asked.principal,
            host=asked.host,
            operation=AclOperation(asked.operation),
            permission=Permission(asked.permission_type),
        )
    except ValueError as error:
        return {"error_code": Code.INVALID_REQUEST, "error_message": str(error)}
    if acl.is_vague:
        why = "A rule names one type, pattern, operation and permission: ANY and MATCH are for filters"
        return {"error_code": Code.INVALID_REQUEST, "error_message": why}
    context.site.acls.add(acl)
    return {"error_code": Code.NONE, "error_message": None}


def delete_acls(context: Context) -> Reply:
    """Answer DeleteAcls, API 31: versions 1 to 3.

    Special: filters, as of DescribeAcls. Without an authorizer: SECURITY_DISABLED.
    Left out: versions below 1, which brokers before 4.0 list (the connection is closed).
    """
    return {"filter_results": [_deleted(context, one) for one in context.body.filters]}


def _deleted(context: Context, asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a message
    if not context.site.access.has_authorizer:
        return {"error_code": Code.SECURITY_DISABLED, "error_message": f"{_DISABLED}.", "matching_acls": []}
    if not context.may_cluster(AclOperation.ALTER):
        return {"error_code": Code.CLUSTER_AUTHORIZATION_FAILED, "error_message": None, "matching_acls": []}
    try:
        gone = context.site.acls.remove(_filter(asked))
    except ValueError as error:
        return {"error_code": Code.INVALID_REQUEST, "error_message": str(error), "matching_acls": []}
    rows = [
        {
            "error_code": Code.NONE,
            "error_message": None,
            "resource_type": one.resource_type,
            "resource_name": one.resource_name,
            "pattern_type": one.pattern_type,
            "principal": one.principal,
            "host": one.host,
            "operation": one.operation,
            "permission_type": one.permission,
        }
        for one in gone
    ]
    return {"error_code": Code.NONE, "error_message": None, "matching_acls": rows}


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {29: describe_acls, 30: create_acls, 31: delete_acls}

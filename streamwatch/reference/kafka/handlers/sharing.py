"""Share groups and streams groups: their features are off here, so that brokers refuse as Kafka's do then."""

from collections.abc import Callable
from typing import Any, Final

from streamwatch.reference.kafka.codes import Code
from streamwatch.reference.kafka.handlers.context import Context, Reply


def share_group_describe(context: Context) -> Reply:
    """Answer ShareGroupDescribe, API 77: version 1.

    Special: every group is refused with UNSUPPORTED_VERSION, as where share.version is 0.
    Left out: share groups (KIP-932), and with them APIs 76, 78, 79, 83 to 87, 91, 92.
    """
    return {"groups": [_refused(name) | {"assignor_name": ""} for name in context.body.group_ids]}


def streams_group_describe(context: Context) -> Reply:
    """Answer StreamsGroupDescribe, API 89: version 0.

    Special: every group is refused with UNSUPPORTED_VERSION, as where streams.version is 0.
    Left out: streams groups (KIP-1071), and with them API 88.
    """
    return {"groups": [_refused(name) for name in context.body.group_ids]}


def describe_share_group_offsets(context: Context) -> Reply:
    """Answer DescribeShareGroupOffsets, API 90: versions 0 to 1.

    Special: every group is refused with UNSUPPORTED_VERSION, as where share.version is 0.
    Left out: share groups (KIP-932).
    """
    rows = [
        {"group_id": group.group_id, "topics": [], "error_code": Code.UNSUPPORTED_VERSION, "error_message": None}
        for group in context.body.groups
    ]
    return {"groups": rows}


def _refused(name: str) -> dict[str, Any]:
    return {
        "group_id": name,
        "error_code": Code.UNSUPPORTED_VERSION,
        "error_message": None,
        "group_state": "",
        "group_epoch": 0,
        "assignment_epoch": 0,
        "members": [],
    }


HANDLERS: Final[dict[int, Callable[[Context], Reply]]] = {
    77: share_group_describe,
    89: streams_group_describe,
    90: describe_share_group_offsets,
}

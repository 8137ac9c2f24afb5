"""Kafka's error codes, as far as the agent distinguishes them."""

from typing import Final

NONE: Final = 0
UNKNOWN_TOPIC_OR_PARTITION: Final = 3
LEADER_NOT_AVAILABLE: Final = 5
NOT_LEADER: Final = 6
REQUEST_TIMED_OUT: Final = 7
COORDINATOR_LOADING: Final = 14
COORDINATOR_NOT_AVAILABLE: Final = 15
NOT_COORDINATOR: Final = 16
TOPIC_DENIED: Final = 29
GROUP_DENIED: Final = 30
CLUSTER_DENIED: Final = 31
UNSUPPORTED_MECHANISM: Final = 33
UNSUPPORTED_VERSION: Final = 35
NOT_CONTROLLER: Final = 41
TRANSACTIONAL_ID_DENIED: Final = 53
UNSUPPORTED_FOR_MESSAGE_FORMAT: Final = 43
STORAGE_ERROR: Final = 56
SASL_FAILED: Final = 58
GROUP_ID_NOT_FOUND: Final = 69
FENCED_LEADER_EPOCH: Final = 74
UNKNOWN_LEADER_EPOCH: Final = 76
OFFSET_NOT_AVAILABLE: Final = 78

MOVED_PARTITION: Final = frozenset(
    {
        UNKNOWN_TOPIC_OR_PARTITION,
        LEADER_NOT_AVAILABLE,
        NOT_LEADER,
        FENCED_LEADER_EPOCH,
        UNKNOWN_LEADER_EPOCH,
        OFFSET_NOT_AVAILABLE,
    }
)
"""The partition has another leader than we think, or a new one: look again, then ask that one."""

MOVED_GROUP: Final = frozenset({COORDINATOR_LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR})
"""The group has another coordinator than we think, or one that is not ready yet."""

DENIED: Final = frozenset({TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED, TRANSACTIONAL_ID_DENIED})


_NAMES: Final = {
    -1: "UNKNOWN_SERVER_ERROR",
    6: "NOT_LEADER_OR_FOLLOWER",
    10: "MESSAGE_TOO_LARGE",
    17: "INVALID_TOPIC_EXCEPTION",
    39: "INVALID_REPLICA_ASSIGNMENT",
    128: "INVALID_REGULAR_EXPRESSION",
    129: "REBOOTSTRAP_REQUIRED",
    130: "STREAMS_INVALID_TOPOLOGY",
    131: "STREAMS_INVALID_TOPOLOGY_EPOCH",
    132: "STREAMS_TOPOLOGY_FENCED",
    133: "SHARE_SESSION_LIMIT_REACHED",
}
"""Codes that kafka-python calls otherwise, or does not know."""


def explain(code: int) -> str:
    """Return the error's own name, as Kafka's documentation spells it."""
    from kafka.errors import for_code  # noqa: PLC0415 - only when something went wrong

    return f"{_NAMES.get(code) or getattr(for_code(code), 'message', 'UNKNOWN')} ({code})"

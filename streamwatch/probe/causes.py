"""Why an attempt failed, and whether Kafka's own clients would try again."""

from typing import Final

from streamwatch.core.errors import SourceDenied, SourceError, SourceUnavailable
from streamwatch.model.probe import Cause
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.dial import NoSession
from streamwatch.sources.kafka.wire import Refused

_REPLICA_NOT_AVAILABLE: Final = 9
_NOT_ENOUGH_REPLICAS: Final = 19
_NOT_ENOUGH_REPLICAS_AFTER_APPEND: Final = 20

_BY_CODE: Final[dict[int, Cause]] = {
    codes.UNKNOWN_TOPIC_OR_PARTITION: "topic_missing",
    codes.LEADER_NOT_AVAILABLE: "leader_not_available",
    codes.NOT_LEADER: "leader_not_available",
    codes.FENCED_LEADER_EPOCH: "leader_not_available",
    codes.UNKNOWN_LEADER_EPOCH: "leader_not_available",
    _REPLICA_NOT_AVAILABLE: "leader_not_available",
    codes.REQUEST_TIMED_OUT: "timeout",
    _NOT_ENOUGH_REPLICAS: "not_enough_replicas",
    _NOT_ENOUGH_REPLICAS_AFTER_APPEND: "not_enough_replicas",
    codes.STORAGE_ERROR: "disk",
    codes.TOPIC_DENIED: "auth",
    codes.CLUSTER_DENIED: "auth",
    codes.SASL_FAILED: "auth",
}
_FINAL: Final[frozenset[Cause]] = frozenset({"auth", "kms", "stream_missing", "other"})


class Failed(Exception):
    """One request of an attempt did not do what it should."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause

    @property
    def is_final(self) -> bool:
        """Whether trying again within seconds is of no use."""
        return self.cause in _FINAL


def cause_of_code(code: int) -> Cause:
    """Return the cause that a broker's error code stands for."""
    return _BY_CODE.get(code, "other")


def cause_of_error(error: SourceError) -> Cause:
    """Return the cause that a connection's error stands for."""
    if isinstance(error, Refused):
        return "refused"
    if isinstance(error, NoSession | Silent):
        return "timeout"
    if isinstance(error, SourceDenied):
        return "auth"
    return "connection_lost" if isinstance(error, SourceUnavailable) else "other"


class Silent(SourceUnavailable):
    """A request was not answered in time: what is behind it on its connection is not, either."""

"""What can be broken on purpose of what runs beside streams and topics."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from streamwatch.reference.aws import shapes
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms
from streamwatch.reference.aws.flink import Flink
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.redshift import Redshift, Warehouse
from streamwatch.reference.faulting import BadFault

T = TypeVar("T")


def connector(  # noqa: PLR0913 - what is to be broken, each by its keyword
    cloud: Cloud, _: float, *, name: str, state: str = "RUNNING", code: str = "", message: str = "", failed: int = 0
) -> None:
    """Put a connector of MSK Connect into a state with its reason, or let so many of its tasks fail."""
    _check("kafkaconnect", "ConnectorState", state)
    found = _named(name, {key: one for house in cloud.every(MskConnect) for key, one in house.connectors.items()})
    found.state, found.failed_tasks = state, failed
    found.reason = (code, message) if code else None


def replication(  # noqa: PLR0913 - the same
    cloud: Cloud,
    _: float,
    *,
    name: str,
    status: str = "running",
    reason: str = "",
    failure: str = "",
    source_lag: float = 0.0,
    stalled: bool = False,
) -> None:
    """Put a task of DMS into a status with its reason, let it read late, or let it write nothing."""
    found = _named(name, {key: one for house in cloud.every(Dms) for key, one in house.tasks.items()})
    found.status, found.stop_reason, found.failure = status, reason, failure
    found.source_lag, found.stalled = source_lag, stalled


def pipe(  # noqa: PLR0913 - the same
    cloud: Cloud,
    _: float,
    *,
    name: str,
    state: str = "RUNNING",
    desired: str = "RUNNING",
    reason: str = "",
    failing: bool = False,
) -> None:
    """Put a pipe into a state with its reason, or let its target take nothing."""
    _check("pipes", "PipeState", state)
    found = _named(name, {key: one for house in cloud.every(Pipes) for key, one in house.pipes.items()})
    found.state, found.desired, found.reason, found.failing = state, desired, reason, failing


def flink(
    cloud: Cloud, _: float, *, name: str, status: str = "RUNNING", looping: bool = False, stalled: bool = False
) -> None:
    """Put an application of Flink into a status, let it start again and again, or let it read nothing."""
    _check("kinesisanalyticsv2", "ApplicationStatus", status)
    found = _named(name, {key: one for house in cloud.every(Flink) for key, one in house.applications.items()})
    found.status, found.looping, found.stalled = status, looping, stalled


def replicator(  # noqa: PLR0913 - the same
    cloud: Cloud,
    _: float,
    *,
    name: str,
    state: str = "RUNNING",
    code: str = "",
    message: str = "",
    stalled: bool = False,
    refused: str = "",
    unsynced: bool = False,
) -> None:
    """Put a replicator of MSK into a state with its reason, let it copy nothing, or let a cluster refuse it."""
    _check("kafka", "ReplicatorState", state)
    found = _named(name, {key: one for house in cloud.every(MskReplicator) for key, one in house.replicators.items()})
    found.state, found.stalled, found.refused, found.unsynced = state, stalled, refused, unsynced
    found.reason = (code, message) if code else None


def view(cloud: Cloud, _: float, *, warehouse: str, name: str, failing: str = "", skipping: int = 0) -> None:
    """Let the refreshes of a view of Redshift fail for a reason, or pass so many records over each time."""
    found = _named(name, _warehouse(cloud, warehouse).views)
    found.failing, found.skipping = failing, skipping


def statements(cloud: Cloud, _: float, *, warehouse: str, takes: float = 0.0, of: str = "", error: str = "") -> None:
    """Let the statements of a warehouse take so long, or those about a system view fail with an error."""
    found = _warehouse(cloud, warehouse)
    found.seconds, found.errors = takes, {of: error} if error else {}


def _warehouse(cloud: Cloud, name: str) -> Warehouse:
    return _named(name, {key: one for house in cloud.every(Redshift) for key, one in house.warehouses.items()})


def _check(service: str, shape: str, state: str) -> None:
    states = shapes.service(service).shape_for(shape).enum
    if state not in states:
        raise BadFault(f"state: {state!r} is none of {', '.join(states)}")


def _named(name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise BadFault(f"name: there is no {name!r}: there are {', '.join(sorted(known)) or 'none'}")
    return known[name]


ATTACHED: Final[dict[str, Callable[..., None]]] = {
    one.__name__: one for one in (connector, replication, pipe, flink, replicator, view, statements)
}

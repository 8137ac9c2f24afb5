"""What one read of a Kafka Connect cluster saw: its workers, its connectors and their tasks."""

from collections.abc import Sequence
from dataclasses import dataclass

from streamwatch.model.snapshot import Problem

FAILED = "FAILED"
RUNNING = "RUNNING"
SINK = "sink"

_MOST_NOTES = 5


@dataclass(frozen=True, slots=True)
class ConnectWorker:
    """One worker, by the address at which it is asked."""

    address: str
    is_up: bool | None
    """Whether it answers; None where something answers that cannot be understood, or refuses the agent."""
    version: str = ""
    kafka_cluster_id: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One task; states are Kafka Connect's own words."""

    id: int
    state: str
    worker: str
    """The id of the worker that has it, as Connect names it."""
    trace: str = ""
    """Of one that failed: what was thrown, and its last cause, without secrets."""


@dataclass(frozen=True, slots=True)
class CopiedTopic:
    """A topic of the source cluster that a MirrorSourceConnector copies, as its tasks and its offsets have it."""

    name: str
    target: str
    """What it is called in the cluster that the workers use; empty where only a policy of somebody's own knows."""
    partitions: int
    """Those that its tasks have."""
    copied: int
    """Those of them of which it has copied something."""
    offset: int
    """The sum of the offsets behind the last record that was copied, over those."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """What a connector of MirrorMaker 2 does between two clusters; what is not known is None."""

    source_cluster: str
    """The name under ``kafka`` of the cluster that it reads, or else its alias."""
    is_copying: bool
    """Whether it copies topics: else it writes checkpoints of groups."""
    checkpoint_topic: str | None = None
    """Where it writes checkpoints, if it does."""
    prefix: str | None = None
    """What the names of copies begin with; None where only a policy of somebody's own knows."""
    topics: tuple[CopiedTopic, ...] | None = None
    """Of one that copies topics."""
    groups: tuple[str, ...] | None = None
    """Of one that writes checkpoints: the groups of the source cluster that it does so for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source connector is, by what it has committed itself; what is not known is None."""

    changed_at: float | None = None
    """Of Debezium: when the database committed the last change that was passed on, in seconds since 1970."""
    mirror: Mirror | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a connector that can write heartbeats is set to."""

    seconds: float
    """How often; 0 where it writes none: then nothing says whether it works."""
    topic: str | None
    """Where, if at least every two minutes."""
    writes_source: bool | None = None
    """Whether each writes to the database, too: then the position must move; None with others than Debezium's."""


@dataclass(frozen=True, slots=True)
class Connector:
    """One connector, and what of its configuration matters."""

    name: str
    type: str
    """``source``, ``sink`` or ``unknown``."""
    state: str
    worker: str
    trace: str
    tasks: tuple[Task, ...]
    plugin: str = ""
    """The class that it runs."""
    tasks_max: int | None = None
    group: str | None = None
    """The consumer group of a sink."""
    tolerance: str = "none"
    """What becomes of records that cannot be converted or delivered: ``none`` fails the task, ``all`` skips them; empty
    where its settings are not known."""
    dead_letter_topic: str | None = None
    topics: tuple[str, ...] = ()
    """What a source writes, or a sink is to read, as far as its settings name it."""
    topic_prefix: str | None = None
    """What the names of the topics begin with that a source writes."""
    heartbeat: Heartbeat | None = None
    """None with connectors that know of none."""
    progress: Progress | None = None
    """None with connectors that are not asked for it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ConnectSnapshot:
    """One read of all workers of a cluster."""

    source: str
    kafka_cluster: str
    """The name of the Kafka cluster that the workers use."""
    taken_at: float
    read_seconds: float
    workers: tuple[ConnectWorker, ...]
    connectors: tuple[Connector, ...] | None
    """None where no worker knows."""
    is_rebalancing: bool | None = None
    """Whether workers put off the question, since they rebalance; None where none of them says anything."""
    problems: tuple[Problem, ...] = ()

    @property
    def is_up(self) -> bool:
        """Whether any worker listed the connectors, or answered why it does not now."""
        return self.connectors is not None or self.is_rebalancing is True

    def failures(self) -> Sequence[tuple[Connector, Task | None]]:
        """Return the connectors that failed by themselves, and the tasks that failed."""
        return [
            (connector, failed)
            for connector in self.connectors or ()
            for failed in (
                *((None,) if connector.state == FAILED else ()),
                *(task for task in connector.tasks if task.state == FAILED),
            )
        ]

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know, a sentence each: what failed first."""
        failed = self.failures()
        notes = [_failure(one, task) for one, task in failed[:_MOST_NOTES]]
        if len(failed) > _MOST_NOTES:
            notes.append(f"and {len(failed) - _MOST_NOTES} more tasks or connectors failed")
        if self.is_rebalancing:
            notes.append("the workers rebalance: no connector is known until they have done so")
        return tuple(notes)


def _failure(connector: Connector, task: Task | None) -> str:
    what = f"connector {connector.name}" if task is None else f"task {task.id} of connector {connector.name}"
    trace = connector.trace if task is None else task.trace
    return f"{what} failed{f': {trace}' if trace else ''}"

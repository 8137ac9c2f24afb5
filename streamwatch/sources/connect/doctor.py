"""A check-up of one Kafka Connect cluster: each worker, the listing of connectors, and what of it is not well."""

from collections.abc import Iterator
from typing import Final

from streamwatch.core.clock import Clock
from streamwatch.model.connect import SINK, ConnectSnapshot
from streamwatch.model.finding import Finding
from streamwatch.sources.connect.config import Config
from streamwatch.sources.connect.source import ConnectSource

_MOST: Final = 10
"""Connectors in trouble that are listed."""


def examine(config: Config, clock: Clock) -> Iterator[Finding]:
    """Read once, and yield how each step went."""
    target = f"connect {config.name}"
    now = ConnectSource(config, clock).read()
    for worker in now.workers:
        text = (
            f"Kafka Connect {worker.version}, on Kafka cluster {worker.kafka_cluster_id}"
            if worker.version
            else "it answers"
        )
        if worker.is_up:
            yield Finding(f"worker {worker.address}", "GET /", "ok", text)
    for problem in now.problems:
        yield Finding(target, "REST API", "failed", problem.detail, _REMEDIES.get(problem.reason, _REMEDY))
    if now.is_rebalancing:
        yield Finding(target, "connectors", "warning", "the workers rebalance", "try again when they have done so")
    if now.connectors is not None:
        tasks = sum(len(connector.tasks) for connector in now.connectors)
        yield Finding(target, "connectors", "ok", f"{len(now.connectors)} connectors with {tasks} tasks")
        yield from _connectors(target, now)
        yield from _heartbeats(target, now)


_REMEDY: Final = "check `urls`, and the worker's log"
_REMEDIES: Final = {
    "unreachable": "check `urls`, and whether the worker runs and lets the agent in",
    "timeout": "check whether the worker hangs or rebalances; or give a longer `timeout`",
    "denied": "check `username` and `password`, `token` or `tls`; the agent needs to read, and never to change",
    "foreign": "list workers of one Connect cluster only",
    "unsupported": "Kafka Connect 2.3 or later is needed",
}


def _connectors(target: str, now: ConnectSnapshot) -> Iterator[Finding]:
    restart = "look at the whole trace (GET /connectors/NAME/status), mend the cause, and restart the task"
    for note in now.notes():
        yield Finding(target, "tasks", "warning", note, restart)
    silent = [
        connector.name
        for connector in now.connectors or ()
        if connector.type == SINK and connector.tolerance == "all" and connector.dead_letter_topic is None
    ]
    for name in silent[:_MOST]:
        text = f"connector {name} skips records that fail, and keeps them nowhere"
        yield Finding(target, "errors", "warning", text, "set errors.deadletterqueue.topic.name")


def _heartbeats(target: str, now: ConnectSnapshot) -> Iterator[Finding]:
    """Name connectors of which nobody can see whether they work."""
    some = [
        (connector.name, connector.heartbeat) for connector in now.connectors or () if connector.heartbeat is not None
    ]
    for name in [name for name, beat in some if beat.topic is None][:_MOST]:
        text = f"connector {name} writes no heartbeat, or too seldom: whether it works is not known"
        remedy = "let it write one every two minutes at least (heartbeat.interval.ms, emit.heartbeats.interval.seconds)"
        yield Finding(target, "heartbeat", "warning", text, remedy)
    blind = [name for name, beat in some if beat.topic is not None and beat.writes_source is False]
    for name in blind[:_MOST]:
        text = f"connector {name} writes heartbeats, but not to its database: they go on while no change arrives"
        remedy = "set heartbeat.action.query; on PostgreSQL its table must be in the publication"
        yield Finding(target, "heartbeat", "warning", text, remedy)

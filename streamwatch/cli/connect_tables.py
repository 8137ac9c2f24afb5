"""A Kafka Connect cluster for people: its workers and connectors, those in trouble first."""

from collections import Counter
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from streamwatch.model.connect import RUNNING, Connector, ConnectSnapshot

_ROWS: Final = 20
"""Of connectors, at most so many are shown."""
_UP: Final = {True: Text("up", style="green"), False: Text("down", style="bold red"), None: Text("?")}


def connect_tables(now: ConnectSnapshot) -> list[RenderableType]:
    """Return what one read saw, and what it could not."""
    workers = Table("worker", "answers", "version", "Kafka cluster", title_justify="left")
    workers.title = f"connect {now.source}"
    for worker in now.workers:
        workers.add_row(worker.address, _UP[worker.is_up], worker.version, worker.kafka_cluster_id)
    lines = [*now.notes(), *(f"{problem.reason}: {problem.detail}" for problem in now.problems)]
    red = [Text(line, style="red") for line in lines]
    return [workers, *([] if now.connectors is None else [_connectors(now.connectors)]), *red]


def _connectors(some: tuple[Connector, ...]) -> Table:
    table = Table("connector", "type", "state", "tasks", "group", "dead letters", title_justify="left")
    table.title = f"{len(some)} connectors"
    for one in sorted(some, key=lambda one: (_is_well(one), one.name))[:_ROWS]:
        counts = Counter(task.state for task in one.tasks)
        tasks = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        table.add_row(one.name, one.type, one.state, tasks or "none", one.group or "", one.dead_letter_topic or "")
    return table


def _is_well(connector: Connector) -> bool:
    return connector.state == RUNNING and all(task.state == RUNNING for task in connector.tasks)

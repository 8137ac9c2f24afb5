"""What is said of a cluster of Kafka Connect and of a connector on their pages."""

from collections.abc import Mapping
from typing import Final

from streamwatch.catalogue import kafka_connect as c
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.clusters import Fact
from streamwatch.export.web_page.entity_facts import EntityCell, EntityFacts, EntityTable
from streamwatch.export.web_page.sample_index import SampleIndex
from streamwatch.export.web_page.words import Health, counted, worst
from streamwatch.model.connect import FAILED, RUNNING

_MOST_ROWS: Final = 50
_AT_WORK: Final = frozenset({RUNNING, "PAUSED", "STOPPED"})
"""States in which nothing is wrong: somebody paused or stopped it."""


def connect(_: EntityRef, index: SampleIndex) -> EntityFacts:
    """Return what is said of a cluster of Kafka Connect: its workers, and its connectors, those in trouble first."""
    workers, states, tasks = index.of(c.WORKER_UP), _states(index), _tasks(index)
    if not workers and not states:
        return EntityFacts("unknown", "nothing is known of it now", ())
    down = sorted(row[-1] for row, is_up in workers.items() if not is_up)
    connectors = {row: _connector_health(states.get(row, ""), tasks.get(row, {})) for row in {*states, *tasks}}
    bad = sum(each == "bad" for each in connectors.values())
    words = [f"{counted(float(len(down)), 'worker does', 'workers do')} not answer"] if down else []
    words += [f"{bad} of {counted(float(len(connectors)), 'connector')} failed"] if bad else []
    words = words or [f"{counted(float(len(workers)), 'worker')}, {counted(float(len(connectors)), 'connector')}"]
    is_rebalancing = any(index.of(c.REBALANCING).values())
    words += ["its workers rebalance: of connectors nothing is known"] if is_rebalancing else []
    health = worst(["bad" if down else "unknown" if is_rebalancing else "good", *connectors.values()])
    facts = [
        Fact("workers", str(len(workers))),
        Fact("that do not answer", str(len(down)), "bad" if down else "good"),
        Fact("connectors", str(len(connectors))),
        Fact("that failed", str(bad), "bad" if bad else "good"),
    ]
    order = sorted(connectors, key=lambda row: (_ORDER.index(connectors[row]), row))
    rows = [
        (
            EntityCell(row[-1], EntityRef("connector", (row[0], row[-1])).path, is_number=False),
            EntityCell(states.get(row, "not known"), is_number=False),
            EntityCell(f"{tasks.get(row, {}).get(RUNNING, 0):.0f}"),
            EntityCell(f"{tasks.get(row, {}).get(FAILED, 0):.0f}"),
        )
        for row in order[:_MOST_ROWS]
    ]
    head = ("connector", "state", "tasks that run", "that failed")
    tables = [EntityTable("Connectors", head, rows, max(0, len(order) - len(rows)))] if rows else []
    return EntityFacts(health, "; ".join(words), facts, [*tables, *_workers(workers)])


def connector(_: EntityRef, index: SampleIndex) -> EntityFacts:
    """Return what is said of a connector: its state, its tasks and why they failed, what it reads and writes."""
    states, tasks = _states(index), _tasks(index)
    row = next(iter({**states, **tasks}), None)
    if row is None:
        return EntityFacts("unknown", "nothing is known of it now", ())
    state, counts = states.get(row, ""), tasks.get(row, {})
    failed, whole = counts.get(FAILED, 0.0), sum(counts.values())
    health = _connector_health(state, counts)
    words = [state or "its state is not known", f"{counts.get(RUNNING, 0):.0f} of {counted(whole, 'task')} run"]
    words += [f"{counted(failed, 'task')} failed"] if failed else []
    facts = [Fact("state", state or "not known", health), Fact("tasks", f"{whole:.0f}")]
    facts += [
        Fact(f"tasks {each}", f"{count:.0f}", _task_health(each, count)) for each, count in sorted(counts.items())
    ]
    facts += [Fact("class", each[-2]) for each in index.of(c.CONNECTOR_INFO)]
    tables = [*_failures(index), *_related(index, row[1])]
    return EntityFacts(health, "; ".join(words), facts, tables)


_ORDER: Final[tuple[Health, ...]] = ("bad", "unknown", "warn", "good")


def _states(index: SampleIndex) -> dict[tuple[str, ...], str]:
    return {row[:-1]: row[-1] for row, value in index.of(c.CONNECTOR_STATE).items() if value}


def _tasks(index: SampleIndex) -> dict[tuple[str, ...], dict[str, float]]:
    """Return how many tasks of each connector are in which state."""
    found: dict[tuple[str, ...], dict[str, float]] = {}
    for row, count in index.of(c.CONNECTOR_TASKS).items():
        found.setdefault(row[:-1], {})[row[-1]] = count
    return found


def _connector_health(state: str, tasks: dict[str, float]) -> Health:
    if state == FAILED or tasks.get(FAILED):
        return "bad"
    return "unknown" if not state else "good" if state in _AT_WORK else "warn"


def _task_health(state: str, count: float) -> Health:
    return "bad" if state == FAILED and count else "good"


def _workers(workers: Mapping[tuple[str, ...], float]) -> list[EntityTable]:
    shown = sorted(workers.items(), key=lambda pair: (pair[1], pair[0]))
    rows = [
        (EntityCell(row[-1], is_number=False), EntityCell("yes" if is_up else "no", is_number=False))
        for row, is_up in shown[:_MOST_ROWS]
    ]
    return [EntityTable("Workers", ("worker", "answers"), rows, len(shown) - len(rows))] if rows else []


def _failures(index: SampleIndex) -> list[EntityTable]:
    """Return the tasks that failed, each with the first line of its trace."""
    failures = sorted(index.of(c.TASK_FAILURE))
    rows = [
        (EntityCell(row[-2] or "the connector itself", is_number=False), EntityCell(row[-1], is_number=False))
        for row in failures[:_MOST_ROWS]
    ]
    return [EntityTable("Why tasks failed", ("task", "trace"), rows, len(failures) - len(rows))] if rows else []


def _related(index: SampleIndex, cluster: str) -> list[EntityTable]:
    """Return its group, and the topics of its configuration."""
    rows = [
        (
            EntityCell("group", is_number=False),
            EntityCell(row[-1], EntityRef("group", (cluster, row[-1])).path, is_number=False),
        )
        for row in index.of(c.CONNECTOR_GROUP)
    ]
    rows += [
        (
            EntityCell("topics that begin so" if row[-1] == "prefix" else "topic", is_number=False),
            EntityCell(
                row[-2],
                "" if row[-1] == "prefix" else EntityRef("topic", (cluster, row[-2])).path,
                is_number=False,
            ),
        )
        for row in index.of(c.CONNECTOR_TOPIC)
    ]
    return [EntityTable("What it reads or writes", ("", "name"), rows[:_MOST_ROWS])] if rows else []

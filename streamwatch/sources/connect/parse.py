"""From a worker's answers to connectors; of what a connector is configured with only what matters is kept."""

import re
from collections.abc import Mapping
from typing import Any, Final

from streamwatch.core.errors import SourceMisread, SourceUnsupported
from streamwatch.model.connect import FAILED, SINK, Connector, ConnectWorker, Progress, Task
from streamwatch.model.snapshot import Problem
from streamwatch.sources.connect.config import Config
from streamwatch.sources.connect.heartbeats import heartbeat
from streamwatch.sources.connect.masking import first_line, secrets_of
from streamwatch.sources.connect.mirrors import Odd, mirror_of
from streamwatch.sources.connect.plugins import is_debezium
from streamwatch.sources.connect.topics import topic_prefix, topics

LISTING: Final = "/connectors?expand=status&expand=info"
_ID: Final = "kafka_cluster_id"
_STATE: Final = re.compile(r"[A-Z_]{1,32}")
_MOST_NAME: Final = 250
"""Signs of a connector's name: its group, topics and files are called after it."""
_MOST_TASKS: Final = 2**31
_TYPES: Final = frozenset({"source", SINK})


def worker(address: str, body: Any) -> ConnectWorker:  # noqa: ANN401 - whatever was answered
    """Return what a worker says of itself at ``/``.

    Raises:
        SourceMisread: it is no worker of Kafka Connect.

    """
    if not isinstance(body, dict) or not isinstance(body.get("version"), str) or not isinstance(body.get(_ID), str):
        raise SourceMisread(f"{address}: what answers there is no Kafka Connect worker: is the address right?")
    return ConnectWorker(address, is_up=True, version=body["version"][:64], kafka_cluster_id=body[_ID][:64])


def connectors(
    where: str,
    body: Any,  # noqa: ANN401 - the same
    config: Config,
) -> tuple[tuple[Connector, ...], tuple[Problem, ...]]:
    """Return the connectors of an answer to ``LISTING``, by name, and those that cannot be understood.

    Raises:
        SourceMisread: it is not that answer.
        SourceUnsupported: the worker does not know the question.

    """
    if isinstance(body, list):
        raise SourceUnsupported(f"{where}: it lists names only: Kafka Connect 2.3 or later is needed")
    if not isinstance(body, dict):
        raise SourceMisread(f"{where}: the answer is no list of connectors: is this a Kafka Connect worker?")
    found, odd = [], []
    for name in sorted(body):
        if not config.connectors.admits(name):
            continue
        try:
            found.append(_connector(name, body[name], config.clusters))
        except Odd as why:
            odd.append(f"{name[:_MOST_NAME]!r}: {why}")
    problems = (Problem("connector", "misread", f"{where}: connector {odd[0]}", len(odd)),) if odd else ()
    return tuple(found), problems


def _connector(name: str, part: Any, clusters: Mapping[str, str]) -> Connector:  # noqa: ANN401 - the same
    if len(name) > _MOST_NAME or not name.isprintable():
        raise Odd("no name of a connector")
    status = _mapping(_mapping(part, "connector").get("status"), "status")
    info = part.get("info")
    settings = info.get("config") if isinstance(info, dict) else None
    is_known = isinstance(settings, dict)
    settings = settings if isinstance(settings, dict) else {}
    own = _mapping(status.get("connector"), "status of the connector itself")
    secrets = secrets_of(settings)
    tasks = status.get("tasks")
    if not isinstance(tasks, list):
        raise Odd("no list of tasks")
    kind = status.get("type")
    is_sink = kind == SINK
    found = tuple(_task(task, secrets) for task in tasks)
    if len({one.id for one in found}) < len(found):
        raise Odd("two tasks with one id")
    return Connector(
        name=name,
        type=kind if isinstance(kind, str) and kind in _TYPES else "unknown",
        state=_state(own),
        worker=_text(own, "worker_id"),
        trace=_trace(own, secrets),
        tasks=found,
        plugin=_text(settings, "connector.class"),
        tasks_max=_count(settings.get("tasks.max")),
        group=_named(settings.get("consumer.override.group.id", f"connect-{name}")) if is_sink and is_known else None,
        tolerance="" if not is_known else "all" if _text(settings, "errors.tolerance").lower() == "all" else "none",
        dead_letter_topic=_named(settings.get("errors.deadletterqueue.topic.name")) if is_sink else None,
        topics=topics(settings, is_sink=is_sink),
        topic_prefix=None if is_sink else topic_prefix(settings),
        heartbeat=heartbeat(settings),
        progress=_progress(settings, clusters),
    )


def _named(value: Any) -> str | None:  # noqa: ANN401 - the same
    """Return a name; None where it is empty, or a variable that only the workers know (a ConfigProvider's)."""
    return value[:_MOST_NAME] or None if isinstance(value, str) and "${" not in value else None


def _progress(settings: Mapping[str, Any], clusters: Mapping[str, str]) -> Progress | None:
    """Return what is to be asked of its progress, nothing of it known yet."""
    mirror = mirror_of(settings, clusters)
    return Progress(mirror=mirror) if mirror is not None or is_debezium(settings) else None


def _task(part: Any, secrets: frozenset[str]) -> Task:  # noqa: ANN401 - the same
    one = _mapping(part, "task")
    number = one.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < _MOST_TASKS:
        raise Odd("a task without an id")
    return Task(number, _state(one), _text(one, "worker_id"), _trace(one, secrets))


def _mapping(part: Any, what: str) -> Mapping[str, Any]:  # noqa: ANN401 - the same
    if not isinstance(part, dict):
        raise Odd(f"no {what}")
    return part


def _state(part: Mapping[str, Any]) -> str:
    state = part.get("state")
    if not isinstance(state, str) or not _STATE.fullmatch(state):
        raise Odd("no state")
    return state


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    return value[:_MOST_NAME] if isinstance(value, str) else ""


def _trace(part: Mapping[str, Any], secrets: frozenset[str]) -> str:
    trace = part.get("trace")
    return first_line(trace, secrets) if part.get("state") == FAILED and isinstance(trace, str) else ""


def _count(value: Any) -> int | None:  # noqa: ANN401 - the same
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,6}", value) else None

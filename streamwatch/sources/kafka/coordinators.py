"""Who coordinates a group, as the cluster says: asked where brokers disagree about it, or none lists it any more."""

from collections.abc import Iterable

from streamwatch.core.errors import SourceError
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import FIND_COORDINATOR, decoding
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.versions import FIND_MANY_COORDINATORS


async def find_coordinators(
    session: ReadSession, pool: BrokerPool, names: Iterable[str]
) -> dict[str, BrokerConnection]:
    """Ask any broker who coordinates these groups; a group without one that is up is left out, and a problem."""
    found: dict[str, BrokerConnection] = {}
    unreachable: dict[int, list[str]] = {}
    refused: dict[int, list[str]] = {}
    wanted = set(names)
    try:
        connections = await pool.first()
        connection = next(
            (connection for connection in connections if FIND_COORDINATOR.key in connection.versions), connections[0]
        )
        with decoding(FIND_COORDINATOR):
            answers = await _coordinators(session, connection, sorted(wanted))
        for name, node, code in [answer for answer in answers if answer[0] in wanted]:
            broker = pool.connections.get(node)
            if code:
                refused.setdefault(code, []).append(name)
            elif broker is not None and broker.up:
                found[name] = broker
            else:
                unreachable.setdefault(node, []).append(name)
    except SourceError as error:
        detail = f"the coordinators of {len(wanted)} groups: {error}"
        session.problems.append(problem("group", error, detail, len(wanted)))
    for code, groups in refused.items():
        detail = f"the coordinators of group {groups[0]!r} and {len(groups) - 1} others: FindCoordinator"
        session.problems.append(refusal("group", code, detail, len(groups)))
    for node, groups in unreachable.items():
        detail = f"broker {node}: it coordinates group {groups[0]!r} and {len(groups) - 1} others, and does not answer"
        session.problems.append(Problem("group", "unreachable", detail, len(groups)))
    return found


async def _coordinators(
    session: ReadSession, connection: BrokerConnection, names: list[str]
) -> list[tuple[str, int, int]]:
    """Return each group with its coordinator's id and an error code."""
    version = connection.version(FIND_COORDINATOR)
    if version >= FIND_MANY_COORDINATORS:
        body = await session.ask(connection, FIND_COORDINATOR, FIND_COORDINATOR.encode(version, coordinator_keys=names))
        answers = FIND_COORDINATOR.decode(version, body).coordinators
        return [(answer.key, answer.node_id, answer.error_code) for answer in answers]
    found = []
    for name in names:
        body = await session.ask(connection, FIND_COORDINATOR, FIND_COORDINATOR.encode(version, key=name))
        answer = FIND_COORDINATOR.decode(version, body)
        found.append((name, answer.node_id, answer.error_code))
    return found

"""The groups of a cluster: who coordinates them, in which state they are, who their members are.

Every broker lists the groups that it coordinates and describes them. A group that two brokers list, or that none lists
any more, may be moving from one to the other: the cluster is asked who its coordinator is, and that one's word counts.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import Group
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import (
    CONSUMER_GROUP_DESCRIBE,
    DESCRIBE_GROUPS,
    FIND_COORDINATOR,
    LIST_GROUPS,
    SHARE_GROUP_DESCRIBE,
    STREAMS_GROUP_DESCRIBE,
    Api,
    Message,
    decoding,
)
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.members import from_classic, from_consumer, from_share, from_streams
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession

_CHUNK = 1000
"""Groups described in one request."""
GONE_SECONDS = 5.0
"""A group that is not found for so long is gone."""
_DESCRIBED_BY: Final[dict[str, tuple[Api, Callable[[Message, int], Group]]]] = {
    "classic": (DESCRIBE_GROUPS, from_classic),
    "consumer": (CONSUMER_GROUP_DESCRIBE, from_consumer),
    "share": (SHARE_GROUP_DESCRIBE, from_share),
    "streams": (STREAMS_GROUP_DESCRIBE, from_streams),
}
"""What describes a group of each type, and reads the description."""

Chunk = tuple[BrokerConnection, str, tuple[str, ...]]
"""Groups of one type that one broker describes in one request."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A group as a broker lists it; the state is empty where the broker's version does not tell."""

    name: str
    state: str
    type: str


@dataclass(slots=True)
class Found:
    """What is known of all groups: each one's coordinator, and its description where there is one."""

    coordinator: dict[str, BrokerConnection]
    groups: dict[str, Group]
    complete: bool
    """Whether every registered broker told its groups."""


class GroupReader:
    """Lists and describes groups, and remembers the answers: those that repeat are not read again."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._listings: dict[str, tuple[bytes, dict[str, Listed], list[Problem]]] = {}
        self._descriptions: dict[Chunk, tuple[bytes, dict[str, Group]]] = {}
        self._admitted: dict[str, bool] = {}
        self._last: dict[str, Group] = {}
        self._not_found: dict[str, float] = {}
        self._untold: set[BrokerConnection] = set()
        """Brokers that answered, and would not tell all their groups."""

    async def read(self, session: ReadSession, pool: BrokerPool) -> Found:
        """Return all groups that the configuration looks at."""
        up = [connection for connection in pool.connections.values() if connection.up]
        self._untold.clear()
        listings = await session.all(
            {connection: self._list(session, connection) for connection in up},
            lambda connection, error: problem("broker", error, f"broker {connection.name}: its groups: {error}"),
        )
        complete = all(
            connection in listings and connection not in self._untold for connection in pool.connections.values()
        )
        listed: dict[str, Listed] = {}
        coordinator: dict[str, BrokerConnection] = {}
        doubtful: set[str] = set()
        for connection, listing in listings.items():
            doubtful |= listing.keys() & coordinator.keys()
            listed |= listing
            coordinator |= dict.fromkeys(listing, connection)
        doubtful |= {name for name in self._last if name not in listed}
        await self._settle(session, pool, doubtful, coordinator)
        types = {name: listed[name].type if name in listed else self._last[name].type for name in coordinator}
        groups = await self._describe(session, coordinator, types, listed)
        moved = {name for name in coordinator if name not in groups}
        if moved:
            await self._settle(session, pool, moved, coordinator)
            again = {name: coordinator[name] for name in moved if name in coordinator}
            groups |= await self._describe(session, again, types, listed, last_try=True)
            # Of a group that its coordinator lists and does not describe, the rest can be known all the same.
            groups |= {
                name: Group(name, types[name], listed[name].state, int(connection.name))
                for name, connection in again.items()
                if name not in groups and name in listed and connection.up
            }
        # A group that could not be asked about is not forgotten: it is looked for until somebody knows it, or its end.
        lost = {name: group for name, group in self._last.items() if name not in groups}
        alive = {name: group for name, group in groups.items() if group.state != "Dead"}
        self._last = alive | lost | self._doubted(session, groups.keys() - alive.keys())
        return Found(coordinator, alive, complete)

    def _doubted(self, session: ReadSession, dead: set[str]) -> dict[str, Group]:
        """Return the groups to go on looking for: those that were there and are not found, but not for long.

        A coordinator that has just taken over answers from what it knows to be replicated, and for a moment that may
        not include the latest groups and commits (seen on 4.3).
        """
        now = asyncio.get_running_loop().time()
        self._not_found = {name: self._not_found.get(name, now) for name in dead if name in self._last}
        recent = {name: self._last[name] for name, since in self._not_found.items() if now - since < GONE_SECONDS}
        if recent:
            detail = f"group {min(recent)!r} and {len(recent) - 1} others: not found: looked for a little longer"
            session.problems.append(Problem("group", "moved", detail, len(recent)))
        return recent

    async def _settle(
        self, session: ReadSession, pool: BrokerPool, names: set[str], coordinator: dict[str, BrokerConnection]
    ) -> None:
        """Ask the cluster who coordinates these groups, and correct ``coordinator``; whoever has none is taken out."""
        if not names:
            return
        for name in names:
            coordinator.pop(name, None)
        coordinator |= await find_coordinators(session, pool, names)

    async def _list(self, session: ReadSession, connection: BrokerConnection) -> dict[str, Listed]:
        """Return the groups that this broker coordinates."""
        version = connection.version(LIST_GROUPS)
        body = await session.ask(connection, LIST_GROUPS, LIST_GROUPS.encode(version))
        known = self._listings.get(connection.name)
        if known and known[0] == body[4:]:
            session.problems += known[2]
            return known[1]
        message, odd = LIST_GROUPS.decode_names(version, body)
        problems = []
        if message.error_code:
            self._untold.add(connection)
            problems.append(refusal("group", message.error_code, f"broker {connection.name}: its groups: ListGroups"))
        groups = {}
        unnamed = []
        for group in message.groups:
            if group.group_id in odd:
                unnamed.append(group.group_id)
            elif self._admits(group.group_id):
                kind = (group.group_type if version >= 5 else "classic").lower()  # noqa: PLR2004
                groups[group.group_id] = Listed(group.group_id, group.group_state or "", kind)
        if unnamed:
            # Left out: under another name nobody would find it, and no request about it can be written.
            detail = f"broker {connection.name}: ListGroups: group {unnamed[0]} and {len(unnamed) - 1} others: no UTF-8"
            problems.append(Problem("group", "misread", detail, len(unnamed)))
        if not message.error_code:
            self._listings[connection.name] = (body[4:], groups, problems)
        session.problems += problems
        return groups

    def _admits(self, name: str) -> bool:
        if name not in self._admitted:
            if len(self._admitted) > 100_000:  # noqa: PLR2004 - names come and go: do not remember for ever
                self._admitted.clear()
            self._admitted[name] = self._config.groups.admits(name)
        return self._admitted[name]

    async def _describe(
        self,
        session: ReadSession,
        coordinator: dict[str, BrokerConnection],
        types: dict[str, str],
        listed: dict[str, Listed],
        *,
        last_try: bool = False,
    ) -> dict[str, Group]:
        """Describe groups at their coordinators; who moved meanwhile is left out, and a problem on the last try."""
        chunks: list[Chunk] = []
        groups: dict[str, Group] = {}
        undescribed: dict[str, list[str]] = {}
        by_type: dict[tuple[BrokerConnection, str], list[str]] = {}
        for name in sorted(coordinator):
            by_type.setdefault((coordinator[name], types[name]), []).append(name)
        for (connection, kind), names in by_type.items():
            if kind not in _DESCRIBED_BY or _DESCRIBED_BY[kind][0].key not in connection.versions:
                undescribed.setdefault(kind, []).extend(names)
                for name in names:
                    state = listed[name].state if name in listed else ""
                    groups[name] = Group(name, kind, state, int(connection.name))
            else:
                chunks += [(connection, kind, tuple(names[i : i + _CHUNK])) for i in range(0, len(names), _CHUNK)]
        session.problems += [_undescribed(kind, names) for kind, names in undescribed.items()]
        calls = {chunk: self._describe_chunk(session, chunk, last_try=last_try) for chunk in chunks}
        answers = await session.all(calls, _not_described)
        for described in answers.values():
            groups |= described
        if not last_try:
            self._descriptions = {c: self._descriptions[c] for c in chunks if c in self._descriptions}
        return groups

    async def _describe_chunk(self, session: ReadSession, chunk: Chunk, *, last_try: bool) -> dict[str, Group]:
        connection, kind, names = chunk
        api, read = _DESCRIBED_BY[kind]
        version = connection.versions[api.key]
        fields = {"groups": list(names)} if api is DESCRIBE_GROUPS else {"group_ids": list(names)}
        body = await session.ask(connection, api, api.encode(version, **fields))
        known = self._descriptions.get(chunk)
        if known and known[0] == body[4:]:
            return known[1]
        described: dict[str, Group] = {}
        clean = True
        for message in api.decode(version, body).groups:
            code = message.error_code
            if code in codes.MOVED_GROUP and not last_try:
                clean = False
            elif code == codes.GROUP_ID_NOT_FOUND:
                described[message.group_id] = Group(message.group_id, kind, "Dead", int(connection.name))
            elif code:
                clean = False
                what = f"group {message.group_id!r}: its state and members: {api.name}"
                session.problems.append(refusal("group", code, what))
                described[message.group_id] = Group(message.group_id, kind, "", int(connection.name))
            else:
                described[message.group_id] = read(message, int(connection.name))
        left_out = [name for name in names if name not in described] if last_try else []
        if left_out:
            detail = f"{api.name}: group {left_out[0]!r} and {len(left_out) - 1} others: left out of the answer"
            session.problems.append(Problem("group", "misread", detail, len(left_out)))
        if clean:
            self._descriptions[chunk] = (body[4:], described)
        return described


def _undescribed(kind: str, names: list[str]) -> Problem:
    api = _DESCRIBED_BY[kind][0].name if kind in _DESCRIBED_BY else "any API that the agent knows"
    detail = f"group {names[0]!r} and {len(names) - 1} others, of type {kind!r}: members not known: {api}: not offered"
    return Problem("group", "unsupported", detail, len(names))


def _not_described(chunk: Chunk, error: SourceError) -> Problem:
    connection, _, names = chunk
    return problem("group", error, f"broker {connection.name}: describing {len(names)} groups: {error}", len(names))


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
        connection = next((one for one in connections if FIND_COORDINATOR.key in one.versions), connections[0])
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
    if version >= 4:  # noqa: PLR2004 - KIP-699: many groups in one request
        body = await session.ask(connection, FIND_COORDINATOR, FIND_COORDINATOR.encode(version, coordinator_keys=names))
        answers = FIND_COORDINATOR.decode(version, body).coordinators
        return [(answer.key, answer.node_id, answer.error_code) for answer in answers]
    found = []
    for name in names:
        body = await session.ask(connection, FIND_COORDINATOR, FIND_COORDINATOR.encode(version, key=name))
        answer = FIND_COORDINATOR.decode(version, body)
        found.append((name, answer.node_id, answer.error_code))
    return found

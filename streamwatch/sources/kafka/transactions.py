"""Which transactions hold readers of committed data back (KIP-664), where a last stable offset stands for long.

Three questions, and only while something stands: the leaders, which producers have a transaction open in the partition
(DescribeProducers); all brokers, whose transactional ids these are (ListTransactions); the coordinators, since when
they are open and in which partitions (DescribeTransactions). What no coordinator counts in hangs for good, as
``kafka-transactions.sh find-hanging`` has it. Each question takes a right that the agent need not have: without, less
is known.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from streamwatch.core.errors import SourceError
from streamwatch.model.distinct import distinct
from streamwatch.model.kafka import NOT_KNOWN, Int64s, OpenTransaction, Topology
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import (
    DESCRIBE_PRODUCERS,
    DESCRIBE_TRANSACTIONS,
    LIST_TRANSACTIONS,
    KafkaApi,
    Message,
    decoding,
)
from streamwatch.sources.kafka.bounds import Bounds
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession

_STANDS_SECONDS: Final = 30.0
"""Shorter than this, a stable offset that stands is a transaction like any other."""
_STANDS_READS: Final = 2.0
_AGAIN_SECONDS: Final = 60.0
"""How often the brokers are asked while something stands."""
_MOST: Final = 50
"""Partitions that are asked about, those that have stood the longest."""
_NOBODY: Final = "streamwatch-nobody"
"""A transactional id that does not exist: whoever may describe it may describe all."""

_Place = tuple[str, int, int]
"""Topic, partition, and the stable offset that stands there."""


@dataclass(frozen=True, slots=True)
class _Coordinated:
    """What a coordinator says of a transactional id."""

    transactional_id: str
    started_at: float
    partitions: frozenset[tuple[str, int]]


class TransactionReader:
    """Finds out what stands behind stable offsets. Lives on the source's event loop."""

    def __init__(self, config: Config) -> None:
        self._stands = max(_STANDS_SECONDS, _STANDS_READS * config.interval)
        self._known: dict[_Place, tuple[OpenTransaction, ...]] = {}
        self._asked_at = -np.inf

    async def read(
        self, session: ReadSession, pool: BrokerPool, bounds: Bounds, now: float, monotonic: float
    ) -> tuple[OpenTransaction, ...]:
        """Return the transactions that are known to be open behind stable offsets that have stood for long.

        Args:
            session: this read's session.
            pool: the brokers.
            bounds: where stable offsets stand, and since when.
            now: the time, in seconds since 1970.
            monotonic: the same by the clock that never jumps.

        """
        stood = monotonic - bounds.stable_since
        rows = np.flatnonzero(stood >= self._stands)  # NaN is not
        rows = np.sort(rows[np.argsort(-stood[rows], kind="stable")[:_MOST]])
        places = {_place(bounds, row): row for row in rows.tolist()}
        self._known = {place: found for place, found in self._known.items() if place in places}
        if places.keys() - self._known.keys() or (places and monotonic - self._asked_at >= _AGAIN_SECONDS):
            self._asked_at = monotonic
            for place, row in places.items():
                plain = OpenTransaction(place[0], place[1], NOT_KNOWN, place[2], now - float(stood[row]), "", None)
                self._known.setdefault(place, (plain,))
            try:
                await self._find_out(session, pool, bounds, rows)
            except SourceError as error:
                session.problems.append(problem("partition", error, f"open transactions: {error}", len(places)))
        return tuple(one for place in sorted(places) for one in self._known[place])

    async def _find_out(self, session: ReadSession, pool: BrokerPool, bounds: Bounds, rows: Int64s) -> None:
        """Ask for what is known of these rows, and remember it."""
        producers = await self._producers(session, pool, bounds, rows)
        ids = {producer.producer_id for found in producers.values() for producer in found}
        coordinated, complete = await _coordinated(session, pool, sorted(ids)) if ids else ({}, False)
        for place, found in producers.items():
            before = self._known[place]
            self._known[place] = tuple(
                _updated(before, producer, coordinated.get(producer.producer_id), complete=complete)
                for producer in found
            ) or (before[0],)

    @staticmethod
    async def _producers(
        session: ReadSession, pool: BrokerPool, bounds: Bounds, rows: Int64s
    ) -> dict[_Place, list[Message]]:
        """Return, for each partition, the producers whose transactions begin at its stable offset."""
        topology = bounds.topology
        calls = {
            node: _ask(
                session, connection, DESCRIBE_PRODUCERS, topics=_topics(topology, rows[topology.leader[rows] == node])
            )
            for node in distinct(topology.leader[rows]).tolist()
            if (connection := pool.connections.get(node)) is not None and _offers(connection, DESCRIBE_PRODUCERS)
        }
        answers = await session.all(calls, _failed(DESCRIBE_PRODUCERS))
        stable = {place[:2]: place for place in (_place(bounds, row) for row in rows.tolist())}
        found: dict[_Place, list[Message]] = {}
        with decoding(DESCRIBE_PRODUCERS):
            for topic in (topic for message in answers.values() for topic in message.topics):
                for partition in topic.partitions:
                    place = stable.get((topic.name, partition.partition_index))
                    _refused(session, DESCRIBE_PRODUCERS, f"{topic.name}-{partition.partition_index}", partition)
                    if place is not None and not partition.error_code:
                        open_there = [p for p in partition.active_producers if p.current_txn_start_offset == place[2]]
                        found[place] = open_there
        return found


async def _coordinated(session: ReadSession, pool: BrokerPool, ids: list[int]) -> tuple[dict[int, _Coordinated], bool]:
    """Return what coordinators say of these producer ids, and whether what they do not say is not so."""
    connections = {
        connection.name: connection
        for connection in pool.connections.values()
        if _offers(connection, LIST_TRANSACTIONS)
    }
    calls = {
        name: _ask(session, connection, LIST_TRANSACTIONS, state_filters=[], producer_id_filters=ids)
        for name, connection in connections.items()
    }
    listed = await session.all(calls, _failed(LIST_TRANSACTIONS))
    for name, message in listed.items():
        _refused(session, LIST_TRANSACTIONS, f"broker {name}", message)
    complete = len(listed) == len(pool.connections) and not any(message.error_code for message in listed.values())
    named = {
        name: sorted(state.transactional_id for state in message.transaction_states)
        for name, message in listed.items()
        if message.transaction_states
    }
    described = await session.all(
        {
            name: _ask(session, connections[name], DESCRIBE_TRANSACTIONS, transactional_ids=names)
            for name, names in named.items()
            if _offers(connections[name], DESCRIBE_TRANSACTIONS)
        },
        _failed(DESCRIBE_TRANSACTIONS),
    )
    complete = complete and len(described) == len(named)
    found: dict[int, _Coordinated] = {}
    with decoding(DESCRIBE_TRANSACTIONS):
        for state in (state for message in described.values() for state in message.transaction_states):
            complete = complete and not state.error_code
            _refused(session, DESCRIBE_TRANSACTIONS, state.transactional_id, state)
            if not state.error_code:
                partitions = frozenset((topic.topic, p) for topic in state.topics for p in topic.partitions)
                started_at = state.transaction_start_time_ms / 1000
                found[state.producer_id] = _Coordinated(state.transactional_id, started_at, partitions)
    if complete and set(ids) - found.keys():
        complete = await _may_describe_all(session, connections)
    return found, complete


async def _may_describe_all(session: ReadSession, connections: dict[str, BrokerConnection]) -> bool:
    """Say whether the agent may describe every transactional id: else lists leave out, silently, what it may not."""
    name, connection = next(iter(connections.items()))
    if not _offers(connection, DESCRIBE_TRANSACTIONS):
        return False
    call = _ask(session, connection, DESCRIBE_TRANSACTIONS, transactional_ids=[_NOBODY])
    answers = await session.all({name: call}, _failed(DESCRIBE_TRANSACTIONS))
    states = [state for message in answers.values() for state in message.transaction_states]
    return bool(states) and all(state.error_code != codes.TRANSACTIONAL_ID_DENIED for state in states)


def _updated(
    before: tuple[OpenTransaction, ...], producer: Message, known: _Coordinated | None, *, complete: bool
) -> OpenTransaction:
    """Return a transaction with what leader and coordinator say of it; what was known holds while nobody answers."""
    same = [one for one in before if one.producer_id == producer.producer_id]
    if same and known is None and not complete:
        return same[0]
    plain = replace(before[0], transactional_id="", coordinated=None)
    one = replace(plain, producer_id=producer.producer_id, transactional_id=known.transactional_id if known else "")
    if known is not None and (one.topic, one.partition) in known.partitions:
        return replace(one, started_at=known.started_at, coordinated=True)
    if known is None and not complete:
        return one
    wrote = producer.last_timestamp / 1000
    return replace(one, started_at=min(wrote, plain.started_at) if wrote > 0 else plain.started_at, coordinated=False)


def _topics(topology: Topology, rows: Int64s) -> list[Message]:
    kind = DESCRIBE_PRODUCERS.request.TopicRequest
    return [
        kind(
            version=0,
            name=topology.topics[topic],
            partition_indexes=topology.partition[rows[topology.topic[rows] == topic]].tolist(),
        )
        for topic in distinct(topology.topic[rows]).tolist()
    ]


async def _ask(session: ReadSession, connection: BrokerConnection, api: KafkaApi, **fields: object) -> Message:
    version = connection.versions[api.key]
    return api.decode(version, await session.ask(connection, api, api.encode(version, **fields)))


def _offers(connection: BrokerConnection, api: KafkaApi) -> bool:
    return connection.up and api.key in connection.versions


def _refused(session: ReadSession, api: KafkaApi, what: str, answer: Message) -> None:
    """Note an error in an answer; a right that is not there is no problem, for it need not be."""
    code = answer.error_code
    if code and code not in codes.DENIED:
        detail = f"{what}: whose transaction is open: {api.name}"
        session.problems.append(refusal("partition", code, detail))


def _failed(api: KafkaApi) -> Callable[[int | str, SourceError], Problem]:
    def made(name: int | str, error: SourceError) -> Problem:
        return problem("broker", error, f"broker {name}: {api.name}: {error}")

    return made


def _place(bounds: Bounds, row: int) -> _Place:
    topology = bounds.topology
    return topology.topics[topology.topic[row]], int(topology.partition[row]), int(bounds.stable[row])

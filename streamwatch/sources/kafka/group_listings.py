"""Which groups there are: every broker lists those that it coordinates (ListGroups)."""

from dataclasses import dataclass, field
from typing import Final

from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import LIST_GROUPS, Message
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.broker_pool import BrokerPool
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.versions import LIST_GROUPS_WITH_TYPES, THROTTLE_BYTES

_MOST_NAMES: Final = 100_000
"""Names come and go: whether they are wanted is not remembered for ever."""


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group as a broker lists it; the state is empty where the broker's version does not have it."""

    name: str
    state: str
    type: str


@dataclass(slots=True)
class Listings:
    """The groups that all brokers together list."""

    groups: dict[str, ListedGroup] = field(default_factory=dict)
    coordinator: dict[str, BrokerConnection] = field(default_factory=dict)
    """Who lists each group; the last one where several do."""
    disputed: set[str] = field(default_factory=set)
    """Groups that several brokers list."""
    complete: bool = True
    """Whether every registered broker listed its groups, all of them."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """One broker's answer."""

    body: bytes
    """Without its throttle time."""
    groups: dict[str, ListedGroup]
    problems: list[Problem]
    whole: bool
    """Whether the broker listed all its groups."""


class ListingReader:
    """Asks every broker for its groups, and remembers the answers: those that repeat are not read again."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._listings: dict[str, _Listing] = {}
        self._admitted: dict[str, bool] = {}

    async def read(self, session: ReadSession, pool: BrokerPool) -> Listings:
        """Return the groups that the configuration looks at."""
        up = [connection for connection in pool.connections.values() if connection.up]
        answers = await session.all(
            {connection: self._list(session, connection) for connection in up},
            lambda connection, error: problem("broker", error, f"broker {connection.name}: its groups: {error}"),
        )
        whole = {connection for connection, listing in answers.items() if listing.whole}
        found = Listings(complete=whole >= set(pool.connections.values()))
        for connection, listing in answers.items():
            session.problems += listing.problems
            found.disputed |= listing.groups.keys() & found.coordinator.keys()
            found.groups |= listing.groups
            found.coordinator |= dict.fromkeys(listing.groups, connection)
        return found

    async def _list(self, session: ReadSession, connection: BrokerConnection) -> _Listing:
        """Return the groups that this broker coordinates."""
        version = connection.version(LIST_GROUPS)
        answer = await session.ask(connection, LIST_GROUPS, LIST_GROUPS.encode(version))
        body = answer[THROTTLE_BYTES:]
        known = self._listings.get(connection.name)
        if known is not None and known.body == body:
            return known
        message, misnamed = LIST_GROUPS.decode_names(version, answer)
        named = [group for group in message.groups if group.group_id not in misnamed]
        listing = _Listing(
            body,
            {group.group_id: _listed(group, version) for group in named if self._admits(group.group_id)},
            _problems(connection.name, message, misnamed),
            whole=not message.error_code,
        )
        if listing.whole:
            self._listings[connection.name] = listing
        return listing

    def _admits(self, name: str) -> bool:
        if name not in self._admitted:
            if len(self._admitted) > _MOST_NAMES:
                self._admitted.clear()
            self._admitted[name] = self._config.groups.admits(name)
        return self._admitted[name]


def _listed(group: Message, version: int) -> ListedGroup:
    kind = (group.group_type if version >= LIST_GROUPS_WITH_TYPES else "classic").lower()
    return ListedGroup(group.group_id, group.group_state or "", kind)


def _problems(broker: str, message: Message, misnamed: frozenset[str]) -> list[Problem]:
    problems = []
    if message.error_code:
        problems.append(refusal("group", message.error_code, f"broker {broker}: its groups: ListGroups"))
    unnamed = [group.group_id for group in message.groups if group.group_id in misnamed]
    if unnamed:
        # Left out: under another name nobody would find it, and no request about it can be written.
        detail = f"broker {broker}: ListGroups: group {unnamed[0]} and {len(unnamed) - 1} others: no UTF-8"
        problems.append(Problem("group", "misread", detail, len(unnamed)))
    return problems

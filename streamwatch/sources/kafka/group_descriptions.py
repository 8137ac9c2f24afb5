"""In which state groups are, and who their members are: each type has an API that describes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from streamwatch.core.errors import SourceError
from streamwatch.model.kafka import Group
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka import codes
from streamwatch.sources.kafka.apis import (
    CONSUMER_GROUP_DESCRIBE,
    DESCRIBE_GROUPS,
    SHARE_GROUP_DESCRIBE,
    STREAMS_GROUP_DESCRIBE,
    KafkaApi,
    Message,
)
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.members import from_classic, from_consumer, from_share, from_streams
from streamwatch.sources.kafka.problems import problem, refusal
from streamwatch.sources.kafka.read_session import ReadSession
from streamwatch.sources.kafka.versions import THROTTLE_BYTES

_CHUNK: Final = 1000
"""Groups described in one request."""
_DESCRIBED_BY: Final[dict[str, tuple[KafkaApi, Callable[[Message, int], Group]]]] = {
    "classic": (DESCRIBE_GROUPS, from_classic),
    "consumer": (CONSUMER_GROUP_DESCRIBE, from_consumer),
    "share": (SHARE_GROUP_DESCRIBE, from_share),
    "streams": (STREAMS_GROUP_DESCRIBE, from_streams),
}
"""What describes a group of each type, and reads the description."""


@dataclass(frozen=True, slots=True)
class WantedGroup:
    """A group that is to be described."""

    name: str
    type: str
    state: str
    """As it was listed; empty where it was not."""
    coordinator: BrokerConnection

    def bare(self) -> Group:
        """Return what is known of the group without its description."""
        return Group(self.name, self.type, self.state, int(self.coordinator.name))


@dataclass(frozen=True, slots=True)
class Chunk:
    """Groups of one type that one broker describes in one request."""

    coordinator: BrokerConnection
    type: str
    names: tuple[str, ...]


@dataclass(slots=True)
class _Description:
    """One answer about a chunk."""

    groups: dict[str, Group] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    final: bool = True
    """Whether it says of every group what it will say again: the same bytes need not be read again."""


class DescriptionReader:
    """Describes groups at their coordinators, and remembers the answers: those that repeat are not read again."""

    def __init__(self) -> None:
        self._known: dict[Chunk, tuple[bytes, dict[str, Group]]] = {}

    async def read(
        self, session: ReadSession, wanted: list[WantedGroup], *, last_try: bool = False
    ) -> dict[str, Group]:
        """Return the groups; who moved meanwhile is left out, and a problem on the last try."""
        chunks, undescribed = _chunks(wanted)
        session.problems += [_undescribed(kind, [one.name for one in some]) for kind, some in undescribed.items()]
        groups = {one.name: one.bare() for some in undescribed.values() for one in some}
        calls = {chunk: self._describe(session, chunk, last_try=last_try) for chunk in chunks}
        for described in (await session.all(calls, _not_described)).values():
            groups |= described
        if not last_try:
            self._known = {chunk: self._known[chunk] for chunk in chunks if chunk in self._known}
        return groups

    async def _describe(self, session: ReadSession, chunk: Chunk, *, last_try: bool) -> dict[str, Group]:
        api = _DESCRIBED_BY[chunk.type][0]
        version = chunk.coordinator.versions[api.key]
        fields = {"groups": list(chunk.names)} if api is DESCRIBE_GROUPS else {"group_ids": list(chunk.names)}
        answer = await session.ask(chunk.coordinator, api, api.encode(version, **fields))
        body = answer[THROTTLE_BYTES:]
        known = self._known.get(chunk)
        if known is not None and known[0] == body:
            return known[1]
        description = _description(chunk, api.decode(version, answer), last_try=last_try)
        session.problems += description.problems
        if description.final:
            self._known[chunk] = (body, description.groups)
        return description.groups


def _chunks(wanted: list[WantedGroup]) -> tuple[list[Chunk], dict[str, list[WantedGroup]]]:
    """Cut groups into requests; return them, and by type the groups that nothing describes."""
    undescribed: dict[str, list[WantedGroup]] = {}
    together: dict[tuple[BrokerConnection, str], list[str]] = {}
    for one in sorted(wanted, key=lambda each: each.name):
        if one.type in _DESCRIBED_BY and _DESCRIBED_BY[one.type][0].key in one.coordinator.versions:
            together.setdefault((one.coordinator, one.type), []).append(one.name)
        else:
            undescribed.setdefault(one.type, []).append(one)
    chunks = [
        Chunk(coordinator, kind, tuple(names[i : i + _CHUNK]))
        for (coordinator, kind), names in together.items()
        for i in range(0, len(names), _CHUNK)
    ]
    return chunks, undescribed


def _description(chunk: Chunk, message: Message, *, last_try: bool) -> _Description:
    """Read an answer about some groups."""
    found, broker = _Description(), int(chunk.coordinator.name)
    api, parse = _DESCRIBED_BY[chunk.type]
    for group in message.groups:
        name, code = group.group_id, group.error_code
        if not code:
            found.groups[name] = parse(group, broker)
        elif code in codes.MOVED_GROUP and not last_try:
            found.final = False
        elif code == codes.GROUP_ID_NOT_FOUND:
            found.groups[name] = Group(name, chunk.type, "Dead", broker)
        else:
            found.final = False
            found.problems.append(refusal("group", code, f"group {name!r}: its state and members: {api.name}"))
            found.groups[name] = Group(name, chunk.type, "", broker)
    left_out = [name for name in chunk.names if name not in found.groups] if last_try else []
    if left_out:
        detail = f"{api.name}: group {left_out[0]!r} and {len(left_out) - 1} others: left out of the answer"
        found.problems.append(Problem("group", "misread", detail, len(left_out)))
    return found


def _undescribed(kind: str, names: list[str]) -> Problem:
    api = _DESCRIBED_BY[kind][0].name if kind in _DESCRIBED_BY else "any API that the agent knows"
    detail = f"group {names[0]!r} and {len(names) - 1} others, of type {kind!r}: members not known: {api}: not offered"
    return Problem("group", "unsupported", detail, len(names))


def _not_described(chunk: Chunk, error: SourceError) -> Problem:
    names = chunk.names
    return problem(
        "group", error, f"broker {chunk.coordinator.name}: describing {len(names)} groups: {error}", len(names)
    )

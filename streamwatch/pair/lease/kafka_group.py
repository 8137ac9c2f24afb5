"""The lease as membership of a Kafka consumer group: the group's leader holds it, and the coordinator is the lock.

The protocol of groups without its consumers: members join with a type of their own, read no topic and commit nothing.
The member that the coordinator made leader names itself in the assignment of everybody; it stays leader for as long as
it is a member, and it is one for a session timeout from its last heartbeat. It counts from before it sent that one, so
it has stopped holding the lease when the coordinator can first give it to another.
"""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from kafka.protocol.consumer import (
    HeartbeatRequest,
    HeartbeatResponse,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)

from streamwatch.core.clock import Clock
from streamwatch.core.errors import LeaseError, SourceError, SourceUnavailable
from streamwatch.pair.lease.lease import Holding
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka import apis, codes
from streamwatch.sources.kafka.apis import FIND_COORDINATOR, KafkaApi, Message, decoding
from streamwatch.sources.kafka.config import Config as KafkaConfig
from streamwatch.sources.kafka.dial import BrokerSession, Dialer
from streamwatch.sources.kafka.versions import FIND_MANY_COORDINATORS

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

JOIN: Final = KafkaApi("JoinGroup", 11, 5, 7, JoinGroupRequest, JoinGroupResponse)
SYNC: Final = KafkaApi("SyncGroup", 14, 3, 4, SyncGroupRequest, SyncGroupResponse)
HEARTBEAT: Final = KafkaApi("Heartbeat", 12, 3, 4, HeartbeatRequest, HeartbeatResponse)
LEAVE: Final = KafkaApi("LeaveGroup", 13, 3, 4, LeaveGroupRequest, LeaveGroupResponse)
_APIS: Final = (
    apis.API_VERSIONS,
    apis.SASL_HANDSHAKE,
    apis.SASL_AUTHENTICATE,
    apis.METADATA,
    FIND_COORDINATOR,
    JOIN,
    SYNC,
    HEARTBEAT,
    LEAVE,
)
_TYPE: Final = "streamwatch"
_PROTOCOL: Final = "lease"
_MEMBER_ID_REQUIRED: Final = 79
_REJOIN: Final = frozenset({22, 25, 27})
"""Another generation, a member that is not known any more, a rebalance."""
_UNKNOWN_MEMBER: Final = 25
_MOST_FRAME: Final = 2**20
_ANSWER_SECONDS: Final = 3.0
_JOIN_MORE_SECONDS: Final = 5.0
"""A coordinator waits for others of an empty group (``group.initial.rebalance.delay.ms``)."""
_ROUNDS: Final = 5
_MOST_NAME: Final = 253


@dataclass(frozen=True, slots=True)
class _Member:
    """This agent in one generation of the group."""

    id: str
    generation: int
    is_leader: bool
    holder: str


class GroupLease:
    """The lease of one agent. Requests are made in the thread that asks, on a loop that runs only meanwhile."""

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place
        self,
        config: KafkaConfig,
        bootstrap: Sequence[HostPort],
        group: str,
        name: str,
        seconds: float,
        clock: Clock,
        account: "Account | None" = None,
    ) -> None:
        """Begin; nothing is asked before the first step.

        Args:
            config: how the cluster's brokers are reached.
            bootstrap: brokers that are asked who coordinates the group.
            group: its id.
            name: of this agent.
            seconds: the session timeout: after as long without a heartbeat the coordinator takes the lease away.
            clock: its monotonic side is used.
            account: whose credentials AWS_MSK_IAM shows.

        """
        self._dialer = Dialer(_lean(config), account, _APIS)
        self._bootstrap, self._group, self._name = tuple(bootstrap), group, name
        self._seconds, self._clock = seconds, clock
        self._runner = asyncio.Runner()
        self._session: BrokerSession | None = None
        self._member: _Member | None = None
        self._member_id = ""
        """What the coordinator calls this process; empty where it knows it not, or not any more."""

    def step(self, *, wants: bool) -> Holding:
        """See ``AgentLease``."""
        try:
            return self._runner.run(self._step(wants=wants))
        except (SourceError, OSError) as error:
            self._drop(str(error))
            raise LeaseError(f"group {self._group!r}: {error}") from error

    def release(self) -> None:
        """See ``AgentLease``."""
        self.step(wants=False)

    def close(self) -> None:
        """See ``AgentLease``."""
        self._drop("the agent ends")
        self._runner.close()

    async def _step(self, *, wants: bool) -> Holding:
        if not wants:
            await self._leave()
            return Holding("")
        for _ in range(_ROUNDS):
            sent_at = self._clock.monotonic()
            if self._member is not None:
                answer = await self._ask(
                    HEARTBEAT,
                    _ANSWER_SECONDS,
                    group_id=self._group,
                    generation_id=self._member.generation,
                    member_id=self._member.id,
                )
                if answer.error_code == codes.NONE:
                    return self._holding(self._member, sent_at)
                self._forget(answer.error_code, HEARTBEAT)
            sent_at = await self._join()
            if self._member is not None:
                return self._holding(self._member, sent_at)
        raise SourceUnavailable("the group does not settle")

    def _holding(self, member: _Member, sent_at: float) -> Holding:
        until = sent_at + self._seconds if member.is_leader else -math.inf
        return Holding(member.holder, until, member.generation)

    async def _join(self) -> float:
        """Join, and agree on who holds it; return when the last request was sent; without a member, try again."""
        version = await self._version(JOIN)
        protocols = [_part(JOIN, "JoinGroupRequestProtocol")(version=version, name=_PROTOCOL, metadata=self._bytes())]
        milliseconds = round(self._seconds * 1000)
        joined = await self._ask(
            JOIN, self._seconds + _JOIN_MORE_SECONDS, group_id=self._group, session_timeout_ms=milliseconds,
            rebalance_timeout_ms=milliseconds, member_id=self._member_id, group_instance_id=None, protocol_type=_TYPE,
            protocols=protocols,
        )  # fmt: skip
        if joined.error_code == _MEMBER_ID_REQUIRED:
            self._member_id = joined.member_id
            return self._clock.monotonic()
        if joined.error_code != codes.NONE:
            self._forget(joined.error_code, JOIN)
            return self._clock.monotonic()
        self._member_id = joined.member_id
        is_leader = joined.leader == joined.member_id
        version = await self._version(SYNC)
        part = _part(SYNC, "SyncGroupRequestAssignment")
        with decoding(JOIN):
            others = [one.member_id for one in joined.members] if is_leader else []
        assignments = [part(version=version, member_id=other, assignment=self._bytes()) for other in others]
        sent_at = self._clock.monotonic()
        synced = await self._ask(
            SYNC, _ANSWER_SECONDS + self._seconds, group_id=self._group, generation_id=joined.generation_id,
            member_id=joined.member_id, group_instance_id=None, assignments=assignments,
        )  # fmt: skip
        if synced.error_code != codes.NONE:
            self._forget(synced.error_code, SYNC)
            return sent_at
        holder = bytes(synced.assignment or b"").decode("utf-8", "replace")[:_MOST_NAME]
        self._member = _Member(joined.member_id, joined.generation_id, is_leader, holder)
        return sent_at

    async def _leave(self) -> None:
        if self._member_id:
            version = await self._version(LEAVE)
            member = _part(LEAVE, "MemberIdentity")(version=version, member_id=self._member_id, group_instance_id=None)
            await self._ask(LEAVE, _ANSWER_SECONDS, group_id=self._group, members=[member])
        self._member, self._member_id = None, ""

    def _forget(self, code: int, api: KafkaApi) -> None:
        """Be ready to join again.

        Raises:
            SourceError: that would not help.

        """
        self._member = None
        if code in _REJOIN:
            if code == _UNKNOWN_MEMBER:
                self._member_id = ""
            return
        if code in codes.MOVED_GROUP:
            raise SourceUnavailable(f"{api.name}: its coordinator has moved, or is not ready: error {code}")
        remedy = "grant Read on the group" if code == codes.GROUP_DENIED else "see Kafka's error codes"
        raise SourceUnavailable(f"{api.name} is refused: error {code}: {remedy}")

    def _bytes(self) -> bytes:
        return self._name.encode()

    async def _version(self, api: KafkaApi) -> int:
        session = await self._coordinator()
        version = session.versions.get(api.key)
        if version is None:
            raise SourceUnavailable(f"{api.name} is not offered in a version that is known here")
        return version

    async def _ask(self, api: KafkaApi, seconds: float, **fields: Any) -> Message:  # noqa: ANN401 - the message's
        session = await self._coordinator()
        version = await self._version(api)
        return await _asked(session, api, version, api.encode(version, **fields), seconds)

    async def _coordinator(self) -> BrokerSession:
        """Return a session with the group's coordinator; who is in the group stays in it where it has to be dialled."""
        if self._session is not None and self._is_good(self._session):
            return self._session
        self._session = None
        problem: SourceError = SourceUnavailable("no broker is known")
        for at in self._bootstrap:
            try:
                first = await self._dialer.dial(at.host, at.port)
                try:
                    host, port = await self._find(first)
                finally:
                    first.connection.close(SourceUnavailable("that was all"))
                    await asyncio.sleep(0)  # as in `_drop`
                self._session = await self._dialer.dial(host, port)
            except SourceError as error:
                problem = error
            else:
                return self._session
        raise problem

    async def _find(self, session: BrokerSession) -> tuple[str, int]:
        version = session.versions.get(FIND_COORDINATOR.key)
        if version is None:
            raise SourceUnavailable("FindCoordinator is not offered")
        asked: dict[str, Any] = {"key_type": 0}
        if version >= FIND_MANY_COORDINATORS:
            asked["coordinator_keys"] = [self._group]
        else:
            asked["key"] = self._group
        body = FIND_COORDINATOR.encode(version, **asked)
        answer = await _asked(session, FIND_COORDINATOR, version, body, _ANSWER_SECONDS)
        with decoding(FIND_COORDINATOR):
            found = answer.coordinators[0] if version >= FIND_MANY_COORDINATORS else answer
            if found.error_code != codes.NONE:
                raise SourceUnavailable(f"nobody coordinates it now: error {found.error_code}")
            return str(found.host), int(found.port)

    def _is_good(self, session: BrokerSession) -> bool:
        now = self._runner.get_loop().time()
        return not session.connection.lost.done() and (session.reauth_at is None or now < session.reauth_at)

    def _drop(self, why: str) -> None:
        """Dial anew at the next step: what is on its way on this connection would be taken for another's answer."""
        if self._session is not None:
            session, self._session = self._session, None

            async def close() -> None:
                session.connection.close(SourceUnavailable(why))
                await asyncio.sleep(0)  # its socket is closed in the loop's next turn, and there may be no other

            self._runner.run(close())


async def _asked(session: BrokerSession, api: KafkaApi, version: int, body: bytes, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            return api.decode(version, await session.connection.send(api, version, body).answer)
    except TimeoutError as error:
        raise SourceUnavailable(f"no answer to {api.name} within {seconds:g}s") from error


def _part(api: KafkaApi, name: str) -> Any:  # noqa: ANN401 - kafka-python's message classes
    return getattr(api.request, name)


def _lean(config: KafkaConfig) -> KafkaConfig:
    """Return how the cluster is reached, for answers that are small."""
    return replace(config, max_frame=_MOST_FRAME, client_id=f"{config.client_id}-lease")

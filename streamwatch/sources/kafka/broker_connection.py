"""One broker: its connection, kept open, and whether it answers.

It dials by itself, again and again, and knows at any time whether its broker answers. A connection that closes
is redialled at once, and the broker counts as down only when that fails too; one that hangs is noticed by the
pulse, a small request that is sent while nothing else is on its way.
"""

import asyncio
import random
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache
from typing import Final

from streamwatch.core.errors import (
    SourceDenied,
    SourceError,
    SourceForeign,
    SourceThrottled,
    SourceUnavailable,
    SourceUnsupported,
)
from streamwatch.sources.kafka.apis import METADATA, KafkaApi
from streamwatch.sources.kafka.auth import NoRole
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.dial import BrokerSession, Dialer
from streamwatch.sources.kafka.pulses import Pulses
from streamwatch.sources.kafka.release import Offer
from streamwatch.sources.kafka.request_stats import RequestStats
from streamwatch.sources.kafka.wire import InFlightRequest, KafkaConnection
from streamwatch.sources.log import LineLimit, logger

log = logger(__name__)

_GRACE_SECONDS: Final = 0.25
"""How long a redial may take before a broker that closed a connection counts as down."""
_BACKOFF_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
_DENIED_SECONDS: Final = 30.0
"""Between attempts after a refusal: a wrong password, tried often, locks an account."""
_ROLE_SECONDS: Final = 5.0
"""Between attempts with AWS's credentials, which come late and are rotated: shorter than what clusters are read at."""
_LONGEST_THROTTLE_SECONDS: Final = 60.0
"""A quota is never heeded for longer: one corrupt answer must not silence a broker, and its pulse, for days."""
_VOICES: Final = 3
"""Of the time of a read each of so many questions that wait one after the other has its part."""
_FORWARDED_SECONDS: Final = 1.5
"""For what a broker passes on to others: where they do not answer, it keeps us waiting for up to a minute."""


_SHORTEST_WITH_THROTTLE: Final = 12
"""Bytes of an answer that can say for how long it throttles: length, correlation id, ``throttle_time_ms``."""


class Unanswered(SourceUnavailable):
    """One request got no answer in time. A new connection shows whether the broker is down.

    The broker may wait for somebody else: a controller, the brokers that keep a share group's state, remote storage.
    """

    def __init__(self, api: KafkaApi, seconds: float, *, is_short: bool = False) -> None:
        """Name the request's API, how long it was waited for, and whether that was too short to say anything of it."""
        super().__init__(
            f"no answer to {api.name} " + (f"from {api.forwarded}" if api.forwarded else f"within {seconds:g}s")
        )
        self.api, self.is_short = api, is_short


class BrokerConnection:
    """The connection to one broker. Lives on the source's event loop."""

    def __init__(  # noqa: PLR0913, PLR0917 - built in one place
        self,
        name: str,
        host: str,
        port: int,
        config: Config,
        dialer: Dialer,
        stats: RequestStats,
        pulses: Pulses,
        lines: LineLimit,
    ) -> None:
        self.name = name
        """What the figures and the log call this broker: its id, or its address while that is not known."""
        self.host = host
        self.port = port
        self.down: SourceError | None = None
        """Why the broker counts as down; None while it is up, or not tried yet."""
        self.down_since = 0.0
        """When it was last found to be down, by the loop's time."""
        self.changed: Callable[[], None] = lambda: None
        """Called when the broker goes down or comes up."""
        self._config = config
        self._dialer = dialer
        self._stats = stats
        self._pulses = pulses
        self._lines = lines
        self._pulse: InFlightRequest | None = None
        """The last one that was sent."""
        self._probe: asyncio.Task[None] | None = None
        """Sees whether a broker that is busy is alive."""
        self._is_authenticating = False
        """While SASL runs again: then nothing else may be asked."""
        self._session: BrokerSession | None = None
        self._grace: asyncio.TimerHandle | None = None
        """Takes the broker for down where it is not redialled until then."""
        self._versions: dict[int, int] = {}
        self._offered: frozenset[int] = frozenset()
        self._missed: set[int] = set()
        """The APIs that it does not offer and that were wanted: each is logged once."""
        self.offer = Offer()
        """The broker's release, as of the start of the last session."""
        self._tried = asyncio.Event()
        """Set once it is known, for the first time, whether the broker is up."""
        self._decided = asyncio.Event()
        """Set while there is a session or a reason for there being none; not while redialling."""
        self._slots = asyncio.Semaphore(config.max_in_flight)
        self._throttled_until = 0.0
        self._task = asyncio.create_task(self._run(), name=f"broker {host}:{port}")

    @property
    def up(self) -> bool:
        """Whether the broker answers, as far as we know."""
        return self._tried.is_set() and self.down is None

    @property
    def versions(self) -> dict[int, int]:
        """The version spoken for each API key, in the last session; empty before the first."""
        return self._versions

    @property
    def offered(self) -> frozenset[int]:
        """Every API key that the broker offered in the last session; empty before the first."""
        return self._offered

    def version(self, api: KafkaApi) -> int:
        """Return the version of an API that is spoken with this broker: what it does not offer is not asked.

        Raises:
            SourceUnsupported: it offers none that the agent knows.
            SourceUnavailable: it has never been reached.

        """
        version = self._versions.get(api.key)
        if version is not None:
            return version
        if not self._versions:
            raise SourceUnavailable(str(self.down or "not reached yet"))
        if api.key not in self._missed:
            self._missed.add(api.key)
            log.info("API not offered", extra={"broker": self.name, "api": api.name})
        raise SourceUnsupported(f"{api.name} is not offered, or in no version from {api.lowest} to {api.highest}")

    def check_identity(self) -> None:
        """Drop the session if it is with another cluster's broker, which could not be known when it was opened."""
        if self._session is not None:
            try:
                self._dialer.identity.check(self._session.cluster_id, f"{self.host}:{self.port}")
            except SourceForeign as error:
                self.refuse(error)

    def refuse(self, reason: SourceError) -> None:
        """Take the broker for down, whatever it answers, and dial anew."""
        if self._session is not None:
            self._give_up(self._session.connection, reason)

    async def settled(self) -> None:
        """Wait until it is known whether the broker is up."""
        await self._tried.wait()

    async def close(self) -> None:
        """Stop dialling and drop the connection."""
        self.changed = lambda: None
        tasks = [task for task in (self._task, self._probe) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session:
            self._session.connection.close(SourceUnavailable("the agent is done with this broker"))

    async def ask(self, api: KafkaApi, version: int, body: bytes, seconds: float) -> bytes:
        """Send one request and return the answer's body.

        Raises:
            SourceUnavailable: down, or no answer within that many seconds.
            Unanswered: sent, and no answer in time, which may be the fault of whom the broker asks itself.
            SourceThrottled: the broker's quota makes us wait for longer than that.

        """
        loop = asyncio.get_running_loop()
        if self._throttled_until - loop.time() > seconds:
            raise SourceThrottled(f"throttled by the broker for {self._throttled_until - loop.time():.1f}s more")
        request: InFlightRequest | None = None
        try:
            async with asyncio.timeout(seconds) as limit, self._slots:
                session = await self._ready()
                if session.versions.get(api.key, -1) < version:
                    raise SourceUnavailable(f"offers another version of {api.name} since it came back")
                connection = session.connection
                await asyncio.sleep(max(0.0, self._throttled_until - loop.time()))
                if api.forwarded:
                    await _drained(connection)
                    limit.reschedule(min(loop.time() + _FORWARDED_SECONDS, limit.when() or 0.0))
                request = connection.send(api, version, body)
                self._stats.sent(api.name, self.name, request.sent_bytes)
                return await request.answer
        except TimeoutError as error:
            if request is None:
                raise SourceUnavailable(
                    f"no answer to {api.name} within {seconds:g}s: too much was asked before"
                ) from error
            if request.answer.done() and not request.answer.cancelled():
                return request.answer.result()  # it came while the loop was busy
            silent = loop.time() - connection.silent_since(request)
            limits = self._config
            patience = min(limits.pulse.deadline, limits.request_timeout, limits.read_seconds / _VOICES)
            reason = Unanswered(api, seconds, is_short=silent < patience)
            if connection.in_flight and connection.in_flight[0] is request:  # else the one before it takes long
                if not api.forwarded and self._shows_that_it_is_down(silent):
                    self._mark_down(reason)
                connection.close(reason)
            raise reason from error
        finally:
            if request is not None:
                self._count(request)

    def _shows_that_it_is_down(self, silent_seconds: float) -> bool:
        """Say whether a broker is down that has been silent for so long over a request.

        For less than the pulse's deadline it may be: a read that is nearly over waits for moments only, and whether the
        broker answers is seen by dialling it. After much more the pulse would have noticed: then one request is slow.
        """
        pulse = self._config.pulse
        would_have_been_noticed = pulse.enabled and silent_seconds > pulse.interval + 2 * pulse.deadline
        return silent_seconds >= pulse.deadline and not would_have_been_noticed

    def _count(self, request: InFlightRequest) -> None:
        """Count what a request cost, and heed the quota that its answer speaks of."""
        now = asyncio.get_running_loop().time()
        throttled = 0.0
        answered = request.answer.done() and not request.answer.cancelled() and not request.answer.exception()
        if answered and request.api.throttle and request.received_bytes >= _SHORTEST_WITH_THROTTLE:
            throttled = max(0, struct.unpack_from(">i", request.answer.result())[0]) / 1000
            self._throttled_until = max(self._throttled_until, now + min(throttled, _LONGEST_THROTTLE_SECONDS))
        self._stats.ended(
            request.api.name,
            self.name,
            now - request.sent_at,
            received=request.received_bytes if answered else 0,
            throttled=throttled,
        )

    def _give_up(self, connection: KafkaConnection, reason: SourceError) -> None:
        """Drop a connection whose next answer did not come: those behind it in the queue would not come either."""
        self._mark_down(reason)
        connection.close(reason)

    async def _ready(self) -> BrokerSession:
        """Return the session; wait for one while redialling.

        Raises:
            SourceUnavailable: the broker is down.

        """
        await self._decided.wait()
        if self._session is None:
            raise SourceUnavailable(str(self.down)) from self.down
        return self._session

    async def _run(self) -> None:
        """Dial, maintain the session until it is lost, dial again: for ever."""
        attempt = 0
        while True:
            try:
                session = await self._dialer.dial(self.host, self.port)
            except SourceError as error:
                self._mark_down(error)
                await asyncio.sleep(_pause(error, attempt))
                attempt += 1
                continue
            attempt = 0
            self._mark_up(session)
            reason = await self._maintain(session)
            self._session = None
            if self.down is None:
                self._decided.clear()
                if not isinstance(reason, Unanswered):
                    self._grace = asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._mark_down, reason)

    async def _maintain(self, session: BrokerSession) -> SourceError:
        """Send pings and keep the session authenticated until it is lost; return why it was."""
        connection, loop = session.connection, asyncio.get_running_loop()
        with self._pulses.watch(self, self._config.pulse):
            while not connection.lost.done():
                left = None if session.reauth_at is None else max(0.0, session.reauth_at - loop.time())
                await asyncio.wait({connection.lost}, timeout=left)
                if not connection.lost.done():
                    await self._reauthenticate(session)
        return connection.lost.result()

    def ping(self) -> InFlightRequest | None:
        """Send a pulse, where nothing else is on its way, and return it; see whether a broker that is busy is alive."""
        session, loop = self._session, asyncio.get_running_loop()
        if session is None or session.connection.lost.done() or self._is_authenticating:
            return None
        if session.connection.in_flight:
            oldest = session.connection.in_flight[0]
            is_late = oldest is not self._pulse and loop.time() - oldest.sent_at >= self._config.pulse.deadline
            if is_late and (self._probe is None or self._probe.done()):
                self._probe = asyncio.create_task(self._probe_for(session.connection, oldest))
            return None
        if loop.time() < self._throttled_until:
            return None
        version = session.versions[METADATA.key]
        request = self._pulse = session.connection.send(METADATA, version, _smallest_question(version))
        self._stats.sent(METADATA.name, self.name, request.sent_bytes)
        request.answer.add_done_callback(lambda _: self._count(request))
        return request

    def missed(self, request: InFlightRequest) -> None:
        """Take the broker for down: it has not answered this pulse in time."""
        if self._session is not None and request in self._session.connection.in_flight:
            deadline = self._config.pulse.deadline
            self._give_up(self._session.connection, SourceUnavailable(f"no sign of life within {deadline:g}s"))

    async def _probe_for(self, connection: KafkaConnection, oldest: InFlightRequest) -> None:
        """See whether a broker that has been busy for a while is alive: it answers one connection in order."""
        try:
            await self._dialer.probe(self.host, self.port, self._config.pulse.deadline)
        except SourceError as error:
            if not oldest.answer.done():
                self._give_up(connection, error)

    async def _reauthenticate(self, session: BrokerSession) -> None:
        """Run SASL again on the session (KIP-368), with nothing else on its way."""
        try:
            await self._dialer.prepare()
        except SourceError as error:
            session.connection.close(error)
            return
        async with AsyncExitStack() as stack:
            for _ in range(self._config.max_in_flight):
                await stack.enter_async_context(self._slots)
            self._is_authenticating = True
            try:
                await _drained(session.connection)
                await self._dialer.reauthenticate(session, self.host)
            except SourceError as error:
                session.connection.close(error)
            finally:
                self._is_authenticating = False

    def _mark_up(self, session: BrokerSession) -> None:
        was_up = self.up
        if self._grace is not None:
            self._grace.cancel()  # a connection that is lost again has a grace of its own
        self._session, self._versions, self.down = session, session.versions, None
        self._offered, self.offer = session.offered, session.offer
        self._decided.set()
        self._tried.set()
        if not was_up:
            if self._lines.admits(asyncio.get_running_loop().time()):
                log.info("broker up", extra={"broker": self.name, "address": f"{self.host}:{self.port}"})
            self.changed()

    def _mark_down(self, reason: SourceError) -> None:
        """Take the broker for down; say so where that, or its reason, is new."""
        before, self.down = self.down, reason
        self._decided.set()
        self._tried.set()
        if type(before) is not type(reason) and self._lines.admits(asyncio.get_running_loop().time()):
            log.warning("broker down", extra={"broker": self.name, "reason": str(reason)})
        if before is None:
            self.down_since = asyncio.get_running_loop().time()
            self.changed()


@cache
def _smallest_question(version: int) -> bytes:
    """Return what a pulse asks: Metadata of no topic."""
    return METADATA.encode(version, topics=[])


async def _drained(connection: KafkaConnection) -> None:
    """Wait until nothing is on its way: a broker answers in order, and what is slow would look like silence."""
    while connection.in_flight:
        await asyncio.wait({connection.in_flight[-1].answer})


def _pause(error: SourceError, attempt: int) -> float:
    """Return how long to wait before dialling again."""
    if isinstance(error, SourceDenied):
        return _ROLE_SECONDS if isinstance(error, NoRole) else _DENIED_SECONDS
    return _BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)] * random.uniform(0.5, 1)  # noqa: S311 - to spread

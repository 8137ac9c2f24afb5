"""One of several agents that act as one: it asks the others, keeps the lease, and says whether it notifies.

Three kinds of threads: one asks each peer, one steps through the lease, and one judges, so that a home of the lease
that hangs delays nothing. Nothing here waits for the disk but what a peer said.
"""

import json
import logging
import math
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from streamwatch.core.clock import SteadyClock
from streamwatch.core.errors import LeaseError
from streamwatch.core.worker import Worker
from streamwatch.http.message import BodyError, Request, Response, text_response
from streamwatch.model.alert import Alert
from streamwatch.pair import document
from streamwatch.pair.config import Config
from streamwatch.pair.document import Body, Head, Notified
from streamwatch.pair.lease.lease import AgentLease, Holding
from streamwatch.pair.outbox import PairOutbox
from streamwatch.pair.peer import Peer, PeerError
from streamwatch.pair.shared import BodyCache
from streamwatch.pair.sight import Disagreement, in_own_time, together
from streamwatch.pair.standing import PairStanding, PeerView, Situation, holders, judge

log = logging.getLogger(__name__)

_TICK_SECONDS: Final = 0.2
_STOPPED_SECONDS: Final = 3.0
"""Between two ticks: after as long the process was stopped, or the machine asleep, and knows nothing of the others."""
_LATE_SECONDS: Final = 10.0
"""Who has not delivered what has been due for so long lets another agent try."""
_ASIDE_SECONDS: Final = 30.0
_TROUBLED_SECONDS: Final = 300.0
_UNHEARD: Final = 2.5
"""Times the interval after which whoever notifies may have died after its last message."""
_MOST_FORGOTTEN: Final = 5000
_LEASE_STEPS: Final = 5
"""In the time that a lease is valid."""


class PeerFigures(NamedTuple):
    """What is measured of a peer."""

    name: str
    lives: bool
    decides: bool
    age: float
    """Seconds since it was asked for what it said last."""
    disagreements: int
    disagreement_seconds: float


class Pair:
    """The agent among the others, from ``start`` to ``stop``. It is the gate of the notifications."""

    def __init__(self, config: Config, lease: AgentLease, name: str, clock: SteadyClock) -> None:
        """Begin; nobody is asked before ``start``.

        Args:
            config: who the others are.
            lease: of this agent.
            name: of this agent.
            clock: that of the outbox.

        """
        self._config, self._lease, self._clock = config, lease, clock
        self.name, self._process = name, secrets.token_hex(8)
        timeout = max(0.3, min(2.0, config.deaf_after / 2))
        self.peers = [Peer(one, config.token, timeout, clock) for one in config.peers]
        self._own: tuple[Alert, ...] = ()
        self._outbox: PairOutbox | None = None
        self._is_deciding: Callable[[], bool] = lambda: False
        self._lock = threading.Lock()
        self._forgotten: OrderedDict[tuple[str, str], Notified] = OrderedDict()
        """Groups that are over, and of which everybody was notified: peers have to know, too."""
        now = clock.monotonic()
        self._holding, self.reached_at, self._lease_error = Holding(""), now, ""
        self._ticked_at = self._since = now
        """When it judged last, and since when it listens."""
        self._standing = PairStanding(notifies=False, why="it begins", unled_since=now)
        self._aside_until = self._troubled_until = -math.inf
        self._led_by: str | None = None
        """The process of the peer that notified when it was heard last; None: nobody did, or it has gone."""
        self._errors: dict[str, str] = {}
        self._disagreements = {peer.name: Disagreement(config.deaf_after) for peer in self.peers}
        self.takeovers = 0
        self._body = BodyCache(clock)
        self._workers = [
            Worker("pair", self._tick, clock),
            Worker("lease", self._step_lease, clock),
            *(Worker(f"peer {peer.name}", partial(self._ask, peer), clock) for peer in self.peers),
        ]

    def start(self, outbox: PairOutbox, is_deciding: Callable[[], bool]) -> None:
        """Begin to ask, and to judge.

        Args:
            outbox: what is to be sent.
            is_deciding: says whether this agent decides alerts.

        """
        outbox.begin()
        self._outbox, self._is_deciding = outbox, is_deciding
        for worker in self._workers:
            worker.start()

    def stop(self, timeout_seconds: float) -> None:
        """End, and give the lease back."""
        for worker in self._workers:
            worker.end(timeout_seconds)
        ended = [worker.ended() for worker in self._workers]
        self._holding, self._standing = Holding(""), PairStanding(notifies=False, why="it ends", unled_since=math.inf)
        if ended[1]:  # else the lease's home hangs: it is left to run out
            try:
                self._lease.release()
            except LeaseError as error:
                log.warning("pair: the lease was not given back, the others wait for it: %s", error)
            self._lease.close()

    # What the notifications ask

    def may_send(self) -> bool:
        """Say whether messages may leave, now."""
        now, standing = self._clock.monotonic(), self._standing
        return standing.notifies and now - self._ticked_at < _STOPPED_SECONDS and now < self._may_until

    @property
    def _may_until(self) -> float:
        """Until when the last judgement holds: a holder's no longer than its lease."""
        holding = self._holding
        return holding.until if holding.until > self._ticked_at else self._ticked_at + _STOPPED_SECONDS

    def may_be_sent_elsewhere(self) -> bool:
        """Say whether somebody else may be sending, who cannot be asked what."""
        return not self.may_send() and self._led_by is None

    def together(self, own: Collection[Alert]) -> list[Alert]:
        """Return the alerts to go by: one's own, and those that a peer still sees; keep one's own for the peers."""
        self._own = tuple(own)
        alive: list[tuple[Alert, ...]] = []
        gone: list[tuple[Alert, ...]] = []
        for peer in self.peers:
            latest = peer.latest
            if latest is not None and latest[0].process != self._process:
                to = alive if self._lives(latest[2]) else gone
                to.append(in_own_time(latest[0], latest[1], self._clock.now()))
        return together(own, alive, gone)

    def forgotten(self, target: str, key: str, at: float) -> None:
        """Note that a group is over, and nothing is kept of it any more."""
        with self._lock:
            self._forgotten[target, key] = Notified(target, key, frozenset(), at, maybe=False, content="")
            self._forgotten.move_to_end((target, key))
            while len(self._forgotten) > _MOST_FORGOTTEN:
                self._forgotten.popitem(last=False)

    # What peers ask

    def answer(self, request: Request) -> Response:
        """Answer a peer."""
        try:
            seen = json.loads(request.body() or b"{}").get("seen", "")
        except BodyError as error:
            return error.response
        except (ValueError, AttributeError, RecursionError):
            return text_response(HTTPStatus.BAD_REQUEST, 'send {"seen": DIGEST}')
        if self._outbox is None:
            return text_response(HTTPStatus.SERVICE_UNAVAILABLE, "the agent has not started yet")
        with self._lock:
            forgotten = list(self._forgotten.values())
        text, digest = self._body.of(self._own, self._outbox, forgotten)
        head = self._head(digest)
        return Response(HTTPStatus.OK, document.document(head, "" if seen == digest else text), "application/json")

    def _head(self, digest: str) -> Head:
        now = self._clock.monotonic()
        return Head(
            self.name,
            self._process,
            self._clock.now(),
            notifies=self.may_send(),
            holds=self.holds,
            term=self._holding.term,
            is_well=self._is_deciding(),
            is_troubled=now < self._troubled_until,
            digest=digest,
        )

    # What is measured

    @property
    def holds(self) -> bool:
        """Whether this agent has the lease."""
        return self._clock.monotonic() < self._holding.until

    @property
    def is_lease_reached(self) -> bool:
        """Whether the lease's home answers."""
        return not self._lease_error and self._situation(self._clock.monotonic()).is_reached

    @property
    def holders(self) -> int:
        """How many agents hold the lease, as far as this one knows."""
        return holders(self._situation(self._clock.monotonic()))

    def peer_figures(self) -> list[PeerFigures]:
        """Return what is known of each peer."""
        found = []
        for peer in self.peers:
            latest, now = peer.latest, self._clock.monotonic()
            if latest is not None and latest[0].process == self._process:
                continue
            at = self._since if latest is None else latest[2]
            lives = latest is not None and self._lives(at)
            decides = lives and latest is not None and latest[0].is_well
            with_it = self._disagreements[peer.name]
            count, seconds = (with_it.count, with_it.seconds(now)) if lives else (0, 0.0)
            found.append(PeerFigures(peer.name, lives, decides, now - at, count, seconds))
        return found

    # The threads

    def _ask(self, peer: Peer) -> float:
        try:
            before = peer.latest
            head, body = peer.ask()
        except PeerError as error:
            if self._errors.get(peer.name) != str(error):
                log.warning("pair: peer %s is not heard: %s", peer.name, error)
            self._errors[peer.name] = str(error)
            return self._config.interval
        if self._errors.pop(peer.name, ""):
            log.info("pair: peer %s is heard again", peer.name)
        if head.process == self._process:
            return math.inf  # this agent is in its own list
        self._disagreements[peer.name].hear(self._own, body, self._clock.monotonic())
        last = Body() if before is None else before[1]
        if self._outbox is not None:
            if (last.notified, last.silences) != (body.notified, body.silences):
                with self._lock:
                    over = {where: one.at for where, one in self._forgotten.items()}
                now = self._clock.now()
                ahead = now - head.now
                self._outbox.adopt(body.notified, body.silences, ahead, over, now, sends=self.may_send())
            elif {alert.labels for alert in last.alerts} != {alert.labels for alert in body.alerts}:
                self._go_on()
        return self._config.interval

    def _step_lease(self) -> float:
        try:
            self._holding = self._lease.step(wants=self._wants())
            self.reached_at = self._clock.monotonic()
            if self._lease_error:
                log.info("pair: the lease is reached again")
            self._lease_error = ""
        except LeaseError as error:
            if self._lease_error != str(error):
                log.warning("pair: the lease is out of reach: %s", error)
            self._lease_error = str(error)
        return self._config.lease.seconds / _LEASE_STEPS

    def _wants(self) -> bool:
        """Say whether this agent would hold the lease: not while another one would do better."""
        now = self._clock.monotonic()
        better = [head for head, _ in self._alive() if head.is_well and not head.is_troubled]
        return not better or (self._is_deciding() and now >= self._aside_until)

    def _tick(self) -> float:
        now = self._clock.monotonic()
        if now - self._ticked_at > _STOPPED_SECONDS:
            self._begin_anew(now)
        before, self._ticked_at = self._standing, now
        self._standing = after = judge(self._situation(now))
        self._follow_leader(now)
        if after.notifies and not before.notifies:
            self.takeovers += 1
            log.info("pair: this agent notifies: %s", after.why)
            self._go_on()
        elif before.notifies and not after.notifies:
            log.info("pair: this agent does not notify any more: %s", after.why)
        self._step_aside(now)
        return _TICK_SECONDS

    def _begin_anew(self, now: float) -> None:
        """Forget what was heard before the process was stopped: nobody is known to be gone."""
        self._since = self.reached_at = max(self.reached_at, now)
        self._standing = PairStanding(notifies=False, why="it was stopped for a while", unled_since=now)
        for worker in self._workers[1:]:
            worker.wake()

    def _situation(self, now: float) -> Situation:
        views = [PeerView(head.name, at, head.notifies, head.holds) for head, at in self._heard()]
        config, before = self._config, self._standing
        return Situation(
            self.name, now, self._holding, self.reached_at, tuple(views), self._configured(), config.lease.seconds,
            config.deaf_after, before.notifies, before.unled_since,
        )  # fmt: skip

    def _configured(self) -> int:
        return sum(
            latest is None or latest[0].process != self._process for latest in (peer.latest for peer in self.peers)
        )

    def _follow_leader(self, now: float) -> None:
        """Note who notifies; where it is not heard any more, what it was to send may have been sent."""
        recently = now - _UNHEARD * self._config.interval
        heard = {head.process: head.notifies for head, at in self._heard() if at > recently}
        if self._led_by is not None and self._led_by not in heard and self._outbox is not None:
            self._outbox.mark_maybe_delivered()
        self._led_by = next((process for process, notifies in heard.items() if notifies), None)

    def _step_aside(self, now: float) -> None:
        """Let another agent try where this one cannot deliver."""
        if not self.may_send() or self._outbox is None or self._outbox.late_seconds() < _LATE_SECONDS:
            return
        others = [head for head, _ in self._alive() if head.is_well and not head.is_troubled]
        if now >= self._troubled_until:
            who = "another agent may try" if others else "there is no other agent to try"
            log.warning("pair: what is due is not delivered: %s", who)
        self._troubled_until = now + _TROUBLED_SECONDS
        if others:
            self._aside_until = now + _ASIDE_SECONDS
            self._workers[1].wake()

    def _go_on(self) -> None:
        if self._outbox is not None:
            self._outbox.go_on()

    def _heard(self) -> list[tuple[Head, float]]:
        """Return what each peer that was ever heard said of itself, and when."""
        found = [peer.latest for peer in self.peers]
        return [(latest[0], latest[2]) for latest in found if latest is not None and latest[0].process != self._process]

    def _alive(self) -> Sequence[tuple[Head, float]]:
        return [(head, at) for head, at in self._heard() if self._lives(at)]

    def _lives(self, received_at: float) -> bool:
        return self._clock.monotonic() - received_at <= self._config.deaf_after

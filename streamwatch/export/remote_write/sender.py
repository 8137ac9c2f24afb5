"""Keeps what is to be sent to one receiver, and sends it: in order, again where it failed, and never more than fits."""

import logging
import math
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from weakref import WeakKeyDictionary

from streamwatch.core.backoff import Backoff
from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyError, NotifyRefused
from streamwatch.core.worker import AtEnd, Worker
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.encode import Cycle, Encoder, Ending, Version, WriteRequest
from streamwatch.model.metric import Keys, Samples

log = logging.getLogger(__name__)

Post = Callable[[bytes, Mapping[str, str]], Mapping[str, str]]
"""Sends a body with headers, and returns the headers of the answer; raises NotifyError where it was not taken."""

_Row = tuple[str, ...]
RESTORE_SECONDS: Final = 10.0
"""So long at most nothing is sent until what waited before the agent began is known: samples are sent in order."""
_BACKOFF: Final = Backoff(0.5, 30.0, least=0.5)
_WRITTEN: Final = "x-prometheus-remote-write-samples-written"
_TOO_LARGE: Final = 413
_UNKNOWN_FORMAT: Final = frozenset({400, 415})
_HEADERS: Final[Mapping[Version, Mapping[str, str]]] = {
    "1.0": {
        "Content-Type": "application/x-protobuf",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    },
    "2.0": {
        "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": "2.0.0",
    },
}


@dataclass(slots=True)
class SampleCounts:
    """What became of samples, since the agent began."""

    sent: int = 0
    refused: int = 0
    """By the receiver, for good."""
    dropped: int = 0
    """For lack of room, or because they were too old."""
    failures: int = 0
    """Requests that will be tried again."""


@dataclass(slots=True)
class _UnderWay:
    """The cycle that is being sent, and how far."""

    cycle: Cycle
    requests: Iterator[WriteRequest]
    next: WriteRequest | None
    done: int = 0
    """Samples of it that are over."""


class Sender:
    """Sends to one receiver. ``offer`` may be called from any thread; ``step`` by one at a time."""

    def __init__(  # noqa: PLR0913 - what it is made of, each by its name
        self,
        config: Config,
        labels: Mapping[str, str],
        post: Post,
        clock: Clock,
        rng: random.Random,
        *,
        restores: bool = False,
    ) -> None:
        """Begin with nothing to send.

        Args:
            config: the receiver's.
            labels: what every series gets that has none of that name.
            post: sends a request.
            clock: what time it is.
            rng: spreads attempts over time.
            restores: whether ``restore`` will be called.

        """
        self.config = config
        self._encoder, self._ending = Encoder({**labels, **config.external_labels}), Ending()
        self._post, self._clock, self._rng = post, clock, rng
        self._version: Version = "1.0" if config.version == "1.0" else "2.0"
        self._most = config.max_samples_per_send
        """Samples in a request: fewer, where the receiver does not take as many."""
        self._least = self._most
        """The fewest so far."""
        self._is_sure = config.version != "auto"
        """Whether the version is known to be understood."""
        self._lock = threading.Lock()
        self._twins: WeakKeyDictionary[Keys, Keys] = WeakKeyDictionary()
        self._queue: deque[Cycle] = deque()
        self._queued = 0
        self._under_way: _UnderWay | None = None
        self._failures, self._why = 0, ""
        self._is_restored = not restores
        """Whether what waited before the agent began is known, or nobody waits for it any more."""
        self._wait_until = -math.inf if self._is_restored else clock.monotonic() + RESTORE_SECONDS
        self.counts = SampleCounts()
        self._worker = Worker(f"remote write {config.name}", self._step, clock, AtEnd.WAIT)

    def offer(self, at: float, samples: Sequence[Samples]) -> None:
        """Take the samples of a moment; where there is no room, the oldest that wait go."""
        with self._lock:
            last = {one.keys for one in self._queue[-1].samples} if self._queue else ()
            waiting = {row: row for keys in last for row in keys.rows}
            once, ended = self._ending.next([replace(one, keys=self._twin(one.keys, waiting)) for one in samples])
            cycle = Cycle(at, once, ended, self._clock.monotonic())
            self._queue.append(cycle)
            self._queued += cycle.size
            self._make_room()
        self._worker.wake()

    def _twin(self, keys: Keys, waiting: Mapping[_Row, _Row]) -> Keys:
        """Return keys with the same rows: what waits does not keep alive what others keep for the page's own keys.

        That is their texts for the page and more, several times what the rows take. As long as the page has the keys
        their twin is the same object. And it shares rows with the last cycle that waits: where a topic comes or goes,
        each has all of them anew.
        """
        found = self._twins.get(keys)
        if found is None:
            rows = [waiting.get(row, row) for row in keys.rows] if waiting else keys.rows
            found = self._twins[keys] = Keys(keys.names, rows)
        return found

    def restore(self, cycles: Sequence[Cycle]) -> bool:
        """Take what waited before the agent began, to be sent first; return False where it is too late for that."""
        with self._lock:
            if self._is_restored:
                self.counts.dropped += sum(cycle.size - cycle.done for cycle in cycles)
                return False
            self._is_restored, self._wait_until = True, -math.inf
            self._queue.extendleft(reversed(cycles))
            self._queued += sum(cycle.size for cycle in cycles)
            self._make_room()
        self._worker.wake()
        return True

    def queued(self) -> tuple[list[Cycle], int, float]:
        """Return the cycles that wait, how many samples of the first are over, and how long it has waited."""
        with self._lock:
            under_way = self._under_way
            cycles = [*(() if under_way is None else (under_way.cycle,)), *self._queue]
            if not cycles:
                return [], 0, 0.0
            done = cycles[0].done if under_way is None else under_way.done
            return cycles, done, self._clock.monotonic() - cycles[0].offered

    def start(self) -> None:
        """Begin to send."""
        self._worker.start()

    def stop(self, timeout_seconds: float) -> None:
        """Send what waits, as far as that goes within the timeout, and end."""
        self._worker.stop(timeout_seconds)

    def waiting(self) -> tuple[int, float]:
        """Return how many samples wait, and how many seconds the oldest does."""
        with self._lock:
            under_way = self._under_way
            oldest = under_way.cycle if under_way is not None else self._queue[0] if self._queue else None
            left = under_way.cycle.size if under_way is not None else 0
            return self._queued + left, 0.0 if oldest is None else self._clock.monotonic() - oldest.offered

    def step(self) -> float:
        """Send one request, if there is one; return for how many seconds there is nothing to do."""
        pause = self._wait_until - self._clock.monotonic()
        if pause > 0:
            return pause
        under_way = self._current()
        if under_way is None:
            return math.inf
        if under_way.next is None:
            self._finish()
            return 0.0
        if self._clock.monotonic() - under_way.cycle.offered > self.config.sample_age_limit:
            self.counts.dropped += under_way.next.samples
            self._advance(under_way)
            return 0.0
        self._send(under_way, under_way.next)
        return 0.0

    def _current(self) -> _UnderWay | None:
        with self._lock:
            self._is_restored = True
            if self._under_way is None and self._queue:
                cycle = self._queue.popleft()
                self._queued -= cycle.size
                self._under_way = self._begin(cycle, cycle.done)
            return self._under_way

    def _begin(self, cycle: Cycle, done: int) -> _UnderWay:
        """Return a cycle as it is being sent, without the samples that are over."""
        requests = self._encoder.requests(cycle, self._version, self._most, done)
        return _UnderWay(cycle, requests, next(requests, None), done)

    def _finish(self) -> None:
        with self._lock:
            self._under_way = None

    @staticmethod
    def _advance(under_way: _UnderWay) -> None:
        under_way.done += under_way.next.samples if under_way.next is not None else 0
        under_way.next = next(under_way.requests, None)

    def _make_room(self) -> None:
        while self._queued > self.config.capacity and self._queue:
            self._drop(self._queue.popleft())

    def _drop(self, cycle: Cycle) -> None:
        self._queued -= cycle.size
        self.counts.dropped += cycle.size

    def _send(self, under_way: _UnderWay, request: WriteRequest) -> None:
        import cramjam  # noqa: PLC0415 - only who sends pays for it

        try:
            headers = self._post(bytes(cramjam.snappy.compress_raw(request.body)), _HEADERS[self._version])
        except NotifyRefused as error:
            if not self._is_sure and error.status in _UNKNOWN_FORMAT:
                self._fall_back(under_way)
                return
            if error.status == _TOO_LARGE and request.samples > 1:
                self._halve(under_way, request)
                return
            self._refused(request, error)
            if error.status == _TOO_LARGE:
                self._widen(under_way, request)
                return
        except NotifyError as error:
            self._failed(error)
            return
        else:
            if not self._is_sure and self._version == "2.0" and _WRITTEN not in {name.lower() for name in headers}:
                # It may have understood nothing: who speaks 2.0 says how many samples it wrote.
                self._fall_back(under_way)
                return
            self._taken(request)
        self._advance(under_way)

    def _fall_back(self, under_way: _UnderWay) -> None:
        self._version, self._is_sure = "1.0", True
        log.info("the receiver does not speak remote write 2.0: 1.0 is used", extra={"receiver": self.config.name})
        self._under_way = self._begin(under_way.cycle, under_way.done)

    def _halve(self, under_way: _UnderWay, request: WriteRequest) -> None:
        """Send the same samples in smaller requests, now and from now on."""
        self._most = request.samples // 2
        if self._most < self._least:
            self._least = self._most
            log.info(
                "a request was too large for the receiver: smaller ones are sent",
                extra={"receiver": self.config.name, "max_samples_per_send": self._most},
            )
        self._under_way = self._begin(under_way.cycle, under_way.done)

    def _widen(self, under_way: _UnderWay, request: WriteRequest) -> None:
        """Go on behind a sample that is too large by itself: the others need not be sent one by one for its sake."""
        self._most = self.config.max_samples_per_send
        self._under_way = self._begin(under_way.cycle, under_way.done + request.samples)

    def _taken(self, request: WriteRequest) -> None:
        self.counts.sent += request.samples
        self._is_sure = True
        if self._why:
            log.info("samples are taken again", extra={"receiver": self.config.name})
        self._failures, self._why = 0, ""

    def _refused(self, request: WriteRequest, error: NotifyError) -> None:
        self.counts.refused += request.samples
        self._say(f"samples are refused, and given up: {error}")
        self._failures = 0

    def _failed(self, error: NotifyError) -> None:
        self.counts.failures += 1
        pause = max(_BACKOFF.pause(self._failures, self._rng), error.retry_after or 0.0)
        self._failures += 1
        self._wait_until = self._clock.monotonic() + pause
        self._say(f"samples are not taken, and kept: {error}")

    def _say(self, what: str) -> None:
        if self._why != what:
            log.warning("%s", what, extra={"receiver": self.config.name})
        self._why = what

    def _step(self) -> float:
        try:
            return self.step()
        except Exception:
            self._finish()  # it would fail again
            raise

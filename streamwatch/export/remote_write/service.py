"""Remote write, wired: senders, the jobs that feed them, and what there is to say about them."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from streamwatch.catalogue import remote_write as c
from streamwatch.core.clock import Clock
from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.core.schedule import Job, Schedule
from streamwatch.export.remote_write.config import Config, SigV4
from streamwatch.http.client import HttpClient
from streamwatch.http.transport import basic
from streamwatch.model.metric import Keys, Samples

if TYPE_CHECKING:
    from streamwatch.export.remote_write.queue_keeper import QueueKeeper
    from streamwatch.export.remote_write.sender import Sender
    from streamwatch.sources.aws.sign import Signer

_FORBIDDEN: Final = 403
"""AWS's answer to expired credentials, and to unknown ones."""


class RemoteWriteService:
    """Sends the samples of now to every receiver, from ``take`` to ``stop``."""

    def __init__(self, schedule: Schedule, clock: Clock, now: Callable[[], Sequence[Samples]]) -> None:
        """Begin without receivers.

        Args:
            schedule: when samples are taken.
            clock: what time it is.
            now: gives all samples that are true now.

        """
        self._schedule, self._clock, self._now = schedule, clock, now
        self._senders: dict[str, Sender] = {}
        self._receivers: dict[str, _Receiver] = {}
        self._keepers: dict[str, QueueKeeper] = {}
        """Of the receivers whose queue is on disk, too."""

    def take(self, configs: Sequence[Config], labels: Mapping[str, str], state: Path | None = None) -> None:
        """Send to these receivers from now on; those that stay as they are keep what waits, but not AWS's credentials.

        Args:
            configs: the receivers.
            labels: what every series gets that has none of that name.
            state: the state file, beside which what waits is kept; without one, it is in memory only.

        """
        wanted = {config.name: config for config in configs}
        for name, sender in list(self._senders.items()):
            if wanted.get(name) != sender.config:
                self._end(name, 1.0)
        for name, config in wanted.items():
            if name in self._senders:
                self._receivers[name].renew()
            else:
                self._begin(config, labels, state)

    def stop(self, timeout_seconds: float) -> None:
        """Send what waits, as far as that goes; write down the rest."""
        for sender in self._senders.values():
            sender.stop(timeout_seconds / 2 / len(self._senders))
        for keeper in self._keepers.values():
            keeper.stop(timeout_seconds / 2 / len(self._keepers))

    def collect(self) -> list[Samples]:
        """Return what there is to say about receivers."""
        if not self._senders:
            return []
        names, senders = list(self._senders), list(self._senders.values())
        keys = Keys(c.RECEIVER, [(name,) for name in names])
        waiting = [sender.waiting() for sender in senders]
        counts = [sender.counts for sender in senders]
        outcomes = [(name, what) for name in names for what in ("sent", "refused", "dropped")]
        totals = [float(value) for count in counts for value in (count.sent, count.refused, count.dropped)]
        return [
            c.REMOTE_SAMPLES.samples(Keys(c.REMOTE_SAMPLES.labels, outcomes), np.array(totals)),
            c.REMOTE_FAILURES.samples(keys, np.array([float(count.failures) for count in counts])),
            c.REMOTE_WAITING.samples(keys, np.array([float(count) for count, _ in waiting])),
            c.REMOTE_LATE.samples(keys, np.array([seconds for _, seconds in waiting])),
            *self._of_files(),
        ]

    def _of_files(self) -> list[Samples]:
        known = {name: found for name, one in list(self._keepers.items()) if (found := one.figures()) is not None}
        if not known:
            return []
        keys, figures = Keys(c.RECEIVER, [(name,) for name in known]), np.array(list(known.values())).T
        metrics = (c.REMOTE_FILE_BYTES, c.REMOTE_FILE_UP, c.REMOTE_UNWRITTEN)
        return [metric.samples(keys, np.array(column)) for metric, column in zip(metrics, figures, strict=True)]

    def _offer(self, sender: "Sender") -> None:
        sender.offer(self._clock.now(), self._now())

    def _begin(self, config: Config, labels: Mapping[str, str], state: Path | None) -> None:
        # Only who has receivers pays for queues and their files.
        from streamwatch.export.remote_write.queue_keeper import QueueKeeper, queue_path  # noqa: PLC0415
        from streamwatch.export.remote_write.sender import Sender  # noqa: PLC0415

        name, restores = config.name, state is not None and config.queue_file > 0
        receiver = self._receivers[name] = _Receiver(config, self._clock)
        rng = random.Random()  # noqa: S311 - it spreads attempts
        sender = self._senders[name] = Sender(config, labels, receiver.post, self._clock, rng, restores=restores)
        sender.start()
        if state is not None and restores:
            path = queue_path(state, name)
            keeper = self._keepers[name] = QueueKeeper(sender, path, config.queue_file, self._clock)
            keeper.start()
        self._schedule.add(Job(f"remote_write/{name}", config.interval, partial(self._offer, sender)))

    def _end(self, name: str, timeout_seconds: float) -> None:
        self._schedule.remove(f"remote_write/{name}", timeout_seconds=timeout_seconds)
        self._senders.pop(name).stop(timeout_seconds)
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            keeper.stop(timeout_seconds)
        del self._receivers[name]


class _Receiver:
    """Sends requests to a receiver, and says who asks."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._web, self._url = HttpClient(config.http, clock), config.url.reveal()
        self._secrets = [one for one in (config.password, config.token) if one is not None]
        headers = dict(config.headers)
        if config.username is not None and config.password is not None:
            headers["Authorization"] = basic(config.username, config.password.reveal())
        if config.token is not None:
            headers["Authorization"] = f"Bearer {config.token.reveal()}"
        self._headers = headers | {"User-Agent": "StreamWatch"}
        self._signer = None if config.sigv4 is None else _signer(config.sigv4, clock)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Send a body, and return the headers of the answer.

        Raises:
            NotifyError: it was not taken; where AWS does not take a signature, other credentials may follow.

        """
        every = {**self._headers, **headers}
        if self._signer is None:
            return self._web.request("POST", self._url, body, every, self._secrets)
        try:
            return self._web.request("POST", self._url, body, self._signer.sign(self._url, body, every), self._secrets)
        except NotifyRefused as error:
            if error.status != _FORBIDDEN:
                raise
            self._signer.refused()
            raise NotifyUnavailable(str(error), reached=True) from error

    def renew(self) -> None:
        """Resolve AWS's credentials anew at the next request."""
        if self._signer is not None:
            self._signer.renew()


def _signer(config: SigV4, clock: Clock) -> "Signer":
    from streamwatch.sources.aws.sign import Signer  # noqa: PLC0415 - boto3 takes 0.3 s and 40 MB

    return Signer(config.access, config.service, config.region, clock)

"""Remote write, wired: senders, the jobs that feed them, and what there is to say about them."""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from streamwatch.catalogue import remote_write as c
from streamwatch.clock import Clock
from streamwatch.export.remote_write.config import Config
from streamwatch.export.remote_write.sender import Sender
from streamwatch.model.metric import Keys, Samples
from streamwatch.schedule import Job, Schedule
from streamwatch.web import Web, basic

Post = Callable[[bytes, Mapping[str, str]], Mapping[str, str]]


class Remoting:
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

    def take(self, configs: Sequence[Config], labels: Mapping[str, str]) -> None:
        """Send to these receivers from now on; those that stay as they are keep what waits.

        Args:
            configs: the receivers.
            labels: what every series gets that has none of that name.

        """
        wanted = {one.name: one for one in configs}
        for name, sender in list(self._senders.items()):
            if wanted.get(name) != sender.config:
                self._end(name, 1.0)
        for name, config in wanted.items():
            if name not in self._senders:
                sender = Sender(config, labels, _post(config, self._clock), self._clock, random.Random())  # noqa: S311
                self._senders[name] = sender
                sender.start()
                self._schedule.add(Job(f"remote_write/{name}", config.interval, partial(self._offer, sender)))

    def stop(self, timeout_seconds: float) -> None:
        """Send what waits, as far as that goes."""
        for sender in self._senders.values():
            sender.stop(timeout_seconds / len(self._senders))

    def samples(self) -> list[Samples]:
        """Return what there is to say about receivers."""
        if not self._senders:
            return []
        names, senders = list(self._senders), list(self._senders.values())
        keys = Keys(c.RECEIVER, [(name,) for name in names])
        waiting = [one.waiting() for one in senders]
        counts = [one.counts for one in senders]
        outcomes = [(name, what) for name in names for what in ("sent", "refused", "dropped")]
        totals = [float(value) for one in counts for value in (one.sent, one.refused, one.dropped)]
        return [
            c.REMOTE_SAMPLES.samples(Keys(c.REMOTE_SAMPLES.labels, outcomes), np.array(totals)),
            c.REMOTE_FAILURES.samples(keys, np.array([float(one.failures) for one in counts])),
            c.REMOTE_WAITING.samples(keys, np.array([float(count) for count, _ in waiting])),
            c.REMOTE_LATE.samples(keys, np.array([seconds for _, seconds in waiting])),
        ]

    def _offer(self, sender: Sender) -> None:
        sender.offer(self._clock.now(), self._now())

    def _end(self, name: str, timeout_seconds: float) -> None:
        self._schedule.remove(f"remote_write/{name}", timeout_seconds=timeout_seconds)
        self._senders.pop(name).stop(timeout_seconds)


def _post(config: Config, clock: Clock) -> Post:
    """Return what sends a request to a receiver."""
    web, url = Web(config.http, clock), config.url.reveal()
    own = dict(one.split(":", 1) for one in config.headers)
    secrets = [one for one in (config.password, config.token) if one is not None]
    if config.username is not None and config.password is not None:
        own["Authorization"] = basic(config.username, config.password.reveal())
    if config.token is not None:
        own["Authorization"] = f"Bearer {config.token.reveal()}"
    own = {name: value.strip() for name, value in own.items()} | {"User-Agent": "StreamWatch"}
    sign: Callable[[str, bytes, Mapping[str, str]], Mapping[str, str]] = lambda _, __, headers: headers  # noqa: E731
    if config.sigv4 is not None:
        from streamwatch.sources.aws.sign import Signer  # noqa: PLC0415 - boto3 takes 0.3 s and 40 MB

        sign = Signer(config.sigv4.access, config.sigv4.service, config.sigv4.region, clock).sign

    def post(body: bytes, headers: Mapping[str, str]) -> Mapping[str, str]:
        return web.request("POST", url, body, sign(url, body, {**own, **headers}), secrets)

    return post

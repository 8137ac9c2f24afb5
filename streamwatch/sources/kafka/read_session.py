"""What one read asks of brokers, and what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import TypeVar

from streamwatch.core.errors import SourceError, SourceMisread, SourceUnavailable
from streamwatch.model.snapshot import Problem
from streamwatch.sources.kafka.apis import UNDECODABLE, KafkaApi
from streamwatch.sources.kafka.broker_connection import BrokerConnection
from streamwatch.sources.kafka.config import Config
from streamwatch.sources.kafka.problems import OverBudget
from streamwatch.sources.kafka.request_stats import RequestStats
from streamwatch.sources.log import logger

log = logger(__name__)

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class ReadSession:
    """Asks brokers within one read's deadline and budget, and notes what goes wrong."""

    def __init__(self, config: Config, stats: RequestStats) -> None:
        self.problems: list[Problem] = []
        self._config = config
        self._stats = stats
        self._ends_at = asyncio.get_running_loop().time() + config.read_seconds
        self._budget = config.max_requests

    def left(self) -> float:
        """Return how many seconds this read still has."""
        return self._ends_at - asyncio.get_running_loop().time()

    async def ask(self, connection: BrokerConnection, api: KafkaApi, body: bytes) -> bytes:
        """Ask one broker once; the version is the one negotiated with it.

        Raises:
            SourceUnsupported: the broker does not offer it.
            SourceError: no answer, or none allowed any more.

        """
        version = connection.version(api)
        if self._config.max_requests:
            if self._budget <= 0:
                raise OverBudget(f"max_requests ({self._config.max_requests}) reached before {api.name}")
            self._budget -= 1
        wait = min(self.left(), self._config.request_timeout)
        if wait <= 0:
            raise SourceUnavailable(f"the read's deadline ({self._config.read_seconds:g}s) came before {api.name}")
        return await connection.ask(api, version, body, wait)

    async def all(
        self, calls: Mapping[Key, Awaitable[Answer]], failed: Callable[[Key, SourceError], Problem]
    ) -> dict[Key, Answer]:
        """Wait for many calls at once; return the answers of those that gave one, note a problem for each other."""
        results = await asyncio.gather(*calls.values(), return_exceptions=True)
        answers: dict[Key, Answer] = {}
        for key, result in zip(calls, results, strict=True):
            if isinstance(result, SourceError):
                self.problems.append(failed(key, result))
            elif isinstance(result, UNDECODABLE):
                # An answer that decodes to what cannot be, such as a list that is null; or a bug of ours: log it.
                log.error("answer not understood", exc_info=result)
                self.problems.append(failed(key, SourceMisread(f"not understood: {result!r}")))
            elif isinstance(result, BaseException):
                raise result
            else:
                answers[key] = result
        return answers

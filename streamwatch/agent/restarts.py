"""``/api/v1/may-restart`` of a running agent: answered from the last reads; a newer one is brought forward."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from streamwatch.agent.target_runner import TargetRunner
from streamwatch.collectors.outlook.reader import may_restart_reader, named
from streamwatch.collectors.outlook.restart import BrokerQuestion, may_restart_broker
from streamwatch.collectors.outlook.verdict import LastRead, Verdict
from streamwatch.core.clock import Clock
from streamwatch.export.json_answer import bad_data
from streamwatch.export.restart_api import RestartQuestion, answered, question_of
from streamwatch.http.message import Request, Response
from streamwatch.sources.cluster_config import ClusterConfig

_WAKE_SECONDS: Final = 2.0
"""Whoever asks again and again has a source read no more often than this."""


class Restarts:
    """Answers. May be used from any thread."""

    def __init__(self, clock: Clock, wake: Callable[[str], None]) -> None:
        """Begin.

        Args:
            clock: what time it is.
            wake: brings the next read of a source forward.

        """
        self._clock, self._wake = clock, wake
        self._lock = threading.Lock()
        self._woken: dict[str, float] = {}

    def answer(self, request: Request, runners: Sequence[TargetRunner]) -> Response:
        """Answer a request."""
        try:
            question = question_of(request.query)
            if question.broker is None:
                found = self._of_reader(question, runners)
            else:
                found = self._of_broker(question.broker, question, runners)
        except ValueError as error:
            return bad_data(error)
        return answered(found, self._clock.now())

    def _of_broker(self, broker: int, question: RestartQuestion, runners: Sequence[TargetRunner]) -> Verdict:
        main = _cluster(question.cluster, runners)
        msk = next((one for one in runners if one.kind == "cloudwatch" and one.config is main.config), None)
        self._renew(question, (main,))
        asked = BrokerQuestion(broker=broker, margin=question.margin, after=question.after)
        return may_restart_broker(asked, _last(main), None if msk is None else _last(msk), self._clock.now())

    def _of_reader(self, question: RestartQuestion, runners: Sequence[TargetRunner]) -> Verdict:
        some = [
            one
            for one in runners
            if one.kind not in {"probe", "pages", "topics", "cloudwatch", "kinesis", "connect"}
            and question.cluster in {None, one.config.name}
        ]
        name = question.reader or ""
        self._renew(question, [one for one in some if any(True for _ in named(name, one.last))])
        return may_restart_reader(name, [_last(one) for one in some], self._clock.now(), question.after)

    def _renew(self, question: RestartQuestion, runners: Sequence[TargetRunner]) -> None:
        """Have sources read now whose last read began before the question's time."""
        now = self._clock.monotonic()
        for runner in runners:
            if runner.last is not None and runner.last.taken_at >= question.after:
                continue
            with self._lock:
                is_due = now - self._woken.get(runner.name, -_WAKE_SECONDS) >= _WAKE_SECONDS
                if is_due:
                    self._woken[runner.name] = now
            if is_due:
                self._wake(runner.name)


def _cluster(name: str | None, runners: Sequence[TargetRunner]) -> TargetRunner:
    """Return the source that knows a cluster best.

    Raises:
        ValueError: there is none of this name, or no name and several clusters.

    """
    clusters: dict[str, TargetRunner] = {}
    for runner in runners:
        if isinstance(runner.config, ClusterConfig) and runner.kind in {"kafka", "topics"}:
            clusters.setdefault(runner.config.name, runner)
    if name is None and len(clusters) == 1:
        return next(iter(clusters.values()))
    if name is None or name not in clusters:
        shown = ", ".join(sorted(clusters)) or "none"
        raise ValueError(f"cluster: {'which one?' if name is None else repr(name[:80])}: there are: {shown}")
    return clusters[name]


def _last(runner: TargetRunner) -> LastRead:
    return LastRead(source=runner.name, snapshot=runner.last, interval=runner.interval)

"""Plays a scenario against a running reference cluster and its load."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.scenarios import Scenario, Step

_END_SECONDS = 10.0


class LoadProcess:
    """The load on a cluster, in a process of its own, as a context manager."""

    def __init__(self, bootstrap: str, rate: float = 50.0) -> None:
        self._command = [sys.executable, "-m", "streamwatch.reference.load", bootstrap, "--rate", str(rate)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, text=True, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None:
            return
        try:
            self._process.communicate(timeout=_END_SECONDS)  # the end of its input is the order to end
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def order(self, step: Step) -> None:
        """Pass an order on."""
        if self._process is None or self._process.stdin is None or self._process.poll() is not None:
            raise RuntimeError("load: it has ended: look at what it printed above")
        self._process.stdin.write(json.dumps({"order": step.name, **step.given}) + "\n")
        self._process.stdin.flush()


def play(
    scenario: Scenario,
    kafka: ReferenceKafka,
    load: LoadProcess,
    tell: Callable[[Step], None],
    ended: threading.Event,
) -> None:
    """Let everything happen at its time; return after the last step, or as soon as ``ended`` is set."""
    clock = kafka.site.clock
    began = clock()
    for step in scenario.steps:
        if ended.wait(max(0.0, began + step.at - clock())):
            return
        tell(step)
        do(step, kafka, load)
    ended.wait(max(0.0, began + scenario.seconds - clock()))


def do(step: Step, kafka: ReferenceKafka, load: LoadProcess) -> None:
    """Do one step."""
    if step.on == "load":
        load.order(step)
    else:
        kafka.do(lambda site, now: faults.apply(site, now, step.name, step.given))

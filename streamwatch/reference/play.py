"""Plays a scenario against what runs, and its load."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from streamwatch.reference.aws import faults as cloud_faults
from streamwatch.reference.kafka import faults
from streamwatch.reference.scenarios import SCENARIOS, Scenario, ScenarioStep
from streamwatch.reference.stream_scenarios import STREAM_SCENARIOS

if TYPE_CHECKING:  # each server brings a large library, and a story needs one of them
    from streamwatch.reference.aws.server import ReferenceAws
    from streamwatch.reference.kafka.server import ReferenceKafka

_END_SECONDS = 10.0
ALL: Final[Mapping[str, Scenario]] = {**SCENARIOS, **STREAM_SCENARIOS}
"""Every story, by name."""

Perform = Callable[[ScenarioStep], None]


class LoadProcess:
    """The load, in a process of its own, as a context manager."""

    def __init__(self, address: str, rate: float = 50.0, module: str = "load", *, niceness: int = 0) -> None:
        """Prepare it.

        Args:
            address: bootstrap servers, or an endpoint URL.
            rate: records a second and topic or stream.
            module: ``load`` for a Kafka cluster, ``streams_load`` for Kinesis.
            niceness: how far it gives way to others.

        """
        options = ["--rate", str(rate), "--nice", str(niceness)]
        self._command = [sys.executable, "-m", f"streamwatch.reference.{module}", address, *options]
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

    def order(self, step: ScenarioStep) -> None:
        """Pass an order on."""
        if self._process is None or self._process.stdin is None or self._process.poll() is not None:
            raise RuntimeError("load: it has ended: look at what it printed above")
        self._process.stdin.write(json.dumps({"order": step.name, **step.parameters}) + "\n")
        self._process.stdin.flush()


def on_kafka(kafka: "ReferenceKafka") -> Perform:
    """Return what breaks a cluster."""
    return lambda step: kafka.do(lambda site, now: faults.apply(site, now, step.name, step.parameters))


def on_aws(aws: "ReferenceAws") -> Perform:
    """Return what breaks a cloud."""
    return lambda step: aws.do(lambda cloud, now: cloud_faults.apply(cloud, now, step.name, step.parameters))


def play(
    scenario: Scenario,
    performers: Mapping[str, Perform],
    clock: Callable[[], float],
    announce: Callable[[ScenarioStep], None],
    ended: threading.Event,
) -> None:
    """Let everything happen at its time; return after the last step, or as soon as ``ended`` is set.

    Args:
        scenario: the story.
        performers: what does the steps, by what they are on.
        clock: seconds.
        announce: takes each step that has an announcement, before it happens.
        ended: ends it.

    """
    began = clock()
    for step in scenario.steps:
        if ended.wait(max(0.0, began + step.at - clock())):
            return
        if step.announcement:
            announce(step)
        performers[step.on](step)
    ended.wait(max(0.0, began + scenario.seconds - clock()))

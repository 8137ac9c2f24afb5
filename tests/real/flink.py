"""Real Apache Flink: one job in a process of its own, and what Flink itself says of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real.amazon import compiled
from tests.real.artefacts import flink_libs
from tests.real.processes import Server
from tests.waiting import wait_for

_OPENS: Final = tuple(
    f"--add-opens=java.base/{name}=ALL-UNNAMED"
    for name in ("java.lang", "java.lang.reflect", "java.util", "java.util.concurrent", "java.time")
)
_REPORTERS: Final = "META-INF/services/org.apache.flink.metrics.reporter.MetricReporterFactory"
_START_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class FlinkNumber:
    """One of Flink's metrics at one moment."""

    at: float
    name: str
    value: float
    scope: str


class FlinkJob:
    """A job; it runs while the context is entered."""

    def __init__(self, command: list[str], log: Path, checkpoints: Path) -> None:
        self.server = Server("Flink", command, log)
        self.checkpoints = checkpoints

    def said(self, word: str) -> list[list[str]]:
        """The lines that begin with a word, in order, split."""
        if not self.server.log.exists():
            return []
        whole = self.server.log.read_text(errors="replace").rpartition("\n")[0]
        return [fields for line in whole.splitlines() if (fields := line.split()) and fields[0] == word]

    def numbers(self, name: str, since: float = 0.0) -> list[FlinkNumber]:
        """What it said of a metric of its own, in order."""
        found = [
            FlinkNumber(int(at) / 1000, own, float(value), scope)
            for _, at, own, value, scope in self.said("metric")
            if own == name
        ]
        return [one for one in found if one.at >= since]

    def statuses(self, since: float = 0.0) -> list[str]:
        """The job's status, once a second."""
        return [status for _, at, status in self.said("status") if int(at) / 1000 >= since]

    def handled(self) -> list[str]:
        """The values that it has done its work with, in order, each as often as it did."""
        return [value for _, _, value in self.said("done")]

    def stop(self) -> str:
        """Stop it with a savepoint, and return where that is."""
        (self.checkpoints / "stop").touch()
        wait_for(
            lambda: self.said("savepoint") and not self.server.running, _START_SECONDS, "it stops with a savepoint"
        )
        (self.checkpoints / "stop").unlink()
        return self.said("savepoint")[-1][1]


class Flink:
    """One version of Flink, with the job of the tests."""

    def __init__(self, version: str, folder: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=f"flink-{version}-", dir=folder))
        libs = flink_libs(version)
        sources = ["FlinkJob.java", *(["FlinkKinesis.java"] if any(libs.glob("flink-connector-kinesis-*")) else [])]
        java, *rest = compiled(libs, self._folder, *sources)
        self._command = [java, *_OPENS, *rest[:-2], "-Xmx600m", *rest[-2:], "FlinkJob"]
        reporters = self._folder / _REPORTERS
        reporters.parent.mkdir(parents=True)
        reporters.write_text("FlinkJob$Reporter\n")
        self._starts = 0

    @contextmanager
    def job(self, kind: str, where: str, what: str, savepoint: str = "") -> Iterator[FlinkJob]:
        """Run a job on a stream (``kinesis``) or a topic (``kafka``), perhaps from a savepoint, until it works."""
        self._starts += 1
        checkpoints = self._folder / f"{what}-checkpoints"
        checkpoints.mkdir(exist_ok=True)
        order = [kind, where, what, str(checkpoints), *([savepoint] if savepoint else [])]
        job = FlinkJob([*self._command, *order], self._folder / f"{what}-{self._starts}.log", checkpoints)
        job.server.start()
        try:
            wait_for(lambda: "RUNNING" in job.statuses(), _START_SECONDS, "the job runs")
            yield job
        finally:
            job.server.kill()

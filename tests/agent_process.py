"""The agent in a process of its own, as a user runs it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

COMMAND = (sys.executable, "-m", "streamwatch")

Labels = frozenset[tuple[str, str]]


@dataclass
class Agent:
    """A running agent, and where it listens."""

    process: subprocess.Popen[str]
    address: str

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def page(self) -> str:
        return self.get("/metrics")[1]

    def samples(self) -> dict[tuple[str, Labels], float]:
        """Return the page's samples by name and labels."""
        families = text_string_to_metric_families(self.page())
        return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def value(self, name: str, **labels: str) -> float | None:
        """Return one sample; the labels given must be among its own."""
        wanted = labels.items()
        return next((v for (n, found), v in self.samples().items() if n == name and found >= wanted), None)

    def cpu_seconds(self) -> float:
        """Return what the process has used of the processors."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / 100

    def resident_mb(self) -> float:
        """Return the most memory that the process has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def agent(*args: str, before: tuple[str, ...] = ()) -> Iterator[Agent]:
    """Run the agent with these arguments; it listens when this returns, and is dead when it ends.

    Args:
        *args: what follows ``run``.
        before: a command that runs it, such as ``nice``.

    """
    command = [*before, *COMMAND, "run", *args]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("serving http://"), line + process.stderr.read()
        yield Agent(process, line.removeprefix("serving http://").removesuffix("/metrics\n"))
    finally:
        process.kill()
        process.communicate()


def config_file(folder: Path, bootstrap: str, **settings: Any) -> str:
    """Write a configuration of one cluster called ``real``; return the file's path."""
    lines = [f"    {key}: {value}" for key, value in settings.items()]
    servers = ", ".join(f"'{one}'" for one in bootstrap.split(","))
    text = ["kafka:", "  - name: real", f"    bootstrap: [{servers}]", *lines, "listen: {address: '127.0.0.1:0'}", ""]
    file = folder / "agent.yaml"
    file.write_text("\n".join(text))
    return str(file)

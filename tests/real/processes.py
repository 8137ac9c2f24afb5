"""Servers of our own: their ports, their processes, and waiting for what they do."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_TAIL: Final = 40
"""Lines of a log that an error shows."""


def free_ports(count: int) -> list[int]:
    """Different ports, chosen by the system.

    Linux hands out odd ports here and even ones to outgoing connections, so that a server that was killed finds
    its port free again. Each worker of pytest-xdist takes ports of its own: what another chose is not bound yet.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ours: list[int] = []
    with ExitStack() as held:
        while len(ours) < count:
            port: int = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            if port // 2 % workers == worker % workers:
                ours.append(port)
    return ours


@cache
def _starter() -> ThreadPoolExecutor:
    """The one thread that starts processes: what PDEATHSIG is bound to is the thread, and this one stays."""
    return ThreadPoolExecutor(1, thread_name_prefix="starter")


def _bound_to_us(command: Sequence[str]) -> list[str]:
    """The command, to be killed by the kernel when this process ends, however it ends."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return list(command)
    # Between the fork and setpriv's work this process may have ended already: then nothing is left to start.
    guard = f'[ "$PPID" = {os.getpid()} ] && exec "$@"'
    return [setpriv, "--pdeathsig", "KILL", "--", "sh", "-c", guard, "sh", *command]


class Server:
    """A process that can be killed, paused and started again; its output goes to a file."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.paused = False
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the process, which must have been started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, paused or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def answering(self) -> bool:
        """Whether the process is there and not paused."""
        return self.running and not self.paused

    def start(self) -> None:
        """Start the process; the log goes on where it was."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        self.paused = False
        self._process = _starter().submit(self._popen).result()

    def _popen(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = _bound_to_us(self._command)
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """Kill it at once (SIGKILL), and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.paused = False

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end (SIGTERM), and kill it when it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """Freeze it: its sockets stay open and nobody answers (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)
        # The kernel stops a process thread by thread: until the last one stands still, it may answer.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self.paused = True

    def resume(self) -> None:
        """Let a frozen one go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def tail(self) -> str:
        """The end of its log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"--- {self.name}: the end of its log", *lines[-_TAIL:]])

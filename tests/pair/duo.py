"""Two agents as processes, with a link between all parts that can be cut, and what becomes of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from tests.pair.home import LyingHome, Pager, serving
from tests.pair.lease.kube import TOKEN
from tests.pair.links import Link, Loop
from tests.real.processes import free_ports
from tests.waiting import wait_for

Who = Literal["a", "b"]
BOTH: Final[tuple[Who, Who]] = ("a", "b")
SECONDS: Final = 3.0
"""How long the lease is valid; of peers, how long one that is not heard counts as living."""


_ONE_BY_ONE: Final = threading.Lock()
"""A port that was free is not bound before its agent listens: a link of another pair could take it meanwhile."""


@dataclass
class Member:
    """One agent: its process, and what it is told."""

    name: Who
    folder: Path
    port: int
    links: dict[str, Link]
    firing: set[str] = field(default_factory=set)
    ahead: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    is_stopped: bool = False
    began_at: float = 0.0

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def write(self) -> None:
        said = {
            "name": self.name,
            "port": self.port,
            "ahead": self.ahead,
            "firing": sorted(self.firing),
            "seconds": SECONDS,
            "state": str(self.folder / f"{self.name}.db"),
            "token": str(self.folder / "token"),
            "home": f"http://127.0.0.1:{self.links['home'].port}/home/{self.name}",
            "peer": f"http://127.0.0.1:{self.links['peer'].port}",
            "receiver": f"http://127.0.0.1:{self.links['pager'].port}/page/{self.name}",
        }
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(said))
        new.replace(self.file)

    def start(self) -> None:
        self.write()
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.pair.member", str(self.file)]
            self.process = subprocess.Popen(command, stderr=log)
        self.began_at = time.monotonic()

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.is_stopped = False

    def signal(self, *, stop: bool) -> None:
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGSTOP if stop else signal.SIGCONT)
            self.is_stopped = stop

    @property
    def lives(self) -> bool:
        return self.process is not None and not self.is_stopped


@dataclass
class Duo:
    """Two of them, their lease's home, and the service that is paged."""

    home: LyingHome
    pager: Pager
    members: dict[Who, Member]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def holder(self) -> Who | None:
        """Who holds the lease, as its home has it."""
        found = self.home.truth.leases.get("streamwatch")
        holder = found["spec"]["holderIdentity"] if found else ""
        return "a" if holder == "a" else "b" if holder == "b" else None

    def are_up(self) -> bool:
        """Whether both listen.

        Raises:
            RuntimeError: one has ended by itself: who listens at its port is somebody else.

        """
        for member in self.members.values():
            if member.process is not None and member.process.poll() is not None:
                raise RuntimeError(f"{member.name} ended by itself:\n{member.log.read_text()[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", member.port), 1.0).close()
            except OSError:
                return False
        return self.holder() is not None

    def heal(self) -> None:
        """Put everything back."""
        self.home.lie = ""
        for member in self.members.values():
            for link in member.links.values():
                link.is_cut = link.refuses = False
            if member.is_stopped:
                member.signal(stop=False)
            if member.process is None:
                member.start()


@contextmanager
def duo(folder: Path, loop: Loop) -> Iterator[Duo]:
    """Start two agents, and stop them at the end."""
    (folder / "token").write_text(TOKEN)
    home, pager = LyingHome(), Pager()
    with ExitStack() as stack:
        with _ONE_BY_ONE:
            found = _started(stack, folder, loop, home, pager)
            wait_for(found.are_up, 60, "both listen")
        yield found


def _started(stack: ExitStack, folder: Path, loop: Loop, home: LyingHome, pager: Pager) -> Duo:
    port = stack.enter_context(serving(home, pager))
    ports = dict(zip(BOTH, free_ports(2), strict=True))
    others: dict[Who, Who] = {"a": "b", "b": "a"}
    members = {
        who: Member(
            who,
            folder,
            ports[who],
            {"home": Link(loop, port), "pager": Link(loop, port), "peer": Link(loop, ports[others[who]])},
        )
        for who in BOTH
    }
    for member in members.values():
        member.start()
        stack.callback(member.kill)
    return Duo(home, pager, members)

"""A real PostgreSQL on 127.0.0.1 with logical replication, as a user who is not root; its processes can be frozen."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.real.artefacts import postgres, program
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

_SECONDS: Final = 60.0
_SETTINGS: Final = (
    "wal_level=logical",
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_memory_type=mmap",
    "fsync=off",
    "jit=off",
    "max_connections=30",
)


class Postgres:
    """One server as a context manager; anybody may log in as ``postgres``."""

    def __init__(self) -> None:
        self._programs = postgres()
        self.folder = Path(tempfile.mkdtemp(prefix="streamwatch-postgres-"))
        self._data = self.folder / "data"
        (self.port,) = free_ports(1)
        settings = [part for one in (*_SETTINGS, f"port={self.port}") for part in ("-c", one)]
        command = [*self._as_nobody(), self._program("postgres"), "-D", str(self._data), *settings]
        self.server = Server("postgres", command, self.folder / "log")
        self._frozen = set[int]()

    def __enter__(self) -> Self:
        try:
            if os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            make = (self._program("initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
            self._run(*self._as_nobody(), *make)
            self.server.start()
            wait_for(self._answers, _SECONDS, "PostgreSQL answers")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let what is frozen go on, end the server at once, and remove its files."""
        for pid in tuple(self._frozen):
            self.thaw(pid)
        if self.server.paused:
            self.server.resume()
        if self.server.running:
            os.kill(self.server.pid, signal.SIGQUIT)  # the immediate shutdown: its processes end, too
            wait_for(lambda: not self.server.running, _SECONDS, "PostgreSQL has ended")
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text: str) -> str:
        """What a statement answers, a line a row."""
        login = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres")
        return self._run(self._program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", *login, "-c", text)

    def sender(self, slot: str) -> int | None:
        """The process that sends the log to the slot's reader; None where nobody reads."""
        rows = self.sql("SELECT slot_name, active_pid FROM pg_replication_slots").splitlines()
        pids = dict(row.split("|") for row in rows)
        return int(pids[slot]) if pids.get(slot) else None

    def hold(self, slot: str) -> Server:
        """Read a slot that nobody reads, so that nobody else can; the caller ends it."""
        login = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", "postgres")
        options = ("-o", "proto_version=1", "-o", "publication_names=dbz_publication")
        command = [*self._env(), self._program("pg_recvlogical"), *login, "--slot", slot, "--start", *options]
        reader = Server("pg_recvlogical", [*command, "-f", "/dev/null"], self.folder / "recvlogical.log")
        reader.start()
        return reader

    def freeze(self, pid: int) -> None:
        """Stop one of its processes (SIGSTOP); its connections stay open."""
        os.kill(pid, signal.SIGSTOP)
        self._frozen.add(pid)

    def freeze_all(self) -> None:
        """Stop the server and all its processes: connections stay open, are taken, and nobody answers."""
        self.server.pause()  # first: it makes no others then
        for pid in Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split():
            self.freeze(int(pid))

    def thaw(self, pid: int) -> None:
        """Let it go on."""
        self._frozen.discard(pid)
        os.kill(pid, signal.SIGCONT)

    def _answers(self) -> bool:
        if not self.server.running:
            raise RuntimeError(self.server.tail())
        try:
            return self.sql("SELECT 1") == "1"
        except RuntimeError:
            return False

    def _program(self, name: str) -> str:
        return str(next(self._programs.glob(f"usr/lib/postgresql/*/bin/{name}")))

    def _env(self) -> tuple[str, ...]:
        """The libraries that came with it; the system's own come first where there are any."""
        folders = ":".join(str(one) for one in self._programs.glob("usr/lib/*-linux-gnu"))
        return (program("env"), f"LD_LIBRARY_PATH={folders}")

    def _as_nobody(self) -> tuple[str, ...]:
        """PostgreSQL refuses root; a change of user would undo that its process is bound to ours."""
        if os.geteuid() != 0:
            return self._env()
        nobody = pwd.getpwnam("nobody")
        who = (f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
        return (*self._env(), program("setpriv"), *who, "--pdeathsig=KILL", "--")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            [*(self._env() if command[0] != program("env") else ()), *command],
            capture_output=True, text=True, timeout=_SECONDS, check=False, cwd="/",
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command[-1]}: {done.stderr.strip()}")
        return done.stdout.strip()

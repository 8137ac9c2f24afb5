"""Other emulators of Kinesis, as second opinions: moto, kinesis-local (that is kinesis-mock) and kinesalite."""

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.real import artefacts
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

_START_SECONDS: Final = 60.0
_MOTO_KIB: Final = 4 * 2**20
_LOOPBACK: Final = str(Path(__file__).parent / "on_loopback.js")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running one."""

    url: str
    pid: int


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - ours
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def running(name: str, command: list[str], port: int, folder: Path) -> Iterator[Emulator]:
    """Run a server until the end, from its first answer on."""
    server = Server(name, command, folder / f"{name}.log")
    url = f"http://127.0.0.1:{port}"
    server.start()
    try:
        wait_for(lambda: _answers(url) or not server.running, _START_SECONDS, f"{name} answers")
        if not server.running:
            raise artefacts.Unavailable(server.tail())
        yield Emulator(url, server.pid)
    finally:
        server.stop()


def moto(folder: Path) -> AbstractContextManager[Emulator]:
    """Start moto's server, without what its other services would need."""
    python = artefacts.python("moto")
    (port,) = free_ports(1)
    # It keeps everything, and has been seen to take all of a machine's memory.
    limited = ["sh", "-c", f'ulimit -v {_MOTO_KIB}; exec "$@"', "sh"]
    return running("moto", [*limited, str(python), "-m", "moto.server", "-p", str(port)], port, folder)


def kinesis_local(folder: Path) -> AbstractContextManager[Emulator]:
    """Start kinesis-local, the npm package of kinesis-mock."""
    home = artefacts.node_modules("kinesis-local") / "kinesis-local"
    port, tls = free_ports(2)
    times = [f"{name}_DURATION=50ms" for name in ("CREATE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")]
    settings = [
        f"KINESIS_MOCK_PLAIN_PORT={port}",
        f"KINESIS_MOCK_TLS_PORT={tls}",
        "LOG_LEVEL=ERROR",
        "SHARD_LIMIT=1000",
        *times,
    ]
    command = ["env", "-C", str(home), *settings, artefacts.program("node"), _LOOPBACK, str(home / "main.js")]
    return running("kinesis-local", command, port, folder)


def kinesalite(folder: Path) -> AbstractContextManager[Emulator]:
    """Start kinesalite: old, but made by comparing with AWS."""
    home = artefacts.node_modules("kinesalite") / "kinesalite"
    (port,) = free_ports(1)
    times = ["--createStreamMs", "50", "--updateStreamMs", "50", "--shardLimit", "1000"]
    command = [artefacts.program("node"), _LOOPBACK, str(home / "cli.js"), "--port", str(port), *times]
    return running("kinesalite", command, port, folder)


EMULATORS: Final[Mapping[str, Callable[[Path], AbstractContextManager[Emulator]]]] = {
    "kinesis-local": kinesis_local,
    "kinesalite": kinesalite,
    "moto": moto,
}

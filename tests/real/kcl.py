"""The Kinesis Client Library on a reference stream, its leases in DynamoDB Local."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from tests.real.artefacts import dynamodb_libs, kcl_libs, program
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

_READER: Final = Path(__file__).parent / "java_clients" / "KclReader.java"
_FLAGS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m")
_START_SECONDS: Final = 60


@contextmanager
def dynamodb(folder: Path) -> Iterator[str]:
    """DynamoDB Local, in memory: the table of leases. Its URL."""
    libs, (port,) = dynamodb_libs(), free_ports(1)
    main = "com.amazonaws.services.dynamodbv2.local.main.ServerRunner"
    command = [program("java"), *_FLAGS, f"-Djava.library.path={libs}", "-cp", f"{libs}/*", main]
    server = Server("dynamodb", [*command, "-inMemory", "-port", str(port)], folder / "dynamodb.log")
    server.start()
    try:
        wait_for(lambda: _listens(port), _START_SECONDS, "DynamoDB Local listens")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


class Worker:
    """One process of an application."""

    def __init__(self, version: str, folder: Path, name: str, *given: str) -> None:
        """Prepare it; ``given`` are Kinesis, DynamoDB, stream and application, and the kind of reading."""
        kinesis, leases, stream, application, kind = given
        libs = kcl_libs(version)
        command = [program("java"), *_FLAGS, "-cp", f"{libs}/*", str(_READER), kinesis, leases, stream, application]
        self.server = Server(name, [*command, name, kind], folder / f"{name}.log")

    def lines(self, kind: str) -> list[list[str]]:
        """What it printed of a kind, in words."""
        text = self.server.log.read_text(errors="replace") if self.server.log.exists() else ""
        return [line.split()[1:] for line in text.splitlines() if re.match(rf"{kind} shardId-", line)]

    def leases(self) -> set[str]:
        """The shards that it has now."""
        held: set[str] = set()
        text = self.server.log.read_text(errors="replace") if self.server.log.exists() else ""
        for line in text.splitlines():
            word, _, shard = line.partition(" ")
            if word == "lease":
                held.add(shard)
            elif word in {"lost", "ended"}:
                held.discard(shard)
        return held

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop(5)

    def wait_for_leases(self, shards: set[str]) -> None:
        """Wait until it reads all these shards."""
        self.wait_for(lambda: shards <= self.leases(), f"{len(shards)} leases")

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so; the end of its log says why it is not."""

        def holds() -> bool:
            assert self.server.running, self.server.tail()
            return condition()

        try:
            wait_for(holds, _START_SECONDS, f"{self.server.name} has {what}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.server.tail()}") from None

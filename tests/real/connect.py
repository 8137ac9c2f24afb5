"""Real Kafka Connect on 127.0.0.1: distributed workers of one group, to be killed, paused and asked by tests."""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.real.artefacts import KAFKA_VERSIONS, connect_libs, jmx_agent, program
from tests.real.java import Java, Parts
from tests.real.kafka import KafkaCluster
from tests.real.processes import Server, free_ports
from tests.waiting import wait_for

_MAIN: Final = "org.apache.kafka.connect.cli.ConnectDistributed"
_HEAP: Final = 256
_START_SECONDS: Final = 120.0
_SECONDS: Final = 10.0


class Connect:
    """Some workers as a context manager; they count from 0."""

    def __init__(
        self, cluster: KafkaCluster, folder: Path, workers: int, plugins: Path | None = None, commit_millis: int = 1000
    ) -> None:
        java = Java(Parts(KAFKA_VERSIONS[0], program("java"), connect_libs(), jmx_agent()), folder)
        self.ports = free_ports(workers)
        self.servers = []
        for number, port in enumerate(self.ports):
            file = folder / f"worker-{number}.properties"
            settings = _settings(cluster, port) | {"offset.flush.interval.ms": str(commit_millis)}
            if plugins is not None:
                settings["plugin.path"] = str(plugins.parent)
            file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
            log = folder / f"worker-{number}.log"
            self.servers.append(Server(f"worker {number}", java.node(_MAIN, file, _HEAP), log))

    def __enter__(self) -> Self:
        try:
            for server in self.servers:
                server.start()
            for number in range(len(self.servers)):
                self.wait_until_ready(number)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill every worker."""
        for server in self.servers:
            server.kill()

    def wait_until_ready(self, number: int) -> None:
        """Wait until a worker has joined the others; one that ends meanwhile is an error, with its log."""
        server = self.servers[number]

        def ready() -> bool:
            if not server.running:
                raise RuntimeError(server.tail())
            return self.status(number, "GET", "/connectors") == 200

        try:
            wait_for(ready, _START_SECONDS, f"{server.name} is ready")
        except TimeoutError as late:
            raise RuntimeError(f"{late}\n{server.tail()}") from None

    @property
    def urls(self) -> list[str]:
        """The REST address of each worker."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def put(self, connector: str, settings: Mapping[str, str], number: int = 0) -> None:
        """Make a connector, or change it; while the workers rebalance, again."""
        path = f"/connectors/{connector}/config"
        wait_for(
            lambda: self.status(number, "PUT", path, settings) in {200, 201}, _START_SECONDS, f"{connector} is made"
        )

    def order(self, path: str, number: int = 0) -> None:
        """Pause, resume, stop or restart: a PUT, or a POST for a restart."""
        method = "POST" if "restart" in path else "PUT"
        wait_for(lambda: self.status(number, method, path) in {200, 202, 204}, _START_SECONDS, path)

    def status(self, number: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> int | None:
        """The status of an answer; None where there is none."""
        try:
            return self.ask(number, method, path, body)[0]
        except (OSError, HTTPException):
            return None

    def ask(self, number: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """The status and body of an answer."""
        connection = HTTPConnection("127.0.0.1", self.ports[number], timeout=_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            answer = connection.getresponse()
            raw = answer.read()
            is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
            return answer.status, json.loads(raw) if raw and is_json else None
        finally:
            connection.close()


def _settings(cluster: KafkaCluster, port: int) -> dict[str, str]:
    converter = "org.apache.kafka.connect.storage.StringConverter"
    stores = ("config", "offset", "status")
    return {
        "bootstrap.servers": cluster.bootstrap,
        "group.id": "connect-cluster",
        "key.converter": converter,
        "value.converter": converter,
        **{f"{one}.storage.topic": f"connect-{one}s" for one in stores},
        **{f"{one}.storage.replication.factor": "1" for one in stores},
        "offset.storage.partitions": "1",
        "status.storage.partitions": "1",
        "listeners": f"http://127.0.0.1:{port}",
        "rest.advertised.host.name": "127.0.0.1",
        "rest.advertised.port": str(port),
        "session.timeout.ms": "6000",
        "heartbeat.interval.ms": "1000",
        "scheduled.rebalance.max.delay.ms": "8000",
        "connector.client.config.override.policy": "All",
    }

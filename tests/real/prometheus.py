"""A real Prometheus, from its start to its end."""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.waiting import wait_for

QUICK: Mapping[str, Any] = {"scrape_interval": "1s", "evaluation_interval": "1s"}


def free_port() -> int:
    """A port of loopback at which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def prometheus(
    binary: Path, folder: Path, config: Mapping[str, Any], *flags: str, port: int | None = None
) -> Iterator[str]:
    """Run it with a configuration, its data in a folder; yields its address once it is ready."""
    address = f"127.0.0.1:{free_port() if port is None else port}"
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yml").write_text(json.dumps({"global": QUICK, **config}))
    command = [
        str(binary), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}", "--log.level=error", *flags,
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: _is_ready(address), 60, "Prometheus is ready")
            yield address
        finally:
            process.terminate()


def _is_ready(address: str) -> bool:
    try:
        with closing(urlopen(f"http://{address}/-/ready", timeout=2)) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def asked(address: str, path: str, **parameters: str) -> Any:
    """What its API says; a query that it refuses fails the test with its words."""
    try:
        with closing(urlopen(f"http://{address}/api/v1/{path}?{urlencode(parameters)}", timeout=60)) as answer:
            return json.load(answer)["data"]
    except HTTPError as error:
        raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error


def query(address: str, expr: str) -> list[dict[str, Any]]:
    """What an expression is now."""
    found: list[dict[str, Any]] = asked(address, "query", query=expr)["result"]
    return found

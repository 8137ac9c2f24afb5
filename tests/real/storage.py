"""The files that a node needs before it starts: its properties, and its formatted folder."""

import base64
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.real.java import Java
from tests.real.spec import Spec

_CHECKPOINT = "bootstrap.checkpoint"


def write_properties(file: Path, properties: Mapping[str, str]) -> Path:
    """A Java properties file."""
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    return file


def data_of(folder: Path, node: int) -> Path:
    """Where a node keeps its data."""
    return folder / str(node)


def properties_of(folder: Path, node: int) -> Path:
    """Where the properties of a node are."""
    return folder / f"{node}.properties"


def new_cluster_id() -> str:
    """An id as Kafka makes them."""
    return base64.urlsafe_b64encode(b"\x01" + secrets.token_bytes(15)).decode().rstrip("=")


def format_broker(folder: Path, node: int, cluster_id: str) -> None:
    """What StorageTool writes for a node that has no vote, without a JVM."""
    data = data_of(folder, node)
    data.mkdir()
    meta = {"version": "1", "cluster.id": cluster_id, "node.id": str(node), "directory.id": new_cluster_id()}
    write_properties(data / "meta.properties", meta)


def format_controllers(spec: Spec, folder: Path, cluster_id: str, java: Java) -> None:
    """Format the first one with StorageTool; the others get the same first records, and ids of their own."""
    first, *others = spec.controller_ids
    config = str(properties_of(folder, first))
    java.run_tool("StorageTool", "format", "-t", cluster_id, "-c", config, *_scram_arguments(spec))
    for node in others:
        format_broker(folder, node, cluster_id)
        shutil.copy(data_of(folder, first) / _CHECKPOINT, data_of(folder, node))


def _scram_arguments(spec: Spec) -> Iterator[str]:
    for mechanism, user, password in spec.scram:
        yield from ("--add-scram", f"{mechanism}=[name={user},password={password}]")

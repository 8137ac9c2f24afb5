"""Kafka's classes as the JVM keeps them, read and linked: what maps them starts in two thirds of the time."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.real.artefacts import Unavailable, made_once
from tests.real.clients import brokers_seen_by
from tests.real.java import Java, Parts
from tests.real.processes import Server
from tests.real.spec import Ports, Spec, node_properties
from tests.real.storage import data_of, format_controllers, new_cluster_id, properties_of, write_properties
from tests.waiting import wait_for

_ARCHIVE: Final = "classes.jsa"
_START_SECONDS: Final = 90.0
_END_SECONDS: Final = 180.0


def archive(version: str) -> Path | None:
    """The archive of a version's classes, made once by a broker of its own; None of a version that needs ZooKeeper.

    A JVM that finds that it is of another Java, or of other jars, does without it, and says so in its log.
    """
    if not Spec(version=version).kraft:
        return None
    return made_once(f"kafka-{version}-classes", partial(_make, version)) / _ARCHIVE


def _make(version: str, folder: Path) -> None:
    """Start a broker, and end it: at its end the JVM writes what classes it had."""
    spec = Spec(version=version, brokers=1, combined=True)
    with TemporaryDirectory(prefix="streamwatch-classes-") as home:
        java, ports = Java(Parts.of(version), Path(home)), Ports.chosen_for(spec)
        (node,) = spec.broker_ids
        properties = properties_of(Path(home), node)
        write_properties(properties, node_properties(spec, node, data_of(Path(home), node), ports, None))
        format_controllers(spec, Path(home), new_cluster_id(), java)
        program, *arguments = java.node("kafka.Kafka", properties, spec.heap_mb)
        command = [program, f"-XX:ArchiveClassesAtExit={folder / _ARCHIVE}", *arguments]
        server = Server(f"a broker of {version} for its classes", command, Path(home) / "log")
        server.start()
        try:
            serves = partial(brokers_seen_by, ports.internal[node])
            wait_for(lambda: serves() or not server.running, _START_SECONDS, f"{server.name} serves")
            server.stop(_END_SECONDS)
        finally:
            server.kill()
        if not (folder / _ARCHIVE).is_file():
            raise Unavailable(f"{server.name} has written none\n{server.tail()}")

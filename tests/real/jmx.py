"""The pages of the JMX exporter."""

from collections.abc import Iterable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Values by name and labels."""

_SECONDS: Final = 10.0
_OBJECTS: Final = (
    "kafka.server:type=ReplicaManager,*",
    "kafka.controller:type=KafkaController,*",
    "kafka.network:type=RequestMetrics,name=RequestsPerSec,*",
    "kafka.server:type=MetadataLoader,*",
)
"""Few, so that a page is short and quick."""


def write_rules(folder: Path, more: Iterable[str]) -> Path:
    """The exporter's file: its default naming, of few MBeans."""
    objects = "".join(f"\n- '{name}'" for name in (*_OBJECTS, *more))
    rules = folder / "jmx.yaml"
    rules.write_text(f"includeObjectNames:{objects}\nrules:\n- pattern: '.*'\n")
    return rules


def read_page(port: int) -> Page:
    """Fetch a page and parse it."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=_SECONDS)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}

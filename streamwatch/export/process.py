"""What prometheus_client knows of this process: its CPU, memory, file descriptors and garbage collector."""

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from streamwatch.export.exposition import Foreign


class Process:
    """Renders the ``process_*`` and ``python_*`` families, from a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self) -> Foreign:
        """Return the families as they are at this moment."""
        openmetrics: bytes = generate_openmetrics(self._registry)  # type: ignore[no-untyped-call]
        return Foreign(generate_latest(self._registry), openmetrics.removesuffix(b"# EOF\n"))

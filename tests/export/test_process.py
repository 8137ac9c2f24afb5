import gc
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.export.exposition import Exposition
from streamwatch.export.process import Process


def of_the_library() -> tuple[str, str]:
    """Return what prometheus_client says of this process, as text and as OpenMetrics."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    openmetrics: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode(), openmetrics.decode().removesuffix("# EOF\n")


def without_values(page: str) -> list[str]:
    return [line if line.startswith("#") else line.rpartition(" ")[0] for line in page.splitlines()]


def values(page: str) -> dict[str, float]:
    return {
        re.sub(r"[{}]", " ", f"{one.name}{one.labels}"): one.value
        for family in text_string_to_metric_families(page)
        for one in family.samples
    }


def test_every_line_but_its_value_is_the_librarys() -> None:
    ours, theirs = Process().render(), of_the_library()

    assert without_values(ours.text.decode()) == without_values(theirs[0])
    assert without_values(ours.openmetrics.decode()) == without_values(theirs[1])


def test_the_values_are_the_librarys() -> None:
    process, before = Process(), values(of_the_library()[0])
    ours, after = values(process.render().text.decode()), values(of_the_library()[0])

    assert set(ours) == set(before)
    # Memory may shrink meanwhile; all else stays, or grows. Seconds are sums, rounded in another order.
    near = {name for name in ours if "memory" in name}
    assert [name for name in set(ours) - near if not before[name] - 1e-6 <= ours[name] <= after[name] + 1e-6] == []
    assert {name: ours[name] / before[name] for name in near} == pytest.approx(dict.fromkeys(near, 1.0), rel=0.2)


def test_the_process_is_told_in_both_formats() -> None:
    page = Exposition().render([], Process().render())
    text = {family.name for family in text_string_to_metric_families(page.text.decode())}
    parse_openmetrics: Any = openmetrics_parser.text_string_to_metric_families  # it has no types
    openmetrics = {family.name for family in parse_openmetrics(page.openmetrics.decode())}
    assert text == openmetrics
    assert {"process_resident_memory_bytes", "process_open_fds", "python_gc_collections", "python_info"} <= text


def test_every_rendering_is_of_its_moment() -> None:
    process = Process()
    before = process.render()
    gc.collect()
    assert process.render().text != before.text, "one more collection"


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Path("/proc/self/stat").read_text()
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_rest_is_told_where_no_descriptor_is_left() -> None:
    process = Process()
    with no_descriptor_left():
        page = process.render().text

    assert b"process_" not in page
    assert b"python_gc_collections_total" in page

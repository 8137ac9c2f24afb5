import gc
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.export.exposition import Exposition
from streamwatch.export.process import Process


def test_the_process_is_told_in_both_formats() -> None:
    page = Exposition().render([], Process().render())
    text = {family.name for family in text_string_to_metric_families(page.text.decode())}
    parse_openmetrics: Any = openmetrics_parser.text_string_to_metric_families  # it has no types
    openmetrics = {family.name for family in parse_openmetrics(page.openmetrics.decode())}
    assert text == openmetrics
    assert {"process_resident_memory_bytes", "process_open_fds", "python_gc_collections", "python_info"} <= text


def test_each_has_a_registry_of_its_own() -> None:
    before = set(REGISTRY._collector_to_names)
    first, second = Process(), Process()
    assert first.render().text.count(b"# TYPE python_info ") == 1
    assert second.render().text.count(b"# TYPE python_info ") == 1
    assert set(REGISTRY._collector_to_names) == before


def test_every_rendering_is_of_its_moment() -> None:
    process = Process()
    before = process.render()
    gc.collect()
    assert process.render().text != before.text, "one more collection"

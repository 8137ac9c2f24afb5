"""What a page of 20,000 lines costs: ours, which looks for what is wanted, beside prometheus-client's parser.

python tests/bench/bench_pages.py
"""

import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from prometheus_client.parser import text_string_to_metric_families

from streamwatch.catalogue.exporter_mappings import NAMES
from streamwatch.sources.open_monitoring.parse import ExpositionParser, wanted

LINES = 20_000
_CHUNK = 65_536


def page() -> str:
    """As MSK's: mostly series by topic, partition and client that nobody wants."""
    lines = []
    for number in range(LINES // 4):
        labels = f'name="Size",topic="topic-{number % 500}",partition="{number // 500}",'
        lines += [
            f"kafka_log_Log_Value{{{labels}}} {number}.0",
            f'kafka_cluster_Partition_Value{{name="UnderMinIsr",topic="t{number % 500}",partition="{number}",}} 0.0',
            f'kafka_server_BrokerTopicMetrics_Count{{name="BytesInPerSec",topic="topic-{number % 500}",}} {number}.0',
            f'kafka_network_RequestMetrics_Mean{{name="LocalTimeMs",request="Produce{number}",}} 0.5',
        ]
    return "# TYPE kafka_log_Log_Value untyped\n" + "\n".join(lines) + "\n"


def measured(what: str, parse: object) -> None:
    assert callable(parse)
    best = min(_timed(parse) for _ in range(5))
    tracemalloc.start()
    parse()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{what:40} {best * 1000:8.1f} ms CPU {most / 2**20:8.1f} MB at its most")


def _timed(parse: object) -> float:
    assert callable(parse)
    begun = time.process_time()
    parse()
    return time.process_time() - begun


def main() -> None:
    text = page()
    data = text.encode()
    pattern = wanted(NAMES["jmx"])

    def ours() -> None:
        reader = ExpositionParser(pattern)
        for at in range(0, len(data), _CHUNK):
            reader.feed(data[at : at + _CHUNK])
        reader.end()

    print(f"{LINES} lines, {len(data) / 2**20:.1f} MB")
    measured("streamwatch: the wanted series", ours)
    measured("prometheus-client: everything", lambda: list(text_string_to_metric_families(text)))


if __name__ == "__main__":
    main()

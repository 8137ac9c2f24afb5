"""Several sources of one series: equal, different for a known reason, or marked."""

import pytest

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.cli.compare import judged
from streamwatch.model.comparison import Verdict
from streamwatch.model.metric import Metric


@pytest.mark.parametrize(
    ("metric", "values", "verdict", "reason"),
    [
        (k.PARTITIONS, {"kafka": 8, "topics": 8, "cloudwatch": 8}, "equal", ""),
        (k.PARTITIONS, {"kafka": 8, "cloudwatch": 24}, "differs", ""),
        (k.OFFLINE_PARTITIONS, {"kafka": 1, "topics": 0}, "differs", ""),
        (k.BROKER_LEADERS, {"kafka": 8, "pages": 9}, "explained", "leadership moved"),
        (b.BYTES_IN, {"pages": 1e9, "cloudwatch": 5}, "explained", "from the agent's beginning"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 101e6}, "explained", "between two reads"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 160e6}, "explained", "minute is over"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 300e6}, "differs", ""),
        (b.DATA_DISK, {"kafka": 0.2, "cloudwatch": 0.18}, "explained", "minute is over"),
        (b.DATA_DISK, {"kafka": 0.002, "cloudwatch": 0.0001}, "explained", "minute is over"),
        (b.DATA_DISK, {"kafka": 0.9, "cloudwatch": 0.2}, "differs", ""),
        (b.HANDLER_IDLE, {"pages": 0.9, "cloudwatch": 90.0}, "differs", ""),
        (g.GROUP_TOPIC_LAG, {"kafka": 45, "cloudwatch": 0}, "explained", "minute is over"),
        (g.GROUP_TOPIC_LAG, {"kafka": 45_000, "cloudwatch": 30_000}, "explained", "minute is over"),
        (g.GROUP_TOPIC_LAG, {"kafka": 45_000, "cloudwatch": 0}, "differs", ""),
    ],
)
def test_values_are_judged(metric: Metric, values: dict[str, float], verdict: Verdict, reason: str) -> None:
    found, why = judged(metric, values)

    assert found == verdict
    assert reason in why
    assert bool(why) is (verdict == "explained")


def test_an_age_excuses_cloudwatch_and_no_other_source() -> None:
    assert judged(b.DATA_DISK, {"kafka": 0.2, "pages": 0.24, "cloudwatch": 0.2})[0] == "differs"

"""Stories of the reference, under the eyes of an agent with the shipped rules: its alerts fire, and resolve.

Two of them by default, at the same time; STREAMWATCH_STORIES=all for all, which takes half an hour.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

STORIES: Mapping[str, tuple[float, frozenset[str], frozenset[str]]] = {
    # story: how many times shorter than an incident, what must fire, what must not
    "healthy": (20, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "rolling_restart": (12, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "reassignment": (20, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "hot_partition": (20, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "idle_partitions": (20, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "broker_down": (
        20,
        frozenset({"KafkaUnreachablePartitions", "KafkaBrokerDown"}),
        frozenset({"KafkaSeveralBrokersDown", "KafkaOfflinePartitions", "KafkaUnderMinIsr", "KafkaNoActiveController"}),
    ),
    "offline_partition": (
        20,
        frozenset({"KafkaOfflinePartitions", "KafkaSeveralBrokersDown", "KafkaUnderMinIsr", "KafkaReplicasOutOfSync"}),
        frozenset({"KafkaNoActiveController", "StreamWatchBlind"}),
    ),
    "controller_lost": (20, frozenset({"KafkaNoActiveController"}), frozenset({"KafkaOfflinePartitions"})),
    # A tenth of a second is no incident.
    "slow_broker": (60, frozenset(), frozenset({"Kafka", "StreamWatch"})),
    "disk_filling": (300, frozenset({"KafkaDiskFilling", "KafkaDiskFullSoon"}), frozenset({"KafkaNoActiveController"})),
    "isr_flapping": (120, frozenset({"KafkaReplicasOutOfSync"}), frozenset({"KafkaBrokerDown"})),
    # A reader of several partitions that is slow takes ten seconds for one, and that is no incident.
    "slow_consumer": (30, frozenset({"KafkaGroupLagging"}), frozenset({"KafkaGroupStuck", "KafkaBroker"})),
    "stuck_consumer": (60, frozenset({"KafkaGroupStuck"}), frozenset({"KafkaBroker", "KafkaGroupGone"})),
    "rewound_group": (60, frozenset({"KafkaGroupGone"}), frozenset({"KafkaBroker"})),
    "too_many_consumers": (60, frozenset({"KafkaGroupIdleMembers"}), frozenset({"KafkaBroker", "KafkaGroupStuck"})),
}
STREAMS: Mapping[str, tuple[float, frozenset[str], frozenset[str]]] = {
    "reshard": (10, frozenset(), frozenset({"Kinesis", "StreamWatch"})),
    "hot_shard": (10, frozenset({"KinesisHotShard", "KinesisWriteThrottled"}), frozenset({"KinesisNobodyReads"})),
    "write_throttle": (10, frozenset({"KinesisWriteThrottled"}), frozenset({"KinesisNobodyReads"})),
    "read_throttle": (3.5, frozenset({"KinesisReadThrottled"}), frozenset({"KinesisWriteThrottled"})),
    "dead_consumer": (10, frozenset({"KinesisNobodyReads"}), frozenset({"KinesisWriteThrottled"})),
    "slow_stream_consumer": (10, frozenset({"KinesisReaderLate"}), frozenset({"KinesisReaderNearRetention"})),
    "retention_risk": (
        10,
        frozenset({"KinesisReaderNearRetention", "KinesisDataExpiring"}),
        frozenset({"KinesisWrite"}),
    ),
    # What a repaired function still has to read makes it late for a while, of which the cause tells.
    "poison_pill": (10, frozenset({"ReaderStuck"}), frozenset({"KinesisNobodyReads", "KinesisWrite"})),
    "control_plane_throttled": (20, frozenset({"StreamWatchPartlyBlind"}), frozenset({"KinesisWriteThrottled"})),
    "expired_credentials": (20, frozenset({"StreamWatchBlind"}), frozenset({"KinesisWriteThrottled"})),
}
"""Of streams: CloudWatch counts by the minute, and so they take minutes."""
ALL = {**STORIES, **STREAMS}
CHOSEN = tuple(ALL) if os.environ.get("STREAMWATCH_STORIES") == "all" else (
    "rolling_restart", "broker_down",
)  # fmt: skip
_AT_ONCE = 3
_SECONDS = 900


def told(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.rules.story", name, str(ALL[name][0])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, Any]]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(CHOSEN, pool.map(told, CHOSEN), strict=True))


@pytest.mark.parametrize("name", CHOSEN)
def test_a_story_fires_its_alerts_and_no_others_and_they_resolve(name: str, seen: dict[str, dict[str, Any]]) -> None:
    fired, left = seen[name]["fired"].keys() - {"StreamWatchWatchdog"}, seen[name]["left"]
    _, wanted, unwanted = ALL[name]
    assert wanted <= fired
    assert [one for one in fired if one.startswith(tuple(unwanted))] == []
    assert left == []
    if wanted and name not in STREAMS:
        assert {labels["kafka_cluster"] for one, labels in seen[name]["fired"].items() if one in wanted} == {"shop"}

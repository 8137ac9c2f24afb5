"""Stories of streams, under the load of ``streams_load.py``: ``purchases`` is polled, ``clickstream`` read by fan-out.

CloudWatch counts by the minute, and so these stories take minutes.
"""

from collections.abc import Mapping
from typing import Final

from streamwatch.reference.scenarios import Scenario, ScenarioStep


def _load(at: float, announcement: str, name: str, **parameters: object) -> ScenarioStep:
    return ScenarioStep(at, announcement, name, parameters, "streams")


def _fault(at: float, announcement: str, name: str, **parameters: object) -> ScenarioStep:
    return ScenarioStep(at, announcement, name, parameters, "cloud")


_ALL: Final = (
    Scenario(
        "hot_shard",
        "Nearly all records of a stream have the same key.",
        "Records of one shard are refused while the stream as a whole looks idle; the shard is named, and the hash key"
        " to split it at.",
        (
            _load(
                5, "purchases: 1,500 records a second, nearly all with one key", "hot", stream="purchases", share=0.95
            ),
            _load(5.1, "", "rate", stream="purchases", records_per_second=1500),
            _load(150, "purchases are even again", "hot", stream="purchases", share=0.0),
            _load(150.1, "", "rate", stream="purchases", records_per_second=50),
        ),
        after=70,
    ),
    Scenario(
        "write_throttle",
        "Producers write more than the stream can take.",
        "Write-throttled records climb, and the use of the limits is near 1.",
        (
            _load(
                5,
                "clickstream: 3,000 records a second on 2 shards",
                "rate",
                stream="clickstream",
                records_per_second=3e3,
            ),
            _load(120, "clickstream is calm again", "rate", stream="clickstream", records_per_second=50),
        ),
        after=70,
    ),
    Scenario(
        "read_throttle",
        "Two applications read the same shards, five times a second each.",
        "Read-throttled calls climb, and the use of the read calls is near 1.",
        (
            _load(5, "purchases: two readers, 5 reads a second and shard", "polls", stream="purchases", per_second=5),
            _load(5.1, "", "readers", stream="purchases", count=2),
            _load(120, "purchases: one reader, one read a second", "polls", stream="purchases", per_second=1),
            _load(120.1, "", "readers", stream="purchases", count=1),
        ),
        after=70,
    ),
    Scenario(
        "dead_consumer",
        "The only application that reads a stream stops.",
        "The iterator age disappears, as it does in CloudWatch; the stream is not being read, three minutes after the"
        " last minute in which it was.",
        (
            _load(70, "the reader of purchases stops", "readers", stream="purchases", count=0),
            _load(
                390,
                "it is started again, from the beginning",
                "readers",
                stream="purchases",
                count=1,
                start="TRIM_HORIZON",
            ),
        ),
        after=90,
    ),
    Scenario(
        "slow_stream_consumer",
        "The application that reads a stream needs longer for a record than it takes for the next to come.",
        "The iterator age climbs, and the time to data loss falls; then it recovers.",
        (
            _load(5, "the reader of purchases takes 200 ms a record", "pace", stream="purchases", seconds=0.2),
            _load(150, "the reader of purchases is quick again", "pace", stream="purchases", seconds=0.0),
        ),
        after=90,
    ),
    Scenario(
        "reshard",
        "A stream is doubled, then halved, under load.",
        "The number of open shards changes; closed ones stay until their records expire; readers go on.",
        (
            _fault(10, "purchases: from 4 shards to 8", "reshard", stream="purchases", shards=8),
            _fault(60, "purchases: from 8 shards to 4", "reshard", stream="purchases", shards=4),
        ),
        after=40,
    ),
    Scenario(
        "retention_risk",
        "An application comes back after 23 hours to a stream that keeps 24.",
        "The iterator age is 23 hours, and the time to data loss one; both recover as it catches up.",
        (
            _load(5, "the reader of purchases stops", "readers", stream="purchases", count=0),
            _fault(15, "23 hours pass", "backdate", stream="purchases", hours=23),
            _load(16, "the reader of purchases is slow", "pace", stream="purchases", seconds=0.02),
            _load(16.1, "it starts again where it was", "readers", stream="purchases", count=1, start="TRIM_HORIZON"),
            _load(150, "it is quick", "pace", stream="purchases", seconds=0.0),
        ),
        after=160,
    ),
    Scenario(
        "poison_pill",
        "A record that a function of Lambda cannot process comes into a shard.",
        "The age of what the function is given climbs by a minute a minute, while it reads the other shards; the same"
        " batch is tried again and again, and what becomes of it is said. It goes on when the function is repaired.",
        (
            _fault(
                5,
                "Lambda: the function ship reads purchases, and tries what fails for ever",
                "map_function",
                stream="purchases",
            ),
            _fault(70, "a record comes that ship cannot process", "poison", stream="purchases"),
            _fault(430, "ship is repaired", "repair_function"),
        ),
        after=150,
    ),
    Scenario(
        "control_plane_throttled",
        "Somebody uses up the rate of Kinesis's control plane.",
        "The agent says what it cannot read; what it knows stays for as long as that is true, CloudWatch goes on.",
        (
            _fault(10, "every call of the control plane is refused", "throttle"),
            _fault(70, "the control plane answers", "throttle", on=False),
        ),
    ),
    Scenario(
        "expired_credentials",
        "The agent's credentials expire.",
        "The agent says that it is denied, and what to check; CloudWatch's numbers disappear as they get old.",
        (
            _fault(10, "all credentials have expired", "expire_credentials"),
            _fault(70, "they are valid again", "expire_credentials", on=False),
        ),
    ),
)

STREAM_SCENARIOS: Final[Mapping[str, Scenario]] = {one.name: one for one in _ALL}

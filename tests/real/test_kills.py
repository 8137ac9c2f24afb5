"""One broker killed under load, as in ``python -m tests.real.kills``."""

from tests.real.conftest import had
from tests.real.kafka import KafkaCluster
from tests.real.kills import PROPERTIES, kills


def test_a_crash_is_felt_and_pages_nobody_but_for_partitions_without_a_leader() -> None:
    with had(lambda: KafkaCluster(properties=PROPERTIES)) as cluster:
        (one,) = kills(1, cluster)

    assert one.led > 0
    assert one.down is not None, "it was felt"
    assert one.moved is not None, "others lead"
    assert one.down < one.moved, "before the cluster knew"
    assert one.known is not None, "the agent knows that others lead"
    assert one.is_right, f"a page that was not true: {one}"

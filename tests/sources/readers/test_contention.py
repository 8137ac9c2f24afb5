"""What readers need of a shard that all who poll it share."""

import pytest

from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.kcl import Version
from tests.sources.readers.reading import world


@pytest.mark.parametrize(("version", "share"), [("2", 0.2), ("3.5", 0.2 / 1.5)])
def test_who_polls_takes_of_the_shards_calls_until_a_consumer_of_its_name_is_registered(
    version: Version, share: float
) -> None:
    with world(version=version) as it:
        it.app.worker("w1")
        for _ in range(4):
            it.minute("k")
        assert it.agent.value(r.READ_CALLS_USE) == share
        arn = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
        it.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="app")
        for _ in range(12):
            it.minute("k")

        assert it.agent.value(r.READ_CALLS_USE) == 0.0

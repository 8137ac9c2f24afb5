"""One reference cluster for all of them, and each test its own AWS around it."""

from collections.abc import Iterator

import pytest

from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from tests.real.reference_clients import KafkaPython
from tests.reference.acting import QUICK
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.msk.house import House


@pytest.fixture(scope="package")
def kafka() -> Iterator[ReferenceKafka]:
    settings = {**QUICK, "num.partitions": "3", "default.replication.factor": "3"}
    with ReferenceKafka(Spec(settings=settings)) as running:
        client = KafkaPython(running.bootstrap)
        client.produce("orders", ["a", "b", "c"])
        assert sorted(client.consume("orders", "g", 3)) == ["a", "b", "c"]
        yield running


@pytest.fixture
def house(kafka: ReferenceKafka) -> Iterator[House]:
    time = Time()
    with cloud(time) as aws:
        made = House(kafka, aws, time, aws.add_msk(kafka, "shop", "PER_BROKER"))
        yield made
        made.close()

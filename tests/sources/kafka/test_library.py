"""kafka-python is imported without its clients, and is whole for whoever asks for them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PREPARED = """
import sys
from streamwatch.sources.kafka.library import import_without_clients
import_without_clients()
import streamwatch.sources.kafka.read
assert not {"kafka.consumer", "kafka.producer", "kafka.admin.client"} & sys.modules.keys()
"""


@pytest.mark.parametrize(
    "program",
    [
        "import_without_clients()",
        "from kafka import KafkaConsumer, TopicPartition; assert KafkaConsumer.poll; assert TopicPartition('a', 0)",
        "import kafka; assert kafka.KafkaAdminClient; assert kafka.protocol.metadata; assert kafka.__version__",
        "import kafka.admin; assert kafka.admin.KafkaAdminClient",
        "import kafka; assert not hasattr(kafka, 'nothing'); from kafka import *; assert KafkaProducer",
        "from kafka.errors import for_code; assert for_code(3)",
    ],
)
def test_the_package_is_whole_when_it_is_asked_for(program: str) -> None:
    run = [sys.executable, "-c", PREPARED + program]
    answer = subprocess.run(run, check=False, cwd=ROOT, capture_output=True, text=True)
    assert answer.stderr == ""
    assert answer.returncode == 0


def test_a_package_that_was_imported_stays_as_it_is() -> None:
    program = (
        "import kafka; from streamwatch.sources.kafka.library import import_without_clients as work; before = kafka;"
        "work(); import kafka; assert kafka is before"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)

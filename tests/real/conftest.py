"""Real servers as fixtures; a test is skipped, with the reason, where they cannot be had."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import pytest

from tests.real import artefacts
from tests.real.artefacts import Unavailable
from tests.real.kafka import KafkaCluster

T = TypeVar("T")
HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever is in this folder needs real servers."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.real)


def had(get: Callable[[], T]) -> T:
    """What it returns; where it cannot be had the test is skipped, or fails if STREAMWATCH_REQUIRE_REAL=1."""
    try:
        return get()
    except Unavailable as reason:
        if os.environ.get("STREAMWATCH_REQUIRE_REAL") == "1":
            pytest.fail(f"STREAMWATCH_REQUIRE_REAL=1, but {reason}")
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def cluster_43() -> Iterator[KafkaCluster]:
    """One controller and three brokers of Kafka 4.3, shared: a test that breaks it heals it."""
    with had(KafkaCluster) as cluster:
        yield cluster


@contextmanager
def starter() -> Iterator[Callable[..., KafkaCluster]]:
    """Starts clusters with the given options (the fields of Spec), and stops them at its end."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(had(lambda: KafkaCluster(**options)))


@pytest.fixture
def kafka_cluster() -> Iterator[Callable[..., KafkaCluster]]:
    """Starts clusters of a test's own, such as kafka_cluster(version="3.9.2", brokers=1)."""
    with starter() as start:
        yield start


@pytest.fixture(scope="module")
def kafka_cluster_module() -> Iterator[Callable[..., KafkaCluster]]:
    """The same, for clusters that the tests of a module share."""
    with starter() as start:
        yield start


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The path of a promtool."""
    return had(artefacts.promtool)


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The path of a Prometheus server."""
    return had(artefacts.prometheus)

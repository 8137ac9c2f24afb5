"""Fixtures for tests of one's own: ``pytest_plugins = ["streamwatch.reference.pytest_plugin"]``."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access
from streamwatch.reference.kafka.spec import Spec


@pytest.fixture
def reference_kafka_factory() -> Iterator[Callable[..., ReferenceKafka]]:
    """Start clusters by ``factory(Spec(...), Access(...))``; all are stopped when the test ends."""
    with ExitStack() as stack:

        def start(spec: Spec | None = None, access: Access | None = None) -> ReferenceKafka:
            return stack.enter_context(ReferenceKafka(spec, access))

        yield start


@pytest.fixture
def reference_kafka(reference_kafka_factory: Callable[..., ReferenceKafka]) -> ReferenceKafka:
    """A cluster of three brokers; ``bootstrap`` is its address, ``do`` looks at it and changes it."""
    return reference_kafka_factory()

"""Sources on prepared clusters."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from streamwatch.sources.kafka import KafkaSource
from tests.prepared import PreparedCluster, Truth
from tests.sources.kafka.preparing import Make, source_of, truth


@pytest.fixture
def make() -> Iterator[Make]:
    """Make a source on a prepared cluster; both end with the test."""
    with ExitStack() as stack:

        def begin(of: Truth | None = None, **settings: Any) -> tuple[KafkaSource, PreparedCluster]:
            cluster = stack.enter_context(PreparedCluster(of or truth()))
            source = source_of(cluster, **settings)
            stack.callback(source.close)
            return source, cluster

        yield begin

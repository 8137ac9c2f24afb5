"""The agent's own source and collectors on a reference AWS, on one clock with it."""

from pathlib import Path
from typing import Any

from streamwatch.agent.config import parse
from streamwatch.agent.targets import TargetFactory
from streamwatch.model.kinesis import StreamsSnapshot
from streamwatch.model.metric import Metric, Samples
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.sources.account_config import AccountConfig
from tests.reference.kinesis.acting import Time

Row = tuple[str, ...]


def config(url: str, more: str = "", regions: str = "us-east-1", access: str = "") -> AccountConfig:
    """One account of the reference; of what botocore is told by the environment, where there is no address."""
    keys = access or "access_key_id: a, secret_access_key: b"
    text = f"""
kinesis:
  - name: mine
    regions: [{regions}]
    access: {{{f"endpoint_url: '{url}', " if url else ""}{keys}}}
    {more}
"""
    return parse(text, "test", Path()).kinesis[0]


class Eyes:
    """One source, read again and again."""

    def __init__(self, aws: ReferenceAws, time: Time, **options: Any) -> None:
        self.time = time
        self.wiring = TargetFactory(time)
        self._watched = self.wiring.targets(config(options.pop("url", aws.url), **options), lambda: None)[0]
        self.snapshot: StreamsSnapshot
        self.samples: list[Samples] = []

    @property
    def source(self) -> Any:
        """What is read."""
        return self._watched.source

    def read(self) -> StreamsSnapshot:
        """Read once, and collect."""
        found = self._watched.source.read()
        assert isinstance(found, StreamsSnapshot)
        self.snapshot = found
        self.samples = [one for each in self._watched.collectors.values() for one in each.collect(found)]
        self.samples += [one for each in self._watched.about for one in each.collect(found)]
        return found

    def all(self, metric: Metric) -> dict[Row, float]:
        """What is known of a metric, by its labels without account and region."""
        skip = 2 if metric.labels[:1] == ("aws_account",) else 1
        return {row[skip:]: v for one in self.samples if one.metric is metric for row, v in one.known().items()}

    def value(self, metric: Metric, *row: str) -> float | None:
        """One value, of stream ``s`` where nothing else is said; None where it is not known."""
        return self.all(metric).get(row or ("s",))

    def problems(self) -> set[tuple[str, str]]:
        """What could not be learnt: scopes and reasons."""
        return {(one.scope, one.reason) for one in self.snapshot.problems}

    def close(self) -> None:
        """End it."""
        self._watched.source.close()

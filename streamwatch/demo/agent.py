"""The agent as a process of its own, and what its page says: the demonstration sees no more than Prometheus would."""

import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

from streamwatch.catalogue import agent as agent_metrics
from streamwatch.catalogue import kafka as metrics
from streamwatch.catalogue import kafka_groups as group_metrics
from streamwatch.catalogue import kinesis as streams
from streamwatch.catalogue import kinesis_shards as shards
from streamwatch.demo.hurried import hurried
from streamwatch.model.metric import Metric

CLUSTER: Final = "reference"
HURRY: Final = 20
"""So many times shorter than usual do rules wait before they fire."""
MINUTE: Final = 5
"""So many seconds is a minute of CloudWatch's."""
STALLED: Final = 12
"""After so many seconds a position that stands is one: a story has it stand for half a minute."""
_SERVING: Final = "serving http://"
_CONFIG: Final = """\
kafka:
  - name: {name}
    bootstrap: [{bootstrap}]
    interval: 3s
    deadline: 2900ms
    log_dirs_interval: 2s
    stalled_after: {stalled:g}s
    # A machine with more to do than this is slow, and no broker of it is down.
    pulse: {{deadline: 8s}}
    connect_timeout: 10s
    request_timeout: 10s
kinesis:
  - name: streams
    regions: [us-east-1]
    interval: 5s
    describe_interval: 10s
    access: {{endpoint_url: '{endpoint}', access_key_id: agent, secret_access_key: agent}}
    cloudwatch: {{detail_interval: 60s, period: {minute}s}}
    readers: {{functions: {{enabled: true, interval: 10s}}}}
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s}}
notify:
  webhook: [{{name: pager, url: '{pager}'}}]
  group_interval: 5s
log: {{level: error}}
"""
_END_SECONDS: Final = 5.0
_PAGE_SECONDS: Final = 2.0

Labels = frozenset[tuple[str, str]]


class AgentFailed(Exception):
    """The agent did not start; says what it printed."""


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """One consumer group: its state, and its lag in records and seconds (NaN where it is not known)."""

    state: str
    members: float
    lag: float
    lag_seconds: float
    idle: float = math.nan
    """Members that hold no partition."""


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """One stream; NaN where something is not known."""

    shards: float
    age: float
    """Seconds that the slowest reader is behind; of fan-out, where nobody polls."""
    being_read: float
    write_throttled: float
    """Records, since the agent began."""
    read_throttled: float
    """Calls, since the agent began."""
    write_use: float
    """The larger use of its two write limits."""
    split: str = ""
    """The shard to split, if there is one, and where."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What the agent's page says; NaN or an empty mapping where it says nothing."""

    brokers: Mapping[str, bool] = field(default_factory=dict)
    """Whether each is up."""
    leaders: Mapping[str, float] = field(default_factory=dict)
    disk: Mapping[str, float] = field(default_factory=dict)
    """The largest share in use of a log directory's volume."""
    controllers: float = math.nan
    offline: float = math.nan
    under_replicated: float = math.nan
    """Partitions, over all brokers."""
    partitions: float = math.nan
    reassigning: float = math.nan
    groups: Mapping[str, GroupFigures] = field(default_factory=dict)
    streams: Mapping[str, StreamFigures] = field(default_factory=dict)
    problems: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """How much the agent could not learn, by source and reason."""


class DemoAgent:
    """The agent, watching one cluster in the clear and one account's streams, as a context manager."""

    def __init__(self, bootstrap: str, endpoint: str, pager: str) -> None:
        self._bootstrap = bootstrap
        self._pager = pager
        self._endpoint = endpoint
        self._folder = tempfile.TemporaryDirectory(prefix="streamwatch-demo-")
        self._process: subprocess.Popen[str] | None = None
        self.address = ""
        """Where it serves, as in ``127.0.0.1:9308``."""

    def __enter__(self) -> Self:
        folder = Path(self._folder.name)
        file, rules = folder / "streamwatch.yaml", folder / "rules"
        rules.mkdir()
        hurried(rules, HURRY)
        servers = ", ".join(f"'{one}'" for one in self._bootstrap.split(","))
        settings = {"bootstrap": servers, "endpoint": self._endpoint, "rules": rules, "pager": self._pager}
        file.write_text(_CONFIG.format(name=CLUSTER, stalled=STALLED, minute=MINUTE, **settings), encoding="utf-8")
        command = [sys.executable, "-m", "streamwatch", "run", "--config", str(file)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        line = self._process.stderr.readline() if self._process.stderr else ""
        if not line.startswith(_SERVING):
            rest = self._process.stderr.read() if self._process.stderr else ""
            self._end()
            raise AgentFailed(f"the agent did not start: {line}{rest}".strip())
        self.address = line.removeprefix(_SERVING).partition("/")[0]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
        self._folder.cleanup()

    def look(self) -> PageFigures | None:
        """Return what the page says now; None where it cannot be had."""
        connection = HTTPConnection(self.address, timeout=_PAGE_SECONDS)
        try:
            connection.request("GET", "/metrics")
            return seen(connection.getresponse().read().decode())
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()


def seen(page: str) -> PageFigures:
    """Read a page of the agent's."""
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }

    def by(metric: Metric, label: str) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for (name, labels), value in samples.items():
            if name == metric.name:
                found.setdefault(dict(labels)[label], []).append(value)
        return found

    def one(metric: Metric) -> float:
        return next((value for (name, _), value in samples.items() if name == metric.name), math.nan)

    under = by(metrics.BROKER_UNDER_REPLICATED, "broker")
    return PageFigures(
        brokers={key: bool(values[0]) for key, values in by(metrics.BROKER_UP, "broker").items()},
        leaders={key: values[0] for key, values in by(metrics.BROKER_LEADERS, "broker").items()},
        disk={key: max(values) for key, values in by(metrics.LOG_DIR_USED, "broker").items()},
        controllers=one(metrics.ACTIVE_CONTROLLERS),
        offline=one(metrics.OFFLINE_PARTITIONS),
        under_replicated=sum(map(sum, under.values())) if under else math.nan,
        partitions=one(metrics.PARTITIONS),
        reassigning=one(metrics.REASSIGNING_PARTITIONS),
        groups=_groups(samples),
        streams=_streams(samples),
        problems=_problems(samples),
    )


def _problems(samples: Mapping[tuple[str, Labels], float]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for (name, labels), value in samples.items():
        if name == agent_metrics.SOURCE_PROBLEMS.name:
            values = dict(labels)
            key = (values["source"], values["reason"])
            found[key] = found.get(key, 0.0) + value
    return found


def _streams(samples: Mapping[tuple[str, Labels], float]) -> dict[str, StreamFigures]:
    def of(metric: Metric, stream: str) -> float:
        wanted = ("stream", stream)
        found = [v for (name, labels), v in samples.items() if name == metric.name and wanted in labels]
        return max(found, default=math.nan)

    def hot(stream: str) -> str:
        for (name, labels), use in samples.items():
            if name == shards.SPLIT.name and ("stream", stream) in labels:
                values = dict(labels)
                return f"{values['shard']} at {values['hash_key']} ({use:.0%} of its limit)"
        return ""

    names = sorted({dict(labels)["stream"] for name, labels in samples if name == streams.STREAM_UP.name})
    return {
        name: StreamFigures(
            of(streams.OPEN_SHARDS, name),
            _first(of(streams.ITERATOR_AGE, name), of(shards.CONSUMER_LAG, name)),
            of(streams.BEING_READ, name),
            of(streams.WRITE_THROTTLED, name),
            of(streams.READ_THROTTLED, name),
            _most(of(streams.WRITE_RECORDS_USE, name), of(streams.WRITE_BYTES_USE, name)),
            hot(name),
        )
        for name in names
    }


def _first(*values: float) -> float:
    """Return the first value that is known."""
    return next((one for one in values if not math.isnan(one)), math.nan)


def _most(*values: float) -> float:
    """Return the largest value that is known."""
    return max((one for one in values if not math.isnan(one)), default=math.nan)


def _groups(samples: Mapping[tuple[str, Labels], float]) -> dict[str, GroupFigures]:
    def of(metric: Metric, group: str) -> float:
        wanted = ("group", group)
        return next((v for (name, labels), v in samples.items() if name == metric.name and wanted in labels), math.nan)

    states = {
        dict(labels)["group"]: dict(labels).get("state", "")
        for (name, labels), value in samples.items()
        if name == group_metrics.GROUP_STATE.name and value == 1
    }
    return {
        name: GroupFigures(
            state,
            of(group_metrics.GROUP_MEMBERS, name),
            of(group_metrics.GROUP_LAG, name),
            of(group_metrics.GROUP_LAG_SECONDS, name),
            of(group_metrics.GROUP_IDLE_MEMBERS, name),
        )
        for name, state in sorted(states.items())
    }

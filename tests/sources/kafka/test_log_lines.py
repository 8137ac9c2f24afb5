"""Every line of the log names its source: two clusters have brokers of the same number."""

import ast
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streamwatch.agent.target_runner import TargetRunner
from streamwatch.agent.targets import TargetFactory
from streamwatch.core.clock import SystemClock
from streamwatch.samples.hub import Hub
from streamwatch.sources.cluster_config import ClusterConfig
from streamwatch.sources.kafka import Config, KafkaSource, check_up
from streamwatch.sources.kafka.config import Pulse
from tests.addresses import servers
from tests.prepared import PreparedCluster, Truth
from tests.waiting import wait_for

PACKAGE = Path(__file__).parents[3] / "streamwatch"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.name.startswith("streamwatch.")]


def of(record: logging.LogRecord) -> str:
    return str(getattr(record, "source", "nobody"))


@pytest.fixture
def clusters() -> Iterator[dict[str, PreparedCluster]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(PreparedCluster(Truth({"t": 3}))) for name in ("orders", "clicks")}


def configured(name: str, cluster: PreparedCluster) -> ClusterConfig:
    return ClusterConfig(
        name=name,
        bootstrap=servers(cluster.bootstrap),
        connect_timeout=0.3,
        request_timeout=0.5,
        pulse=Pulse(interval=0.1, deadline=0.2),
    )


def test_whatever_happens_to_two_clusters_each_line_is_of_one(
    clusters: dict[str, PreparedCluster], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock, wiring = SystemClock(), TargetFactory(SystemClock())
    with ExitStack() as stack:
        watches = {}
        for name, cluster in clusters.items():
            (one,) = wiring.targets(configured(name, cluster), lambda: None)
            watches[name] = TargetRunner(configured(name, cluster), one, clock, Hub(clock))
            stack.callback(watches[name].close)
        for watch in watches.values():
            watch.run()
        clusters["orders"].faults[2].hang = True
        clusters["clicks"].faults[3].garbage = {"ListOffsets", "ListGroups", "DescribeLogDirs"}
        clusters["clicks"].cut(1)
        for _ in range(3):
            for watch in watches.values():
                watch.run()
        wait_for(lambda: any(one.message == "broker down" for one in lines(caplog)), 10, "its fall is noticed")
        clusters["orders"].faults[2].hang = False
        wait_for(lambda: up(caplog, "orders") > 3, 20, "its return is noticed")

    assert {of(one) for one in lines(caplog)} == {"orders", "clicks"}
    down = {(of(one), getattr(one, "broker", "")) for one in lines(caplog) if one.message == "broker down"}
    assert ("orders", "2") in down
    assert ("clicks", "2") not in down
    assert up(caplog, "clicks") >= 3


def up(caplog: pytest.LogCaptureFixture, source: str) -> int:
    return sum(one.message == "broker up" and of(one) == source for one in lines(caplog))


def test_a_check_up_names_its_source(clusters: dict[str, PreparedCluster], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clusters["clicks"].faults[1].garbage = {"DescribeLogDirs"}
    check_up(configured("clicks", clusters["clicks"]), lambda _: None)

    assert {of(one) for one in lines(caplog)} <= {"clicks"}


def test_a_source_that_is_not_reached_names_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    source = KafkaSource(Config(name="gone", bootstrap=servers(("127.0.0.1:1",))), SystemClock(), lambda: None)
    try:
        assert source.read().topology is None
    finally:
        source.close()
    assert {of(one) for one in lines(caplog)} == {"gone"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "sources").rglob("*.py")), ids=str)
def test_sources_log_by_what_names_them(path: Path) -> None:
    if path.name != "log.py":
        assert "import logging" not in path.read_text(encoding="utf-8"), "use streamwatch.sources.log"


@pytest.mark.parametrize(
    "path", [PACKAGE / "agent" / "target_runner.py", *sorted((PACKAGE / "collectors").rglob("*.py"))], ids=str
)
def test_who_reads_a_source_names_it(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=level), keywords=given):
                assert level in LEVELS
                facts = next((one.value for one in given if one.arg == "extra"), None)
                assert isinstance(facts, ast.Dict), f"{path}:{node.lineno}"
                assert "source" in {key.value for key in facts.keys if isinstance(key, ast.Constant)}

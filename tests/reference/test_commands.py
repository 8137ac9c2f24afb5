"""The commands of the reference cluster, as a user types them."""

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import boto3
import pytest
from click.testing import CliRunner

from streamwatch.agent.config import from_flags
from streamwatch.cli.main import main
from streamwatch.cli.snapshot import read_all
from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.reference import commands
from streamwatch.reference.aws.faults import FAULTS as CLOUD_FAULTS
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.kafka import topics
from streamwatch.reference.kafka.faults import FAULTS
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import RELEASES, Release, Spec
from streamwatch.reference.scenarios import SCENARIOS
from tests.reference.acting import QUICK

SECONDS = 30


@contextmanager
def told(*args: str, control: str | None = "127.0.0.1:0") -> Iterator[tuple[str, IO[str]]]:
    """Run a cluster by the command; yield its bootstrap servers and what else it tells."""
    options = [] if control is None else ["--control", control]
    command = [sys.executable, "-m", "streamwatch", "reference", "kafka", *options, *args]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        yield process.stdout.readline().strip(), process.stderr
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


@contextmanager
def running(*args: str) -> Iterator[tuple[str, str]]:
    """Run a cluster by the command; yield its bootstrap servers and where it takes faults."""
    with told(*args) as (bootstrap, rest):
        yield bootstrap, rest.readline().strip().removeprefix("control  http://")


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["reference", *args])
    return result.exit_code, result.output


def test_a_cluster_prints_its_bootstrap_servers_first_and_takes_faults() -> None:
    with running("--brokers", "4", "--set", "broker.session.timeout.ms=1000") as (bootstrap, control):
        assert len(bootstrap.split(",")) == 4
        assert run("fault", "stop", "broker=4", "--control", control) == (0, "done: stop broker=4\n")
        now = read_all(from_flags(bootstrap, None).kafka[0])[0].snapshot
        assert isinstance(now, ClusterSnapshot)
        assert now.is_up
        code, told = run("fault", "stop", "broker=9", "--control", control)
        assert (code, "there is no 9" in told) == (1, True)


def test_a_cluster_can_be_one_of_msk_with_an_aws_around_it() -> None:
    options = ("--msk", "shop", "--msk-level", "PER_BROKER", "--msk-type", "express.m7g.large")
    with told("--brokers", "1", *options, "--aws-control", "127.0.0.1:0") as (bootstrap, rest):
        control, aws, aws_control = (rest.readline().strip() for _ in range(3))
        found = re.fullmatch(r"aws {6}(http://127.0.0.1:\d+)  \(MSK cluster shop in us-east-1, CloudWatch\)", aws)
        assert found is not None
        msk = boto3.session.Session("a", "b").client("kafka", endpoint_url=found[1], region_name="us-east-1")
        (cluster,) = msk.list_clusters_v2()["ClusterInfoList"]
        assert (cluster["ClusterName"], cluster["State"]) == ("shop", "ACTIVE")
        assert cluster["Provisioned"]["EnhancedMonitoring"] == "PER_BROKER"
        assert cluster["Provisioned"]["BrokerNodeGroupInfo"]["InstanceType"] == "express.m7g.large"
        assert msk.get_bootstrap_brokers(ClusterArn=cluster["ClusterArn"])["BootstrapBrokerString"] == bootstrap

        where = aws_control.removeprefix("control  http://").removesuffix("  (of aws)")
        assert where != control.removeprefix("control  http://")
        assert run("fault", "msk", "state=UPDATING", "--control", where) == (0, "done: msk state=UPDATING\n")
        assert msk.describe_cluster_v2(ClusterArn=cluster["ClusterArn"])["ClusterInfo"]["State"] == "UPDATING"


def test_what_runs_together_is_healed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    with ReferenceKafka(Spec(brokers=1)) as kafka, ReferenceAws() as aws:
        monkeypatch.setattr(commands, "_CONTROL", kafka.serve_control())
        monkeypatch.setattr(commands, "_AWS_CONTROL", aws.serve_control())
        cluster = aws.add_msk(kafka)
        for fault in (("slow", "broker=1"), ("msk",)):
            assert run("fault", *fault)[0] == 0
        assert (kafka.site.cluster.brokers[1].slow_seconds > 0, cluster.state) == (True, "MAINTENANCE")

        assert run("fault", "heal") == (0, "done: heal\n")
        assert (kafka.site.cluster.brokers[1].slow_seconds, cluster.state) == (0, "ACTIVE")


def test_a_second_reference_takes_faults_where_there_is_room() -> None:
    with socket.socket() as first:
        with suppress(OSError):  # then another reference is there already
            first.bind(("127.0.0.1", 9399))
            first.listen()
        with told("--brokers", "1", control=None) as (_, rest):
            control = rest.readline().strip().removeprefix("control  http://")
            assert run("fault", "stop", "broker=1", "--control", control) == (0, "done: stop broker=1\n")


def test_of_a_port_that_is_taken_it_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, told = run("kinesis", "--port", str(taken.getsockname()[1]), "--control", "127.0.0.1:0")

    assert code == 1
    assert "something listens there: give another port, or leave it out for any" in told


def test_a_cluster_runs_on_when_its_story_is_over() -> None:
    with told("--scenario", "healthy") as (bootstrap, rest):
        assert "the story is over; everything runs on, with its load, until Ctrl-C\n" in iter(rest.readline, "")
        assert read_all(from_flags(bootstrap, None).kafka[0])[0].snapshot.is_up


def test_the_ports_follow_the_first_one() -> None:
    with ReferenceKafka(Spec(brokers=1)) as free:
        port = free.site.address(1, "PLAINTEXT")[1]
    with ReferenceKafka(Spec(brokers=1), first_port=port) as kafka:
        assert kafka.bootstrap == f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("kafka", "--release", "1.0"), "'1.0' is not one of '2.8'"),
        (("kafka", "--set", "x"), "write NAME=VALUE"),
        (("kafka", "--set", "magic=1", "--control", "127.0.0.1:0"), "Unknown configuration: magic"),
        (("kafka", "--set", "num.io.threads=many", "--control", "127.0.0.1:0"), "Not a number"),
        (("kafka", "--msk", "shop", "--msk-type", "m7g"), "'m7g' is none: kafka.m7g.large"),
        (("kafka", "--msk", "shop", "--msk-level", "ALL"), "'ALL' is not one of 'DEFAULT'"),
        (("kafka", "--scenario", "none"), "'none' is unknown: one of healthy"),
        (("kafka", "--control", "0"), "'0' is no address: write HOST:PORT"),
        (("kafka", "--control", ":9399"), "':9399' is no address: write HOST:PORT"),
        (("kinesis", "--control", "127.0.0.1:70000"), "'127.0.0.1:70000' is no address: write HOST:PORT"),
        (("fault", "stop", "--control", "127.0.0.1:1"), "start `streamwatch reference kafka` or"),
    ],
)
def test_a_mistake_is_told(args: tuple[str, ...], told: str) -> None:
    code, output = run(*args)

    assert code != 0
    assert told in output


def test_what_there_is_is_listed() -> None:
    assert all(name in run("fault", "list")[1] for name in (*FAULTS, *CLOUD_FAULTS))
    assert all(name in run("scenarios")[1] for name in SCENARIOS)


@pytest.mark.parametrize("release", RELEASES, ids=str)
def test_the_agent_reads_every_persona_without_a_problem(release: Release) -> None:
    with ReferenceKafka(Spec(release=release, settings=QUICK)) as kafka:
        kafka.do(lambda site, now: topics.ensure(site.cluster, "t", now))
        (seen,) = read_all(from_flags(kafka.bootstrap, None).kafka[0])
        now, samples = seen.snapshot, seen.samples

    assert now.problems == ()
    assert isinstance(now, ClusterSnapshot)
    assert now.topology is not None
    assert len(now.topology.partition) == 1
    assert any(sample.metric.name == "kafka_active_controllers" for sample in samples)

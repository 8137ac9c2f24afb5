"""`streamwatch reference kinesis`: what it prints is there when it is printed, in the region that it names."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import boto3
import pytest
from botocore.config import Config
from click.testing import CliRunner

from streamwatch.agent.targets import TargetFactory
from streamwatch.cli.main import main
from streamwatch.reference.aws import faults
from streamwatch.reference.aws.beside import KINDS, add
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.redshift import Redshift
from streamwatch.reference.aws.server import ReferenceAws
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import config

SECONDS = 60
SESSION = boto3.session.Session("a", "b")


@contextmanager
def printed(*args: str) -> Iterator[tuple[str, list[str]]]:
    """Run streams by the command; yield their endpoint and the two lines that follow."""
    command = [sys.executable, "-m", "streamwatch", "reference", "kinesis", "--control", "127.0.0.1:0", *args]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().strip()
        yield url, [process.stderr.readline().strip() for _ in range(2)]
    finally:
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert process.returncode == 0


def client(url: str, region: str) -> Any:
    once = Config(retries={"total_max_attempts": 1})
    return SESSION.client("kinesis", endpoint_url=url, region_name=region, config=once)


def test_who_comes_at_once_finds_every_stream_active_in_the_region_that_is_printed() -> None:
    with printed("--region", "eu-west-1", "--stream", "orders", "--stream", "clicks") as (url, (control, region)):
        found = [
            client(url, "eu-west-1").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            for name in ("orders", "clicks")
        ]
        elsewhere = client(url, "us-east-1").list_streams()["StreamNames"]

    assert [(one["StreamStatus"], one["OpenShardCount"]) for one in found] == [("ACTIVE", 4)] * 2
    assert all(":eu-west-1:" in one["StreamARN"] for one in found)
    assert elsewhere == []
    assert re.fullmatch(r"control  http://127\.0\.0\.1:\d+", control)
    assert region == "region   eu-west-1  (has orders, clicks; other regions have no streams)"


@pytest.mark.parametrize("option", [("--load",), ("--scenario", "hot_shard")])
def test_what_a_load_has_is_there_when_the_endpoint_is_printed(option: tuple[str, ...]) -> None:
    client("http://127.0.0.1:1", "us-east-1")  # the next one is there at once
    with printed(*option) as (url, (_, region)):
        kinesis = client(url, "us-east-1")
        found = [
            kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
            for name in ("purchases", "clickstream")
        ]
        (consumer,) = kinesis.list_stream_consumers(StreamARN=found[1]["StreamARN"])["Consumers"]

    assert [one["StreamStatus"] for one in found] == ["ACTIVE"] * 2
    assert all("IncomingBytes" in one["EnhancedMonitoring"][0]["ShardLevelMetrics"] for one in found)
    assert (consumer["ConsumerName"], consumer["ConsumerStatus"]) == ("dashboard", "ACTIVE")
    assert region.startswith("region   us-east-1  (has purchases, clickstream;")


@pytest.mark.parametrize("option", [("--load",), ("--scenario", "hot_shard")])
def test_a_load_elsewhere_is_refused(option: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, ["reference", "kinesis", "--region", "eu-west-1", *option])

    assert (result.exit_code, "the streams of a load and of a story are in us-east-1" in result.output) == (2, True)


@pytest.fixture
def beside() -> Iterator[tuple[ReferenceAws, Time]]:
    """A stream with one reader of each kind, for ten minutes."""
    time = Time()
    with cloud(time) as aws:
        aws.do(lambda one, now: one.kinesis().create("reference", "PROVISIONED", 1, now - 60))
        time.advance(1)
        aws.do(Cloud.pass_time)
        aws.do(lambda one, now: add(one, now, tuple(KINDS), "reference"))
        for _ in range(60):
            time.advance(10)
            aws.do(Cloud.pass_time)
        yield aws, time


def test_each_kind_that_is_wanted_is_there_and_can_be_broken(beside: tuple[ReferenceAws, Time]) -> None:
    aws, time = beside
    asked = [kind for kind in KINDS if kind != "redshift"]  # its statements are asked for one read later
    kinds = ", ".join(f"{one}: {{enabled: true}}" for one in asked)
    targets = TargetFactory(time).targets(config(aws.url, f"readers: {{{kinds}}}"), lambda: None)
    try:
        found: list[Any] = [each.source.read() for each in targets]
    finally:
        for each in targets:
            each.source.close()
    readers = [one for each in found[1:] for one in each.readers]

    assert {one.kind for one in readers} == {"lambda" if kind == "functions" else kind for kind in asked}
    assert all("reference" in one.name for one in readers)
    view = aws.do(lambda one, _: one.beside(Redshift).warehouses["reference"].views["reference"])
    assert len(view.refreshes) == 11
    for fault in ("connector", "replication", "pipe", "flink", "replicator", "hose"):
        aws.do(partial(broken, fault, {"name": "reference"}))
    aws.do(partial(broken, "view", {"warehouse": "reference", "name": "reference"}))


def broken(fault: str, given: dict[str, Any], of: Cloud, now: float) -> None:
    faults.apply(of, now, fault, given)


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    result = CliRunner().invoke(main, ["reference", "kinesis", "--with", "firehose,hoses"])

    assert (result.exit_code, "'hoses' is no kind: one of kcl, functions, firehose," in result.output) == (2, True)

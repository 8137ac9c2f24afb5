"""Regions without streams, and STS out of reach: what is said, and what is read all the same."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.catalogue import kinesis as k
from streamwatch.cli import main as cli
from streamwatch.export.web_page.sample_index import Read, SampleIndex
from streamwatch.export.web_page.view import view
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.test_source import broken, make, put
from tests.sources.kinesis.watching import Eyes

KEYS = "access_key_id: a, secret_access_key: b"
NOTE = "no streams in eu-west-1; wrong region?"


def test_a_region_without_streams_is_said_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    time = Time()
    with cloud(time) as aws, caplog.at_level(logging.WARNING, "streamwatch"):
        make(aws, "s")
        eyes = Eyes(aws, time, regions="us-east-1, eu-west-1")
        for _ in range(3):
            eyes.read()
            time.advance(60)
        assert eyes.snapshot.notes() == (NOTE,)
        assert eyes.snapshot.is_up
        assert eyes.problems() == set()
        assert [one.getMessage() for one in caplog.records] == [NOTE]


def test_streams_that_the_configuration_leaves_out_are_counted() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s", "t")
        eyes = Eyes(aws, time, more="streams: {allow: [other]}")
        eyes.read()
        assert "none of the 2 streams in us-east-1" in eyes.snapshot.notes()[0]
        make(aws, "other")
        eyes.read()
        assert eyes.snapshot.notes() == ()


def test_a_region_without_streams_is_on_the_page() -> None:
    time = Time()
    with cloud(time) as aws:
        eyes = Eyes(aws, time, regions="eu-west-1")
        read = Read("mine", "mine", "kinesis", 60.0, eyes.read())
        found = view("1", [read], {"mine": eyes.samples}, (), (), 0, time.now())
        assert (found.health, found.headline) == ("warn", f"mine: {NOTE}")
        assert SampleIndex(eyes.samples).is_up(read)


def test_a_snapshot_of_a_region_without_streams_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with cloud() as aws:
        keys = f"endpoint_url: '{aws.url}', access_key_id: a, secret_access_key: b"
        (tmp_path / "c.yml").write_text(
            f"kinesis: [{{name: mine, regions: [eu-west-1], access: {{{keys}}}}}]\n", "utf-8"
        )
        found = CliRunner().invoke(cli.main, ["snapshot", "--config", "c.yml"])
        document = CliRunner().invoke(cli.main, ["snapshot", "--config", "c.yml", "--json"])
    assert (found.exit_code, NOTE in found.output) == (0, True), found.output
    assert (document.exit_code, [one["notes"] for one in json.loads(document.stdout)]) == (0, [[NOTE]])


def test_streams_are_read_where_sts_is_denied() -> None:
    time = Time()
    with cloud(time) as aws:
        make(aws, "s")
        broken(aws, "deny", operation="GetCallerIdentity")
        eyes = Eyes(aws, time)
        eyes.read()
        assert (eyes.problems(), eyes.value(k.OPEN_SHARDS)) == (set(), 1)
        assert {stream.account for stream in eyes.snapshot.streams or ()} == {"123456789012"}
        assert not [one for one in eyes.snapshot.calls if one.service == "sts"]


def test_a_region_without_streams_is_read_where_sts_is_denied() -> None:
    time = Time()
    with cloud(time) as aws:
        broken(aws, "deny", operation="GetCallerIdentity")
        eyes = Eyes(aws, time, regions="eu-west-1")
        eyes.read()
        assert eyes.snapshot.is_up
        assert eyes.snapshot.notes() == (NOTE,)


@pytest.fixture(params=["refuses", "hangs"])
def no_sts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An STS of its own that cannot be reached: nobody there, or nobody who answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.getsockname()[1]}")
        if request.param == "refuses":
            server.close()
        yield


@pytest.mark.usefixtures("no_sts")
def test_streams_and_cloudwatch_are_read_where_sts_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    with cloud(time) as aws:
        for service in ("KINESIS", "CLOUDWATCH", "RESOURCE_GROUPS_TAGGING_API"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws.url)
        make(aws, "s")
        eyes = Eyes(aws, time, url="", access=KEYS, regions="us-east-1, eu-west-1")
        for _ in range(8):
            put(aws, "s", 10)
            time.advance(60)
            eyes.read()
        assert eyes.problems() == set()
        assert eyes.value(k.OPEN_SHARDS) == 1
        assert eyes.value(k.INCOMING_RECORDS)
        assert {stream.account for stream in eyes.snapshot.streams or ()} == {"123456789012"}
        assert [one.account for one in eyes.snapshot.quotas] == ["123456789012"]
        assert eyes.snapshot.notes() == (NOTE,)
        assert not [one for one in eyes.snapshot.calls if one.service == "sts"]

"""The demonstration: what it reads off the agent's page, what it finds worth a line; it runs and ends clean."""

import io
import json
import math
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pytest
from rich.console import Console

from streamwatch.demo.agent import GroupFigures, PageFigures, seen
from streamwatch.demo.changes import changes
from streamwatch.demo.hurried import hurried, in_a_hurry
from streamwatch.demo.pager import Pager, Rung
from streamwatch.demo.run import Story, hear, shortened
from streamwatch.demo.show import Plain, view
from streamwatch.model.alert import Alert, State
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification, Status
from streamwatch.notify.channels.webhook import payload
from streamwatch.reference.play import ALL
from streamwatch.reference.scenarios import SCENARIOS
from streamwatch.rules.config import pack_folder

PAGE = """\
kafka_broker_up{kafka_cluster="reference",broker="1"} 1
kafka_broker_up{kafka_cluster="reference",broker="2"} 0
kafka_broker_leaders{kafka_cluster="reference",broker="1"} 7
kafka_broker_under_replicated_partitions{kafka_cluster="reference",broker="1"} 3
kafka_active_controllers{kafka_cluster="reference"} 1
kafka_group_state{kafka_cluster="reference",group="g",type="classic",state="Stable"} 1
kafka_group_lag{kafka_cluster="reference",group="g"} 12
"""


def test_a_page_is_read_and_what_it_does_not_say_is_not_known() -> None:
    found = seen(PAGE)

    assert found.brokers == {"1": True, "2": False}
    assert (found.under_replicated, found.controllers) == (3, 1)
    assert math.isnan(found.offline)
    assert found.groups["g"].lag == 12
    assert math.isnan(found.groups["g"].members)


def test_a_change_is_told_and_marked_where_it_is_bad() -> None:
    before = PageFigures(brokers={"1": True}, under_replicated=0.0, groups={"g": GroupFigures("Stable", 2, 0.0, 0.0)})
    after = PageFigures(
        brokers={"1": False}, under_replicated=4.0, groups={"g": GroupFigures("Empty", 0, 900.0, 1.0, 1.0)}
    )

    assert list(changes(before, after)) == [
        (True, "broker 1 is DOWN"),
        (True, "under-replicated partitions: 4"),
        (False, "group g is Empty"),
        (False, "group g has 0 members"),
        (True, "group g: 1 members have nothing to do"),
        (True, "group g: lag 900 records"),
    ]
    assert list(changes(after, after)) == []
    assert list(changes(PageFigures(), after)) == []


def test_the_pager_rings_for_pages_only() -> None:
    def told(severity: str, status: str) -> None:
        labels = {"severity": severity, "alertname": "Down"}
        alerts = [
            {"labels": labels, "annotations": {"summary": "it is down"}, "fingerprint": fingerprint}
            for fingerprint in ("a", "b")
        ]
        body = json.dumps({"status": status, "alerts": alerts, "groupLabels": {}, "groupKey": "{}"})
        with closing(urlopen(pager.url, body.encode(), timeout=60)) as answer:  # noqa: S310 - on loopback
            assert answer.status == 204

    with Pager() as pager:
        for severity, status in (("critical", "firing"), ("critical", "resolved"), ("warning", "firing")):
            told(severity, status)
        both = frozenset("ab")
        assert pager.take() == [
            Rung(wakes=True, is_over=False, what="critical: it is down (and 1 more)", alerts=both),
            Rung(wakes=False, is_over=True, what="over: it is down (and 1 more)", alerts=both),
            Rung(wakes=False, is_over=False, what="warning: it is down (and 1 more)", alerts=both),
        ]
        assert pager.take() == []


def notification(status: Status, summary: str, labels: Labels) -> dict[str, Any]:
    """What the agent posts of one alert."""
    state: State = "firing" if status == "firing" else "inactive"
    alert = Alert(labels, state, 1.0, 100.0, (("summary", summary),), 100.0, 200.0)
    sent = Notification("{}", labels, status, (alert,), 200.0)
    return cast("dict[str, Any]", json.loads(payload(sent, "pager", "")))


def test_it_tells_that_something_is_over_by_the_alert_and_not_by_its_text() -> None:
    told = story()
    stands, other = (
        Labels({"alertname": "LambdaReaderStandsStill", "severity": "critical", "function": name})
        for name in ("ship", "bill")
    )

    def lines_of(pager: Pager, each: dict[str, Any]) -> list[tuple[str, str]]:
        told.lines.clear()
        pager.receive(each)
        hear(told, pager.take(), 110.0)
        return [(who, what) for _, who, what in told.lines]

    with Pager() as pager:
        early = notification("firing", "bill stands still for 3s", other)
        assert lines_of(pager, early) == [], "how everything starts is no news"
        told.is_ready = True
        assert lines_of(pager, notification("firing", "ship stands still for 23s", stands)) == [
            ("pager!", "critical: ship stands still for 23s")
        ]
        assert lines_of(pager, notification("resolved", "bill stands still for 9s", other)) == [], "it was not told of"
        over = notification("resolved", "ship stands still for 41s", stands)
        assert lines_of(pager, over) == [("pager", "over: ship stands still for 41s")]
        assert lines_of(pager, over) == [], "delivered twice, it is told once"


def story() -> Story:
    told = Story(
        SCENARIOS["broker_down"],
        "127.0.0.1:1",
        "http://127.0.0.1:3",
        "http://127.0.0.1:2/",
        100.0,
        107.0,
        seen(PAGE),
    )
    told.lines += [(5.0, "happens", "broker 2 dies"), (5.1, "agent!", "broker 2 is DOWN")]
    return told


@pytest.mark.parametrize(
    ("text", "hurried_text"),
    [
        ("has not answered for 10 minutes", "has not answered for 30 seconds"),
        ("could not handle 7 records in ten minutes", "could not handle 7 records in 30 seconds"),
        ("fewer than in the last six hours", "fewer than in the last 18 minutes"),
        ("At the pace of the last hour.", "At the pace of the last 3 minutes."),
        ("50% of the last quarter of an hour rebalancing", "50% of the last 45 seconds rebalancing"),
        ("five calls and 2 MiB a second", "five calls and 2 MiB a second"),
        ("will be full in four hours", "will be full in four hours"),
    ],
)
def test_what_an_alert_says_is_true_of_rules_in_a_hurry(text: str, hurried_text: str) -> None:
    assert in_a_hurry(text, 20) == hurried_text


def test_no_alert_in_a_hurry_speaks_of_the_time_that_it_usually_takes(tmp_path: Path) -> None:
    hurried(tmp_path, 20)
    for path in pack_folder().glob("*.yml"):
        usual, quick = (one.read_text(encoding="utf-8").splitlines() for one in (path, tmp_path / path.name))
        pairs = [(a, b) for a, b in zip(usual, quick, strict=True) if " minutes" in a and not a.strip().startswith("#")]
        assert all(a != b for a, b in pairs), path.name


@pytest.mark.parametrize("name", ALL)
def test_every_story_takes_a_minute_at_the_most_and_keeps_its_order(name: str) -> None:
    story, pace = shortened(ALL[name])
    assert story.seconds <= 60.001
    assert pace == pytest.approx(max(1, ALL[name].seconds / 60))
    assert [step.announcement for step in story.steps] == [step.announcement for step in ALL[name].steps]
    assert sorted(step.at for step in story.steps) == [step.at for step in story.steps]


def test_what_a_story_makes_one_expect_is_as_quick_as_the_story() -> None:
    assert "15 seconds after the last minute" in shortened(ALL["dead_consumer"])[0].seen
    assert shortened(ALL["broker_down"]) == (ALL["broker_down"], 1.0)


def test_lines_are_printed_once() -> None:
    out = io.StringIO()
    plain = Plain(Console(file=out))
    plain.update(story())
    plain.update(story())

    assert out.getvalue().count("broker 2 dies") == 1
    assert out.getvalue().startswith("page     http://127.0.0.1:2/ ")
    assert "http://127.0.0.1:2/metrics" in out.getvalue()


def test_a_line_that_comes_while_lines_are_printed_is_printed_next() -> None:
    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            if "broker 2 is DOWN" in text:
                now.lines.append((5.2, "agent", "said by another thread meanwhile"))
            return super().write(text)

    out, now = Slow(), story()
    plain = Plain(Console(file=out, width=200))
    plain.update(now)
    plain.update(now)

    assert out.getvalue().count("said by another thread meanwhile") == 1


def test_the_view_shows_the_brokers_the_groups_and_what_is_not_known() -> None:
    out = io.StringIO()
    Console(file=out, width=120).print(view(story()))

    for word in ("broker down", "✗ down", "● up", "Stable", "offline ?", "broker 2 is DOWN", "127.0.0.1:2"):
        assert word in out.getvalue()


MARK = f"DEMO_OF_TEST={os.getpid()}"
"""In the environment of all that a demonstration of ours starts: others on this machine may have their own."""


def children() -> set[str]:
    """The commands of the processes that our demonstrations have started."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (
                (folder / name).read_bytes().replace(b"\0", b"\n").decode() for name in ("cmdline", "environ")
            )
        except OSError:
            continue
        if MARK in environment.splitlines():
            found.add(f"{folder.name} {command}")
    return found


def demo(*args: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "streamwatch", "demo", *args]
    name, _, value = MARK.partition("=")
    environment = {**os.environ, name: value}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_it_tells_its_story_and_leaves_nothing_behind() -> None:
    process = demo("--for", "120s")
    assert process.stdout is not None
    told = [process.stdout.readline()]
    while "SEES under-replicated" not in told[-1] and process.poll() is None:
        told.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert told[0].startswith("page "), "where to look is said first"
    said = "".join((*(line for line in told if "agent" in line or "·" in line), rest))
    wanted = (
        "2 streams with 6 shards, all of them read",
        "broker 2 dies",
        "broker 2 is DOWN",
        "SEES under-replicated",
        "the end",
    )
    assert [words for words in wanted if words not in said] == []
    assert not children()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    process = demo()
    assert process.stdout is not None
    while "are running" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    told, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert "the end" in told
    assert not children()


def test_it_stays_when_its_story_is_over_where_that_is_wanted() -> None:
    process = demo("--scenario", "healthy", "--stay")
    assert process.stdout is not None
    while "everything runs on until Ctrl-C" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=60)

    assert (process.returncode, errors, "the end" in told) == (0, "", True)


@pytest.mark.parametrize(
    ("args", "told"),
    [(["--scenario", "none"], "'none' is unknown: one of healthy"), (["--for", "soon"], "is no duration: write 60s")],
)
def test_a_wrong_option_is_told(args: list[str], told: str) -> None:
    process = demo(*args)
    assert told in process.communicate(timeout=30)[1]
    assert process.returncode == 2


STREAMS = """\
kinesis_stream_up{aws_account="1",aws_region="r",stream="s"} 1
kinesis_stream_open_shards{aws_account="1",aws_region="r",stream="s"} 4
kinesis_stream_being_read{aws_account="1",aws_region="r",stream="s"} 0
kinesis_stream_write_throttled_records_total{aws_account="1",aws_region="r",stream="s"} 12
kinesis_stream_write_bytes_limit_ratio{aws_account="1",aws_region="r",stream="s"} 0.5
kinesis_stream_split_candidate_ratio{aws_account="1",aws_region="r",stream="s",shard="shardId-0",hash_key="7"} 0.9
streamwatch_source_problems{source="streams",scope="region",reason="denied"} 1
"""


def test_streams_are_seen_and_their_changes_told() -> None:
    calm = seen(
        STREAMS.replace("being_read", "other").replace(" 12", " 2").replace("split", "x").replace("source_p", "p")
    )
    found = seen(STREAMS)

    assert (found.streams["s"].shards, found.streams["s"].write_use) == (4, 0.5)
    assert math.isnan(found.streams["s"].age)
    assert list(changes(calm, found)) == [
        (True, "it cannot read everything of 'streams': denied"),
        (True, "stream s is NOT being read"),
        (True, "stream s: 10 records refused for its write limits"),
        (True, "stream s: split shardId-0 at 7 (90% of its limit)"),
    ]
    assert list(changes(found, calm)) == [(False, "it reads 'streams' again: no longer denied")]

"""The page in a real browser: healthy, with a broker down, with a hot shard; on a desk and on a phone, dark and light.

STREAMWATCH_PICTURES=FOLDER keeps the screenshots.
"""

import os
import re
import time as real_time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.agent.app import App
from streamwatch.agent.config import parse
from streamwatch.archive.numbers import numbers_of
from streamwatch.catalogue import kinesis_shards as shards
from streamwatch.core.clock import SystemClock
from streamwatch.demo.hurried import hurried
from streamwatch.demo.pager import Pager
from streamwatch.demo.run import HURRIED_SETTINGS
from streamwatch.export.endpoints import Health, endpoints
from streamwatch.export.exposition import Exposition
from streamwatch.export.web_page.addresses import EntityRef
from streamwatch.export.web_page.charts import WINDOWS
from streamwatch.export.web_page.flow import flow
from streamwatch.export.web_page.render import Renderer
from streamwatch.export.web_page.sample_index import Read
from streamwatch.export.web_page.view import view
from streamwatch.http.message import Response
from streamwatch.http.server import Config, Server
from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.spec import Spec
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.play import LoadProcess
from streamwatch.settings.types import HostPort
from tests.export.web_page.hours import THINGS, page
from tests.flow.maps import house, made_of
from tests.real import artefacts
from tests.real.browser import Browser
from tests.real.conftest import had
from tests.reference.kinesis.acting import Time, cloud
from tests.sources.kinesis.watching import Eyes
from tests.waiting import wait_for

pytestmark = pytest.mark.real
DOWN: Final = re.compile("[Bb]roker 2 .*does not answer")
"""What the page says of it first, and the sentence of the incident a moment later."""
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
_WAYS = ((1440, False), (1440, True), (390, False), (390, True))
_CONFIG = """
kafka: [{{name: orders, bootstrap: [{at}], interval: 1s, deadline: 900ms, log_dirs_interval: 1s}}]
listen: {{address: '127.0.0.1:0'}}
rules: {{pack: false, files: ['{rules}/*.yml'], evaluation_interval: 1s}}
notify: {{webhook: [{{name: oncall, url: '{pager}'}}]}}
"""
_MORE = "describe_interval: 10s\n    cloudwatch: {detail_interval: 60s, quiet_interval: 60s}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with had(Browser) as browser:
        yield browser


@pytest.fixture(scope="module")
def axe() -> str:
    folder = had(lambda: artefacts.node_modules("axe-core"))
    return (folder / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return Path(os.environ.get("STREAMWATCH_PICTURES", str(tmp_path)))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ReferenceKafka, str]]:
    """A reference cluster with load, and the address of an agent that watches it."""
    rules = tmp_path_factory.mktemp("rules")
    hurried(rules, 20)
    with (
        ReferenceKafka(Spec(brokers=3, settings=HURRIED_SETTINGS)) as kafka,
        LoadProcess(kafka.bootstrap, 50),
        Pager() as pager,
        ExitStack() as stack,
    ):
        text = _CONFIG.format(at=kafka.bootstrap, rules=rules, pager=pager.url)
        app = App(parse(text, "test", rules), SystemClock())
        app.start()
        stack.callback(app.stop)
        yield kafka, f"http://{app.address}/"


@contextmanager
def hot_stream() -> Iterator[str]:
    """The page of an agent that sees a stream of which one shard takes nearly all; time passes as it is told to."""
    time = Time()

    def ask(operation: str, **given: Any) -> None:
        def call(cloud: Cloud, now: float) -> None:
            cloud.kinesis().timers.run(now)
            OPERATIONS[operation](cloud.kinesis(), given, now)
            cloud.kinesis().timers.run(now)

        aws.do(call)

    with cloud(time) as aws:
        ask("CreateStream", StreamName="clicks", ShardCount=4)
        ask("EnableEnhancedMonitoring", StreamName="clicks", ShardLevelMetrics=["ALL"])
        eyes = Eyes(aws, time, more=_MORE)
        eyes.read()
        for _ in range(240):
            ask("PutRecords", StreamName="clicks", Records=[{"Data": b"x", "PartitionKey": "hot"}] * 240)
            time.advance(0.25)
        for _ in range(6):
            time.advance(60)
            eyes.read()
            if eyes.all(shards.SHARD_WRITE_RECORDS_USE):
                break
        read = Read("mine", "mine", "kinesis", 60.0, eyes.snapshot)
        shown = view("test", [read], {"mine": eyes.samples}, [], [], 0, time.now())
        with serving(Renderer().render(shown)) as url:
            yield url
        eyes.close()


@contextmanager
def serving(answer: Response) -> Iterator[str]:
    page = Exposition().render(())
    config = Config(address=HostPort("127.0.0.1", 0))
    server = Server(config, endpoints(page=lambda: page, health=Health, ready=Health, status=str, home=lambda: answer))
    server.start()
    try:
        yield f"http://{server.address}/"
    finally:
        server.stop()


def headline(browser: Browser) -> str:
    return str(browser.evaluate("document.querySelector('h1').innerText"))


def looked_at(  # noqa: PLR0913, PLR0917 - who looks, at what, and in which ways
    browser: Browser, axe: str, url: str, name: str, pictures: Path, ways: Sequence[tuple[int, bool]] = _WAYS
) -> None:
    """Look at a page in every way: it fits, it says nothing to the console, and people with other eyes can use it."""
    browser.open("about:blank", width=ways[0][0])  # the page before asks no more for what is gone
    for width, dark in ways:
        browser.said.clear()
        browser.open(url, width=width, dark=dark)
        assert browser.evaluate("document.documentElement.scrollWidth") <= width, "nothing sticks out"
        in_sight = "document.querySelector('header').getBoundingClientRect().bottom < innerHeight / 3"
        assert browser.evaluate(in_sight), "how it is stands at the top"
        browser.picture(pictures / f"{name}-{width}-{'dark' if dark else 'light'}.png", whole=True)
        browser.evaluate(axe)
        found = browser.evaluate(f"axe.run({{runOnly: {_RULES}}}).then(r => r.violations.map(v => [v.id,"
                                 " v.nodes.map(n => n.html + n.failureSummary)]))")  # fmt: skip
        assert found == [], f"{name}, {width} px, dark: {dark}"
        assert browser.said == []


def test_healthy(browser: Browser, axe: str, watched: tuple[ReferenceKafka, str], pictures: Path) -> None:
    _, url = watched

    def is_well() -> bool:
        browser.open(url, width=1440)
        return headline(browser).endswith("All is well: orders")

    wait_for(is_well, 180, "the cluster is healthy")
    looked_at(browser, axe, url, "healthy", pictures)
    colours = "new Set([...document.querySelectorAll('.brokers li')].map(one => one.className)).size"
    assert browser.evaluate(colours) == 1


def test_a_broker_that_dies_is_seen_by_who_is_looking(
    browser: Browser, axe: str, watched: tuple[ReferenceKafka, str], pictures: Path
) -> None:
    kafka, url = watched
    browser.open(url, width=1440)
    wait_for(lambda: "All is well" in headline(browser), 180, "the cluster is healthy")
    browser.evaluate("document.querySelector('details[id]').open = false")
    browser.evaluate("document.querySelector('details[id] summary').focus()")

    kafka.do(lambda site, now: faults.stop(site, now, broker=2))
    wait_for(lambda: DOWN.search(headline(browser)), 20, "the page, which nobody reloads, says it")
    told = "document.querySelector('.alerts .sent')?.innerText ?? ''"
    wait_for(lambda: "oncall was notified" in browser.evaluate(told), 60, "it says who was told")
    assert browser.evaluate("document.querySelector('.brokers .bad .name').innerText").split("broker ")[1][0] == "2"
    assert browser.evaluate("document.querySelector('details[id^=map]').open") is False, "what was closed stays closed"
    assert DOWN.search(browser.evaluate("document.title"))
    looked_at(browser, axe, url, "broker-down", pictures)


def test_the_essentials_are_there_without_scripts(browser: Browser, watched: tuple[ReferenceKafka, str]) -> None:
    _, url = watched
    wanted = ("orders", "broker 1", "consumer_offsets")

    def words() -> str:
        browser.open(url, width=390, scripts=False)
        tree = browser.do("Accessibility.getFullAXTree")["nodes"]
        return " ".join(str(one["name"]["value"]) for one in tree if "name" in one)

    wait_for(lambda: all(word in words() for word in wanted), 60, "what matters is there for who hears the page")
    assert browser.evaluate("document.querySelector('noscript meta, head > meta[http-equiv=refresh]') !== null")


def test_the_keyboard_is_enough(browser: Browser, watched: tuple[ReferenceKafka, str]) -> None:
    _, url = watched
    browser.open(url, width=1440)
    focused = "document.activeElement.closest('details[id^=map] summary') !== null"

    def reached() -> bool:
        browser.press("Tab")
        return bool(browser.evaluate(focused))

    wait_for(reached, 10, "the partitions' summary is reached")
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "one sees where one is"
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('details[id^=map]').open") is False


def test_a_silence_is_made_and_ended_on_the_page(
    browser: Browser, axe: str, watched: tuple[ReferenceKafka, str], pictures: Path
) -> None:
    _, url = watched
    browser.open(url, width=1440)
    told, silenced = (
        "document.getElementById('silence-answer').innerText",
        "document.getElementById('silenced').innerText",
    )
    browser.evaluate("document.querySelector('#silencing summary').click()")

    def silence(what: str) -> None:
        browser.evaluate(f"document.getElementById('silence-what').value = {what!r}")
        browser.evaluate("document.getElementById('silence-by').value = 'me'")
        browser.evaluate("document.querySelector('#silence button').click()")

    silence("alertname=KafkaBrokerDwn")
    wait_for(lambda: "is 'KafkaBrokerDown' meant?" in browser.evaluate(told), 20, "it says that nothing matches")
    wait_for(lambda: 'KafkaBrokerDwn" until' in browser.evaluate(silenced), 20, "it is listed")
    silence("kafka_cluster")
    wait_for(lambda: "is no condition" in browser.evaluate(told), 20, "it says what is wrong")
    assert "KafkaBrokerDwn" in browser.evaluate(silenced)
    browser.evaluate(axe)
    found = browser.evaluate(f"axe.run({{runOnly: {_RULES}}}).then(r => r.violations.map(v => v.id))")
    assert found == []
    browser.picture(pictures / "silences.png", whole=True)
    browser.evaluate("document.querySelector('#silenced button').click()")
    wait_for(lambda: "KafkaBrokerDwn" not in browser.evaluate(silenced), 20, "it has ended")
    assert browser.said == []


def test_a_hot_shard(browser: Browser, axe: str, pictures: Path) -> None:
    with hot_stream() as url:
        browser.open(url, width=1440)
        assert "clicks" in headline(browser)
        assert "hot: shardId-" in headline(browser)
        hot = "document.querySelectorAll('.shards .heat8, .shards .heat9, .shards .heat10').length"
        assert browser.evaluate(hot) == 1
        assert browser.evaluate("document.querySelectorAll('.shards rect').length") == 4
        looked_at(browser, axe, url, "hot-shard", pictures)


_TEXTS_OVER_OTHERS = """(() => {
  const all = [...document.querySelectorAll('.flow text')].map(one => [one, one.getBoundingClientRect()]);
  const over = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2;
  return all.flatMap(([one, a], at) => all.slice(at + 1).filter(([, b]) => over(a, b)).map(([other]) =>
    one.textContent + ' | ' + other.textContent));
})()"""
_TEXTS_OUT_OF_BOXES = """[...document.querySelectorAll('.flow svg')].flatMap(box =>
  [...box.querySelectorAll('text')].filter(one => {
    const inner = one.getBoundingClientRect(), outer = box.getBoundingClientRect();
    return inner.right > outer.right + 1 || inner.left < outer.left || inner.bottom > outer.bottom + 1;
  }).map(one => one.textContent))"""


@pytest.mark.parametrize("nodes", [5, 200])
def test_the_map_of_who_reads_what(browser: Browser, axe: str, pictures: Path, nodes: int) -> None:
    with serving(Renderer().flow(flow(made_of(*house(nodes))))) as url:
        looked_at(browser, axe, url, f"flow-{nodes}", pictures)
        assert browser.evaluate("document.querySelectorAll('.flow .box').length") == (5 if nodes == 5 else 70)
        assert browser.evaluate(_TEXTS_OVER_OTHERS) == []
        assert browser.evaluate(_TEXTS_OUT_OF_BOXES) == []


@pytest.mark.parametrize("ref", THINGS, ids=lambda ref: ref.kind)
def test_the_page_of_a_single_thing(browser: Browser, axe: str, pictures: Path, ref: EntityRef) -> None:
    with serving(Renderer().entity(page(ref, WINDOWS[0]))) as url:
        looked_at(browser, axe, url, f"single-{ref.kind}", pictures, _WAYS[::3])
        assert bool(browser.evaluate("document.querySelectorAll('figure svg path.line').length")) is bool(
            numbers_of(ref.kind)
        )
        browser.open(url, width=390, scripts=False)
        assert browser.evaluate("document.querySelector('nav.windows a[aria-current]').innerText") == "the last hour"


def test_on_a_phone_the_lag_in_time_and_what_is_lost_are_in_sight(browser: Browser, pictures: Path) -> None:
    with serving(Renderer().entity(page(THINGS[0], WINDOWS[2]))) as url:
        browser.open(url, width=390)
        out = "[...document.querySelectorAll('table.groups th, table.groups td')].filter(one => one.offsetParent)"
        assert browser.evaluate(f"Math.max(...{out}.map(one => one.getBoundingClientRect().right))") <= 390
        browser.picture(pictures / "single-week-390.png", whole=True)
        browser.press("Tab")
        assert browser.evaluate("document.activeElement.getAttribute('href')") == "/"


def test_an_agent_that_no_longer_answers_is_said(browser: Browser) -> None:
    with hot_stream() as url:
        browser.open(url, width=1440)
        assert browser.evaluate("document.getElementById('lost').hidden") is True
    began = real_time.monotonic()
    wait_for(lambda: not browser.evaluate("document.getElementById('lost').hidden"), 30, "the page says that it is old")
    assert real_time.monotonic() > began
    assert "has not answered for" in browser.evaluate("document.getElementById('lost').innerText")
    assert browser.evaluate("getComputedStyle(document.querySelector('main')).opacity") == "0.45"

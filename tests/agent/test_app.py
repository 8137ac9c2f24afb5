"""The agent as a whole, on a cluster that is not there: it stays well, and says so."""

import socket
import threading
from dataclasses import replace
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamwatch.agent import config
from streamwatch.agent.app import App
from streamwatch.agent.config import share
from streamwatch.core.clock import ManualClock
from streamwatch.core.errors import ConfigError, ExportError
from streamwatch.settings.types import HostPort
from streamwatch.sources.kafka import KafkaSource
from tests.conftest import Start, closed_port, get
from tests.waiting import wait_for


def settings(*clusters: str, **listen: Any) -> config.Config:
    each = [f"{{name: {name}, bootstrap: ['127.0.0.1:{closed_port()}'], interval: 1s}}" for name in clusters]
    found = config.parse(f"kafka: [{', '.join(each)}]\nlisten: {{address: '127.0.0.1:0'}}", "test.yaml", Path())
    return replace(found, listen=replace(found.listen, **listen))


def samples(app: App) -> dict[str, dict[str, float]]:
    """Return the page: values by name, and by the last label's value."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(get(app, "/metrics")[1]):
        for one in family.samples:
            found.setdefault(one.name, {})[next(reversed(one.labels.values()), "")] = one.value
    return found


def test_a_cluster_that_is_not_there_is_said_and_the_agent_stays_well(start: Start) -> None:
    app = start(settings("a"))

    page = samples(app)
    assert page["streamwatch_source_up"] == {"a": 0.0}
    assert page["streamwatch_source_problems"] == {"unreachable": 1.0}
    assert not [name for name in page if name.startswith("kafka_")]
    assert page["streamwatch_build_info"]
    assert page["process_resident_memory_bytes"][""] > 0
    assert get(app, "/healthz") == (200, "ok\n")
    text = get(app, "/")[1]
    assert "\n\na: cannot be read" in text, "the headline comes first"
    assert "kafka a: cannot be read" in text


def test_however_many_look_the_page_is_made_once_a_second() -> None:
    clock = ManualClock(1000.0)
    app = App(settings("a"), clock)
    first = app._home()
    assert b"Nothing is watched here" in first.body  # before the start
    assert app._home() is first
    clock.advance(1.0)
    assert app._home() is not first
    app.stop()


def test_a_reload_keeps_what_did_not_change(start: Start) -> None:
    first = settings("a", "b", reload=True)
    second = replace(first, kafka=(first.kafka[0], *settings("c").kafka))
    app = start(first, lambda: second)
    kept = app._runners["a"]

    assert get(app, "/-/reload", "POST")[0] == 200
    assert set(app._runners) == {"a", "c"}
    assert app._runners["a"] is kept
    wait_for(lambda: set(samples(app)["streamwatch_source_up"]) == {"a", "c"}, 20, "b is gone and c is read")
    assert samples(app)["streamwatch_config_reloads_total"] == {"taken": 1.0, "refused": 0.0}


def test_a_reload_disturbs_nobody_who_looks_meanwhile(start: Start) -> None:
    first = settings("a", "b")
    taken = cycle([replace(first, kafka=(first.kafka[0], *settings(name).kafka)) for name in ("c", "d")])
    app = start(first, lambda: next(taken))
    is_over, errors = threading.Event(), list[str]()

    def look() -> None:
        while not is_over.is_set():
            for path in ("/metrics", "/", "/healthz", "/api/v1/query?query=up"):
                status, text = get(app, path)
                if status != HTTPStatus.OK:
                    errors.append(f"{path}: {status}: {text}")

    threads = [threading.Thread(target=look) for _ in range(4)]
    for one in threads:
        one.start()
    for _ in range(20):
        app.reload()
    is_over.set()
    for one in threads:
        one.join(20)
    assert not errors
    assert set(app._runners) == {"a", "d"}
    wait_for(lambda: set(samples(app)["streamwatch_source_up"]) == {"a", "d"}, 20, "what is left is read")


def test_agents_with_one_configuration_share_its_sources() -> None:
    both = settings("a", "b", "c", "d", "e")
    shares = [[one.name for one in share(f"{at}/3").of(both.sources)] for at in range(3)]
    assert shares == [["a", "d"], ["b", "e"], ["c"]]
    assert share("3/4").of(settings("a").sources) == ()


@pytest.mark.parametrize("text", ["", "3/3", "1", "-1/3", "a/b", "0/0", "1/3/5"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no share: write 0/3"):
        share(text)


def test_an_agent_watches_its_share_only_after_a_reload_too(start: Start) -> None:
    first = settings("a", "b", reload=True)
    more = replace(first, kafka=(*first.kafka, *settings("c", "d").kafka))
    app = start(first, lambda: more, share("1/2"))

    assert set(app._runners) == {"b"}
    assert get(app, "/-/reload", "POST")[0] == 200
    assert set(app._runners) == {"b", "d"}


def test_an_agent_without_a_share_is_well(start: Start) -> None:
    app = start(settings("a"), None, share("1/2"))

    assert set(app._runners) == set()
    assert get(app, "/readyz")[0] == 200
    assert samples(app)["streamwatch_build_info"]


def test_a_configuration_that_is_refused_changes_nothing(start: Start) -> None:
    def refuse() -> config.Config:
        raise ConfigError(["file.yaml:3: no"])

    app = start(settings("a", reload=True), refuse)

    assert get(app, "/-/reload", "POST") == (400, "file.yaml:3: no\n")
    assert set(app._runners) == {"a"}
    assert samples(app)["streamwatch_config_reloads_total"] == {"taken": 0.0, "refused": 1.0}


def test_an_address_that_cannot_be_had_leaves_the_old_one(start: Start) -> None:
    first = settings("a")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = HostPort("127.0.0.1", taken.getsockname()[1])
        app = start(first, lambda: replace(first, listen=replace(first.listen, address=address)))

        with pytest.raises(ExportError, match=str(address)):
            app.reload()

    assert get(app, "/healthz")[0] == 200


def test_stopping_ends_every_thread_and_frees_the_port(start: Start) -> None:
    app = start(settings("a"))
    host, _, port = app.address.rpartition(":")

    app.stop()

    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=60)
    source = app._runners["a"]._source
    assert isinstance(source, KafkaSource)
    assert not source._thread.is_alive()

"""The incidents of a running agent."""

import re
from pathlib import Path

from streamwatch.agent.incident_book import IncidentBook, remedies
from streamwatch.catalogue import kafka as k
from streamwatch.core.clock import ManualClock
from streamwatch.model.alert import Alert
from streamwatch.rules.config import pack_folder, runbooks_folder
from streamwatch.rules.load import load
from streamwatch.samples.hub import Hub
from streamwatch.samples.precedence import SourcePrecedence
from tests.agent.test_app import settings
from tests.conftest import Start, get
from tests.incidents.knowing import alert, kind, samples


def test_each_runbook_of_the_pack_has_a_first_thing_to_do() -> None:
    names = {rule.name for group in load(sorted(pack_folder().glob("*.yml"))) for rule in group.rules if rule.alert}
    first = remedies(runbooks_folder())
    assert names - first.keys() == set()
    assert first["KafkaBrokerDown"] == "Start it again, or replace it."
    assert first["KinesisReaderDown"].startswith("Mend what the service says"), "what to do, not where it is said"
    assert not any("`" in text for text in first.values())


def test_the_first_thing_to_do_is_whole_sentences_in_each_runbook() -> None:
    """A line of a runbook may end within a sentence: what a message says does not. A command alone has no full stop."""
    cut = {
        name: text
        for name, text in remedies(runbooks_folder()).items()
        if not (re.search(r"[.?]$", text) or re.match(r"(aws|kafka-[a-z-]+\.sh) [a-z -]+\S*( --[a-z-]+ \S+)*$", text))
    }
    assert cut == {}


def test_a_first_thing_to_do_goes_on_over_its_lines_and_no_further(tmp_path: Path) -> None:
    head = "# A\n\n## What to do\n\n"
    (tmp_path / "Wrapped.md").write_text(f"{head}1. Look at `it`,\n   and wait.\n2. Do more.\n", encoding="utf-8")
    (tmp_path / "Below.md").write_text(f"{head}1. Do one of them.\n   - This.\n   - That.\n", encoding="utf-8")
    (tmp_path / "Alone.md").write_text(f"{head}Nothing.\n\n## How to silence it\n", encoding="utf-8")
    assert remedies(tmp_path) == {"Wrapped": "Look at it, and wait.", "Below": "Do one of them.", "Alone": "Nothing."}


def test_it_is_decided_once_a_second_and_remembers_for_a_while_what_was_the_cause(tmp_path: Path) -> None:
    clock, alerts = ManualClock(1000.0), list[Alert]()
    hub = Hub(clock)
    hub.add("shop", "kafka", "shop", SourcePrecedence())
    book = IncidentBook(hub, clock, lambda: alerts, tmp_path, tuple)
    assert book.incidents() == ()

    alerts.append(alert("KafkaLogDirOffline", kafka_cluster="shop", broker="2"))
    assert book.incidents() == (), "however many look"
    clock.advance(1.0)
    (disk,) = book.incidents()
    assert kind(disk) == "disk"

    hub.append("shop", [samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0})], at=1000.0, valid_seconds=5e3)
    alerts[:] = [alert("KafkaBrokerDown", kafka_cluster="shop", broker="2")]
    clock.advance(600.0)
    assert [kind(incident) for incident in book.incidents()] == ["disk"], "the broker died of its disk"

    alerts.clear()
    clock.advance(1000.0)
    assert book.incidents() == ()
    alerts.append(alert("KafkaBrokerDown", kafka_cluster="shop", broker="2"))
    clock.advance(1.0)
    assert [kind(incident) for incident in book.incidents()] == ["broker"], "that disk was long ago"
    assert book.answer()["incidents"][0]["id"] == "broker:shop/2"


def test_a_message_says_the_cause_and_what_to_do_where_it_is_known() -> None:
    clock = ManualClock(1000.0)
    hub = Hub(clock)
    hub.add("shop", "kafka", "shop", SourcePrecedence())
    hub.append("shop", [samples(k.BROKER_UP, {("shop", "1"): 1.0, ("shop", "2"): 0.0})], at=1000.0, valid_seconds=5e3)
    book = IncidentBook(hub, clock, list, runbooks_folder(), tuple)
    down = alert("KafkaBrokerDown", kafka_cluster="shop", broker="2")
    late = alert("KafkaGroupLagging", kafka_cluster="shop", group="billing")

    explained = book.explain([down, late], "http://agent:9308/")
    assert explained(down) == (
        "Broker 2 of shop does not answer. First: Start it again, or replace it."
        " http://agent:9308/runbooks/KafkaBrokerDown"
    )
    assert explained(late) == ""
    assert book.explain([], "")(down) == "", "what has resolved is no incident any more"


def test_the_agent_serves_it_before_anything_is_known(start: Start) -> None:
    app = start(settings("a"))
    status, text = get(app, "/api/v1/incidents")
    assert (status, text) == (200, '{"status":"success","data":{"incidents":[],"incidentsLeftOut":0}}')

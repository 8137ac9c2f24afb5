"""The pages of single things of an agent: made of its hub, its archive, its alerts and its journal."""

from email.message import Message
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from streamwatch.agent import config
from streamwatch.agent.app import App
from streamwatch.agent.entity_pages import EntityPages
from streamwatch.catalogue import agent as own
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import readers as r
from streamwatch.core.clock import ManualClock
from streamwatch.http.message import Request
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry
from streamwatch.model.metric import Keys
from streamwatch.model.reader import Reader, ReadersSnapshot
from streamwatch.samples.precedence import SourcePrecedence
from tests.agent.test_app import settings
from tests.conftest import Start, get

KEYS = Keys(g.GROUP_LAG_SECONDS.labels, [("a", "billing")])


def asked(app: App, path: str, query: str = "") -> tuple[int, str]:
    answer = app._entity(Request("GET", path, Message(), query=query))
    return answer.status, answer.body.decode()


def test_a_group_has_a_page_as_soon_as_it_is_known_and_its_past_stays() -> None:
    clock = ManualClock(1_800_000_000.0)
    app = App(settings("a"), clock)
    app._hub.add("a", "kafka", "a", SourcePrecedence())
    app._add_targets(app.config.kafka[0])
    app._hub.append("a", [g.GROUP_LAG_SECONDS.samples(KEYS, np.array([90.0]))], at=clock.now(), valid_seconds=30)
    status, text = asked(app, "/cluster/a/group/billing")
    assert status == 200
    assert "90 s behind" in text
    clock.advance(60)
    app._archive.run()
    _, text = asked(app, "/cluster/a/group/billing", "window=24h")
    assert "nothing is known of it now" in text
    assert "at most 90 s" in text
    assert asked(app, "/cluster/a/group/nobody")[0] == 404
    assert asked(app, "/cluster/a/group/billing", "window=2h") == (400, "window: '2h': there are 1h, 24h, 7d\n")
    assert asked(app, "/cluster/a/group/billing", "window=")[0] == 200
    assert asked(app, "/cluster/b/group/billing")[0] == 404
    app.stop()


def test_a_cluster_that_is_not_watched_has_no_page() -> None:
    app = App(settings("a"), ManualClock(1_800_000_000.0))
    app._add_targets(app.config.kafka[0])
    assert asked(app, "/cluster/nosuch")[0] == 404
    app.stop()


def test_an_account_with_readers_is_no_cluster_whatever_its_name() -> None:
    account = config.parse(
        "kinesis: [{name: streams, regions: [eu-west-1], readers: {functions: {enabled: true}}}]", "test.yaml", Path()
    )
    app = App(account, ManualClock(1_800_000_000.0))
    app._add_targets(app.config.kinesis[0])
    assert {runner.kind for runner in app._runners.values()} == {"kinesis", "lambda"}
    up = own.SOURCE_UP.samples(Keys(own.SOURCE_UP.labels, [("streams/lambda",)]), np.array([1.0]))
    app._hub.append("streams/lambda", [up], at=app._clock.now(), valid_seconds=30)
    assert asked(app, "/cluster/streams")[0] == 404
    app.stop()


def test_a_cluster_that_was_watched_shows_the_hours_before() -> None:
    clock = ManualClock(1_800_000_000.0)
    app = App(settings("a"), clock)
    app._hub.add("a", "kafka", "a", SourcePrecedence())
    keys = Keys(k.BROKER_UP.labels, [("a", "1")])
    app._hub.append("a", [k.BROKER_UP.samples(keys, np.array([1.0]))], at=clock.now(), valid_seconds=30)
    clock.advance(60)
    app._archive.run()
    status, text = asked(app, "/cluster/a")
    assert status == 200
    assert "nothing is known of it now" in text
    assert "all 0 brokers" not in text
    app.stop()


def test_the_agent_serves_them(start: Start) -> None:
    app = start(settings("a"))
    assert get(app, "/cluster/a")[0] in {200, 404}, "what it is depends on whether it was read already"
    assert get(app, "/cluster/a/group/%ff")[0] == 404
    assert get(app, "/reader?kind=kcl&reader=nobody")[0] == 404
    assert get(app, "/stream/1/eu-west-1/nothing")[0] == 404


def test_a_reader_of_one_account_shows_no_change_of_another_kind_or_account() -> None:
    clock = ManualClock(1_800_000_000.0)
    accounts = config.parse(
        "kinesis: [{name: prod, regions: [eu-west-1], readers: {functions: {enabled: true}, kcl: {enabled: true}}},"
        " {name: try, access: {profile: try}, regions: [eu-west-1], readers: {functions: {enabled: true}}}]",
        "test.yaml",
        Path(),
    )
    app = App(accounts, clock)
    asked_for: list[Question] = []

    def changes(question: Question) -> list[JournalEntry]:
        asked_for.append(question)
        return []

    for each in accounts.kinesis:
        app._add_targets(each)
    for name, account in (("prod", "1"), ("try", "2")):
        known = Reader(
            kind="lambda", name="orders", owner="orders", account=account, region="eu-west-1", stream="clicks",
            state="running", reason="", positions=(),
        )  # fmt: skip
        app._runners[f"{name}/lambda"].last = ReadersSnapshot(
            source=f"{name}/lambda", taken_at=1.0, read_seconds=0.1, readers=(known,)
        )
    row = {"aws_account": "1", "aws_region": "eu-west-1", "stream": "clicks", "kind": "lambda", "reader": "orders"}
    up = r.UP.samples(Keys(r.UP.labels, [tuple(row.get(label, "") for label in r.UP.labels)]), np.array([1.0]))
    app._hub.append("prod/lambda", [up], at=clock.now(), valid_seconds=30)
    pages = EntityPages(app._hub, clock, changes)
    request = Request("GET", "/reader", Message(), query=urlencode(row))
    status = pages.answer(request, app._runners.values(), app._alerting, app._archive, "").status
    assert (status, [question.sources for question in asked_for]) == (200, [["prod/lambda"]])
    app.stop()


def test_who_asks_for_what_there_is_not_is_told_of_all_that_there_is(start: Start) -> None:
    app = start(settings("a"))
    status, text = get(app, "/nowhere")
    there = text.strip().removeprefix("/nowhere: no such page: there are ").split(", ")
    assert status == 404
    assert {
        "/metrics", "/flow", "/reader", "/cluster/CLUSTER", "/cluster/CLUSTER/topic/NAME",
        "/stream/ACCOUNT/REGION/STREAM", "/connect/CLUSTER/connector/NAME", "/runbooks/ALERT",
        "/api/v1/events", "/api/v1/incidents",
        "/api/v1/query", "/api/v1/label/NAME/values", "/api/v2/silences",
    } <= set(there)  # fmt: skip
    assert len(there) == len(set(there))
    plain = [path for path in there if path == path.lower() and path != "/reader"]
    assert [path for path in plain if get(app, path)[0] == 404] == []

"""``/api/v1/events``: what is asked for, page by page, and what is refused."""

import json
from dataclasses import replace
from email.message import Message
from typing import Any

import pytest

from streamwatch.export.events_api import EventsApi, question_of
from streamwatch.http.message import Request
from streamwatch.journal.question import Question
from streamwatch.model.journal_entry import JournalEntry


def change(number: int) -> JournalEntry:
    at = 1_000_000.0 + number
    return JournalEntry(
        number=number, at=at, since=at - 15, until=at, source="shop", kind="topic.created", subject="t",
        sentence="topic t was created, with 1 partition", after="1 partition",
    )  # fmt: skip


def answer(query: str, *some: JournalEntry) -> tuple[int, Any]:
    def changes(question: Question) -> list[JournalEntry]:
        return [one for one in some if not question.sources or one.source in question.sources]

    response = EventsApi(changes, lambda: ("shop", "shop/pages")).answer(
        Request("GET", "/api/v1/events", Message(), query=query)
    )
    assert response.content_type == "application/json"
    return response.status, json.loads(response.body)


def test_an_event() -> None:
    assert answer("", change(7)) == (
        200,
        {
            "status": "success",
            "data": {
                "events": [
                    {
                        "id": 7,
                        "time": "1970-01-12T13:46:47.000Z",
                        "timeEnd": "1970-01-12T13:46:47.000Z",
                        "since": "1970-01-12T13:46:32.000Z",
                        "source": "shop",
                        "kind": "topic.created",
                        "subject": "t",
                        "text": "topic t was created, with 1 partition",
                        "before": "",
                        "after": "1 partition",
                        "count": 1,
                    }
                ]
            },
        },
    )


def test_a_full_page_says_where_the_next_one_begins() -> None:
    _, found = answer("limit=2", change(7), change(6))

    assert found["data"]["next"] == "1000006.0:6"
    assert question_of("after=1000006.0:6").below == (1000006.0, 6)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", Question()),
        ("since=1000000&until=2000000.5", Question(since=1e6, until=2_000_000.5)),
        ("since=1800000000000", Question(since=1.8e9)),
        ("since=2027-01-31T12:00:00Z", Question(since=1_801_396_800.0)),
        ("since=2027-01-31T12:00:00", Question(since=1_801_396_800.0)),
        ("source=a&source=b&kind=topic&limit=1000", Question(sources=("a", "b"), kinds=("topic",), limit=1000)),
    ],
)
def test_a_question(query: str, wanted: Question) -> None:
    assert question_of(query) == wanted


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("since=yesterday", "since: 'yesterday': seconds since 1970 are wanted, or 2027-01-31T12:00:00Z"),
        ("until=nan", "until: 'nan': seconds since 1970 are wanted, or 2027-01-31T12:00:00Z"),
        ("limit=0", "limit: '0': a number from 1 to 1000 is wanted"),
        ("limit=many", "limit: 'many': a number from 1 to 1000 is wanted"),
        ("after=5", "after: '5': what the page before gave as `next` is wanted"),
        ("since=2000000&until=1000000", "until: '1000000' is before since: give the earlier one as since"),
        (
            "kind=topic&kind=topics",
            (
                "kind: 'topics': there are agent, broker, cluster, controller, group, leaders, reader, reassignment,"
                " silence, stream, topic, and kinds such as topic.created"
            ),
        ),
        ("kinds=topic", "'kinds': is no parameter: there are since, until, source, kind, limit and after"),
    ],
)
def test_what_is_refused(query: str, why: str) -> None:
    assert answer(query) == (400, {"status": "error", "errorType": "bad_data", "error": why})


@pytest.mark.parametrize("source", ["shop", "shop/pages", "streamwatch", "gone"])
def test_a_source_that_is_watched_or_was_is_asked_for(source: str) -> None:
    was = replace(change(7), source="gone")
    status, found = answer(f"source={source}", was)
    assert (status, len(found["data"]["events"])) == (200, int(source == "gone"))


def test_a_source_that_there_is_not_and_was_not_is_refused() -> None:
    status, found = answer("source=shop&source=nope", change(7))
    assert (status, found["error"]) == (
        400, "source: 'nope': none of this name is watched, or was: there are shop, shop/pages and streamwatch"
    )  # fmt: skip

"""The contract of channels: no service refuses a message for its form, whatever the alerts; and the table of it.

``STREAMWATCH_WRITE_DOCS=1 pytest tests/notify/test_limits.py -k table`` writes the table in docs/notifications.md.
"""

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest

from streamwatch.model.alert import Alert
from streamwatch.model.labels import Labels
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Notifier
from streamwatch.notify.channels import command, mail, slack, sns, teams
from streamwatch.notify.channels.logged import Logged
from streamwatch.notify.routing import key
from streamwatch.settings.types import HostPort, Secret
from tests.notify.receiver import Receiver, receiver
from tests.notify.services import SERVICES
from tests.notify.test_channels import HTTP, PUBLISHED, SECRET, TOPIC, script, tools

DOCS = Path(__file__).parents[2] / "docs" / "notifications.md"
MARKS = ("<!-- made: limits -->\n", "\n<!-- end -->")
COUNTS = (1, 100, 10_000)
ALPHABETS = {
    "plain": "orders",
    "cyrillic": "заказы-очередь",
    "chinese": "订单主题",
    "arabic": "طلبات الشراء",
    "hindi": "ऑर्डर विषय",
    "joined signs": "🏳️‍🌈👩🏽‍🚀",
    "zalgo": "o" + "\u0301" * 300,
    "empty": "",
    "blank": " \u200b\u00a0\n",
    "huge": 'né🏳️‍🌈&<>"\\' * 1_500,
    "huge, of one kind": "x" * 20_000,
    "hostile": "<!channel> <@U1> \x00\x1b[31m\r\nBcc: all@example.com\r\n\r\n{{ . }} [x](javascript:1) \u202e \ud800"
    " &amp; ]]> '\"\\",
}
TEMPLATES = {
    "none": None,
    "a line a label": "{{ range .Alerts }}{{ range $k, $v := .Labels }}{{ $k }}: {{ $v }}\n{{ end }}\n{{ end }}",
    "blank when it is over": '{{ if eq .Status "firing" }}{{ range .Alerts }}{{ .Labels.topic }}{{ end }}{{ end }}',
    "without an end": "{{ range .Alerts }}{{ range $.Alerts }}{{ .Labels }}{{ end }}{{ end }}",
    "long by itself": "yes and no " * 30_000,
}


def alerts(count: int, text: str, *, over: bool) -> tuple[Alert, ...]:
    """So many alerts, one of which in the middle is the worst."""
    worst = count // 2
    return tuple(
        Alert(
            Labels(
                {
                    "alertname": "KafkaGroupLagging", "severity": "critical" if at == worst else "info",
                    "kafka_cluster": "shop", "topic": text, "broker": f"n-{at:06}-n",
                }
            ),
            "inactive" if over else "firing",
            1.0,
            1000.0 + at,
            (("summary", f"n-{at:06}-n: {text}"), ("description", text), ("runbook_url", "https://wiki.example.com/x")),
            1000.0 + at,
            2000.0 if over else None,
        )
        for at in range(count)
    )  # fmt: skip


@lru_cache(maxsize=3)
def notification(count: int, text: str, status: str) -> Notification:
    group = Labels({"alertname": "KafkaGroupLagging", "topic": text})
    some = alerts(count, text, over=status == "resolved")
    return Notification(
        key(Labels({"alertname": "x"})), group, "firing" if status == "firing" else "resolved", some, 1010.0
    )


class Finished:
    """Bodies as services get them."""

    def __init__(self, sending: "Sending", folder: Path, caplog: pytest.LogCaptureFixture) -> None:
        self._sending, self._service = sending, sending.service
        self._folder, self._caplog = folder, caplog

    def bodies(self, kind: str, told: Notification, text: str | None = None) -> list[bytes]:
        service, some = self._service, tools()
        service.requests.clear()
        service.body = PUBLISHED
        if kind == "mail":
            config = mail.Config(
                name="m", smarthost=HostPort("h", 25), from_="me@example.com", to=("you@example.com",), text=text
            )
            return [mail.Mail(config, some)._message(told).as_bytes()]
        if kind == "log":
            self._caplog.clear()
            with self._caplog.at_level(logging.INFO):
                Logged(some).send([told])
            return [self._caplog.records[-1].getMessage().encode()]
        if kind == "command":
            run = script(self._folder, f"cat > {self._folder}/got")
            command.Command(command.Config(name="c", run=(run,)), some).send([told])
            return [(self._folder / "got").read_bytes()]
        self._sending.made(kind, text).send([told])
        return [one.body for one in service.requests]


class Sending:
    """One service, and the channels to it: each is made once, as in an agent."""

    def __init__(self, service: Receiver) -> None:
        self.service = service
        self.made = lru_cache(maxsize=None)(self._made)

    def _made(self, kind: str, text: str | None) -> Notifier:
        url, some = self.service.url, tools()
        if kind == "slack":
            return slack.Slack(slack.Config(name="s", url=Secret(url), title=text, text=text), some)
        if kind == "teams":
            return teams.Teams(teams.Config(name="t", url=Secret(url), title=text, text=text), some)
        if kind.startswith("sns"):
            config = sns.Config(
                name="n", topic_arn=TOPIC, endpoint_url=Secret(url), title=text, text=text,
                format="json" if "json" in kind else "text",
            )  # fmt: skip
            return sns.Sns(config, some)
        return HTTP[kind](url, some)


@pytest.fixture(scope="module")
def sending() -> Iterator[Sending]:
    with receiver() as service:
        yield Sending(service)


@pytest.fixture
def finished(
    sending: Sending, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Finished:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "agent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return Finished(sending, tmp_path, caplog)


def listed(kind: str, body: bytes) -> tuple[set[str], int]:
    """Return which alerts a body lists, and how many it says are left out."""
    part, left_out = SERVICES[kind].listed(body)
    return set(re.findall(r"n-\d{6}-n", part)), left_out


@pytest.mark.parametrize("kind", SERVICES)
@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_no_message_is_refused_for_its_form(kind: str, alphabet: str, status: str, finished: Finished) -> None:
    many = alphabet in {"plain", "huge", "hostile"} and kind != "alertmanager"
    for count in COUNTS if many else COUNTS[:2]:
        bodies = finished.bodies(kind, notification(count, ALPHABETS[alphabet], status))
        assert bodies
        for body in bodies:
            assert SERVICES[kind].refusal(body) == "", count
        if kind in {"alertmanager", "log"} or (kind == "pagerduty" and status == "resolved"):
            continue  # none is left out, or none is listed
        seen, left_out = listed(kind, bodies[0])
        assert len(seen) + left_out == count
        assert f"n-{count // 2:06}-n" in seen, "the worst is told first"


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("kind", ["slack", "teams", "sns", "mail"])
def test_no_template_makes_a_message_that_is_refused(kind: str, template: str, finished: Finished) -> None:
    for status in ("firing", "resolved"):
        for alphabet in ("plain", "blank", "huge", "hostile"):
            told = notification(100, ALPHABETS[alphabet], status)
            for body in finished.bodies(kind, told, TEMPLATES[template]):
                assert SERVICES[kind].refusal(body) == "", (status, alphabet)


def test_every_alert_gets_to_alertmanager(finished: Finished) -> None:
    told = notification(100, ALPHABETS["chinese"] * 2000, "firing")
    bodies = finished.bodies("alertmanager", told)
    assert len(bodies) > 1
    assert sum(len(json.loads(body)) for body in bodies) == 100


@pytest.mark.parametrize(
    "labels", [{"a": "x" * 1_100_000}, {f"l{at}": "é" * 900 for at in range(900)}, {"n" * 1_100_000: "x"}]
)
def test_one_alert_may_be_longer_than_a_request_to_alertmanager(labels: dict[str, str], finished: Finished) -> None:
    base = notification(1, "orders", "firing")
    some = [Labels({**base.alerts[0].labels, **labels, "z": end}) for end in ("1", "2" * 2000, "2" * 2000 + "3")]
    seen = []
    for status in ("firing", "inactive"):
        told = tuple(base.alerts[0].but(labels=one, state=status) for one in some)
        bodies = finished.bodies("alertmanager", replace(base, alerts=told))
        assert [SERVICES["alertmanager"].refusal(body) for body in bodies] == ["", "", ""]
        seen.append([json.loads(body)[0]["labels"] for body in bodies])
    assert seen[0] == seen[1], "what is over is what fired"
    assert len({json.dumps(one) for one in seen[0]}) == 3, "one is not another"
    assert all(one["alertname"] == "KafkaGroupLagging" for one in seen[0])


def test_what_a_template_lists_is_cut_by_alerts_and_says_so(finished: Finished) -> None:
    (body,) = finished.bodies("teams", notification(100, "orders", "firing"), TEMPLATES["a line a label"])
    seen, left_out = listed("teams", body)
    assert 20 < len(seen) < 100
    assert "n-000050-n" in seen
    assert left_out == 100 - len(seen)


def table(finished: Finished) -> str:
    lines = [
        "| channel | what its service takes | what is done | bytes of 1, 100 and 10,000 alerts (listed) |",
        "|---|---|---|---|",
    ]
    for kind, service in SERVICES.items():
        figures = []
        for count in COUNTS:
            bodies = finished.bodies(kind, notification(count, "orders", "firing"))
            seen = {one for body in bodies for one in listed(kind, body)[0]}
            figures.append(f"{sum(map(_size, bodies)):,} ({len(seen):,})")
        lines.append(f"| {_named(kind)} | {service.limits} | {service.done} | {', '.join(figures)} |")
    return "\n".join(lines)


def _named(kind: str) -> str:
    name, comma, rest = kind.partition(",")
    return f"`{name}`{comma}{rest}"


def _size(body: bytes) -> int:
    """The same on every machine: ports and what botocore adds differ."""
    return round(len(body), -2) or len(body)


def test_the_table_of_limits_is_current(finished: Finished) -> None:
    text = DOCS.read_text(encoding="utf-8")
    before, begin, rest = text.partition(MARKS[0])
    assert begin, "the table's place"
    made = before + begin + table(finished) + MARKS[1] + rest.partition(MARKS[1])[2]
    if os.environ.get("STREAMWATCH_WRITE_DOCS"):
        DOCS.write_text(made, encoding="utf-8")
    assert text == made or os.environ.get("STREAMWATCH_WRITE_DOCS"), "docs/notifications.md: the table is old"

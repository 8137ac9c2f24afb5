"""What every channel promises: every answer is understood, what is over is told, and no secret is seen."""

import hashlib
import hmac
import json
import logging
import os
import re
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatch.core.clock import ManualClock, SystemClock
from streamwatch.core.errors import NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.http.client import HttpClient, HttpConfig
from streamwatch.notify.channel import Notifier, Tools
from streamwatch.notify.channels import alertmanager, command, pagerduty, slack, sns, teams, webhook
from streamwatch.notify.channels.logged import Logged
from streamwatch.notify.text import Links
from streamwatch.settings.types import Secret
from tests.notify.alerts import alert, notification, resolved
from tests.notify.receiver import Receiver, receiver
from tests.real.certificates import Authority
from tests.waiting import wait_for

SECRET = "s3cr3t-of-the-channel"
LINKS = Links(runbooks="https://wiki.example.com/", dashboard="https://grafana.example.com/d/kafka?orgId=1")
PUBLISHED = b"<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alerts"


def tools(**http: Any) -> Tools:
    return Tools(
        HttpClient(HttpConfig(**{"timeout": 30.0, **http}), SystemClock()),
        ManualClock(1700.0),
        LINKS,
        "http://agent:9308",
    )


def secret(url: str) -> Secret:
    return Secret(f"{url}/hooks/{SECRET}")


HTTP: Mapping[str, Callable[[str, Tools], Notifier]] = {
    "pagerduty": lambda url, some: pagerduty.PagerDuty(
        pagerduty.Config(name="p", routing_key=Secret(SECRET), url=Secret(url)), some
    ),
    "alertmanager": lambda url, some: alertmanager.Alertmanager(
        alertmanager.Config(name="a", urls=(Secret(url),), username="me", password=Secret(SECRET)), Secret(url), some
    ),
    "slack": lambda url, some: slack.Slack(slack.Config(name="s", url=secret(url)), some),
    "teams": lambda url, some: teams.Teams(teams.Config(name="t", url=secret(url)), some),
    "webhook": lambda url, some: webhook.Webhook(
        webhook.Config(name="w", url=secret(url), token=Secret(SECRET), hmac_key=Secret(SECRET)), some
    ),
    "sns": lambda url, some: sns.Sns(sns.Config(name="n", topic_arn=TOPIC, endpoint_url=Secret(url)), some),
}


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "agent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


def outcome(notifier: Notifier, status: str = "firing") -> NotifyError | None:
    try:
        notifier.send([notification() if status == "firing" else resolved()])
    except NotifyError as error:
        found = error
    else:
        return None
    assert SECRET not in f"{found} {found!r}"
    return found


@pytest.mark.parametrize("kind", HTTP)
def test_every_status_is_understood(kind: str, service: Receiver) -> None:
    notifier = HTTP[kind](service.url, tools(timeout=60.0))
    # SNS always has a body, and its library knows redirects of its own.
    left_out = {204, *range(300, 400)} if kind == "sns" else {304}
    for status in {*range(200, 227), *range(300, 309), *range(400, 452), *range(500, 512), 599} - left_out:
        service.status = status
        refusal = f"<Error>refused: {SECRET} /hooks/{SECRET}</Error>".encode()
        service.body = PUBLISHED if status < 300 else refusal
        found = outcome(notifier)
        if status < 300:
            assert found is None, status
        elif status in {408, 425, 429} or status >= 500:
            assert isinstance(found, NotifyUnavailable), status
            assert found.reached is (status >= 500)
        else:
            assert isinstance(found, NotifyRefused), status


LATE = ("hang", "slow head")
# botocore's own timeouts are longer than a test should be.
WAYS = [
    (kind, manner)
    for kind in HTTP
    for manner in ("close", "break off", "no http", *LATE)
    if kind != "sns" or manner not in LATE
]


@pytest.mark.parametrize(("kind", "manner"), WAYS)
def test_every_way_to_fail_may_pass(kind: str, manner: Any, service: Receiver) -> None:
    service.manner = manner
    found = outcome(HTTP[kind](service.url, tools(timeout=0.5) if manner in LATE else tools()))
    assert isinstance(found, NotifyUnavailable)
    assert found.reached


@pytest.mark.parametrize("kind", HTTP)
def test_a_service_that_is_not_there_was_not_reached(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    found = outcome(HTTP[kind](f"http://127.0.0.1:{port}", tools()))
    assert isinstance(found, NotifyUnavailable)
    assert not found.reached or kind == "sns"


@pytest.mark.parametrize("kind", [one for one in HTTP if one != "sns"])
def test_who_took_it_need_not_be_listened_to_the_end(kind: str, service: Receiver) -> None:
    service.manner, service.body = "slow body", b"x" * 1000
    assert outcome(HTTP[kind](service.url, tools())) is None


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_what_fires_and_what_is_over_is_told(kind: str, status: str, service: Receiver) -> None:
    service.body = PUBLISHED
    assert outcome(HTTP[kind](service.url, tools()), status) is None
    (request,) = service.requests
    assert request.line.startswith("POST ")
    told = request.body.decode()
    if kind == "pagerduty":
        event = json.loads(told)
        assert event["dedup_key"] == notification().key
        assert event["event_action"] == ("trigger" if status == "firing" else "resolve")
        assert "payload" not in event or event["payload"]["severity"] == "critical"
    elif kind == "alertmanager":
        (found,) = json.loads(told)
        assert found["labels"]["alertname"] == "Down"
        assert found["startsAt"] == "1970-01-01T00:16:40.000Z"
        assert found["endsAt"] == ("1970-01-01T00:32:20.000Z" if status == "firing" else "1970-01-01T00:17:40.000Z")
        assert found["annotations"]["runbook_url"] == "https://wiki.example.com/runbooks/Down"
    else:
        assert ("RESOLVED" in told or '"status": "resolved"' in told) is (status == "resolved")


@pytest.mark.parametrize("kind", HTTP)
def test_a_very_long_alert_stays_within_the_limits(kind: str, service: Receiver) -> None:
    long = "né🏳️‍🌈&<" * 40_000
    some = [
        alert(broker=str(number)).but(annotations=(("summary", long), ("description", long))) for number in range(3)
    ]
    service.body = PUBLISHED
    HTTP[kind](service.url, tools()).send([notification(*some)])
    body = service.requests[0].body
    body.decode()  # whole characters only
    if kind == "pagerduty":
        assert len(body) <= 512_000
        assert len(json.loads(body)["payload"]["summary"]) <= 1024
    elif kind == "slack":
        told = json.loads(body)
        assert len(told["text"]) <= 3000
        assert all(len(block["text"]["text"]) <= 3000 for block in told["attachments"][0]["blocks"])
    elif kind == "teams":
        assert len(body) <= 28_000
    elif kind == "sns":
        assert len(body) <= 4 * 262_144  # as the query protocol encodes it


def test_a_webhook_is_signed(service: Receiver) -> None:
    HTTP["webhook"](service.url, tools()).send([notification()])
    (request,) = service.requests
    moment = request.headers["x-streamwatch-timestamp"]
    wanted = hmac.new(SECRET.encode(), f"{moment}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert moment == "1700"
    assert request.headers["x-streamwatch-signature"] == f"sha256={wanted}"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    told = json.loads(request.body)
    assert (told["version"], told["status"], told["commonLabels"]["broker"]) == ("4", "firing", "1")
    assert told["alerts"][0]["fingerprint"] == alert(broker="1").fingerprint


def test_retry_after_is_read_in_both_forms(service: Receiver) -> None:
    service.status = 429
    for text, seconds in (("7", 7.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("99999999", 3600.0), ("soon", None)):
        service.headers = {"Retry-After": text}
        found = outcome(HTTP["slack"](service.url, tools()))
        assert found is not None
        assert found.retry_after == seconds


@pytest.mark.parametrize("kind", HTTP)
def test_a_certificate_that_is_not_trusted_is_not_sent_to(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, other = Authority(tmp_path, "trusted"), Authority(tmp_path, "other")
    own = other.issue("server")
    with receiver((own.certificate, own.key)) as service:
        service.body = PUBLISHED if kind == "sns" else service.body
        monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted.file))  # which SNS goes by
        found = outcome(HTTP[kind](service.url, tools(ca_file=str(trusted.file))))
        assert isinstance(found, NotifyUnavailable)
        assert kind == "sns" or not found.reached  # of SNS's library it is not known
        assert ("SSLError" if kind == "sns" else "certificate is not trusted") in str(found)
        assert service.requests == []
        monkeypatch.setenv("AWS_CA_BUNDLE", str(other.file))
        assert outcome(HTTP[kind](service.url, tools(ca_file=str(other.file)))) is None
        assert len(service.requests) == 1


def test_a_proxy_is_asked_instead(service: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    slacks = HTTP["slack"]("http://hooks.example.com", tools(proxy=Secret(service.url)))
    assert outcome(slacks) is None
    assert service.requests[0].line == f"POST http://hooks.example.com/hooks/{SECRET} HTTP/1.1"
    monkeypatch.setenv("https_proxy", service.url.replace("//", f"//me:{SECRET}@"))
    service.status = 407
    found = outcome(HTTP["slack"]("https://hooks.example.com", tools()))
    assert isinstance(found, NotifyUnavailable)
    assert service.requests[1].line.startswith("CONNECT hooks.example.com:443")
    assert service.requests[1].headers["proxy-authorization"].startswith("Basic ")


def test_templates_of_the_user_are_used(service: Receiver) -> None:
    config = slack.Config(
        name="s",
        url=Secret(service.url),
        title="{{ .Status | toUpper }} {{ .CommonLabels.broker }}",
        text="{{ range .Alerts }}{{ .Annotations.summary }} {{ end }}{{ .Runbook }} {{ .CommonLabels.none }}",
    )
    slack.Slack(config, tools()).send([notification()])
    told = json.loads(service.requests[0].body)
    assert told["text"] == "FIRING 1"
    text = told["attachments"][0]["blocks"][0]["text"]["text"]
    assert text == "Down of 1 https://wiki.example.com/runbooks/Down "
    with pytest.raises(ValueError, match="title: not a template"):
        replace(config, title="{{ .Status")


@pytest.mark.parametrize(
    ("text", "topic", "wanted"),
    [
        ("{{ .CommonLabels.topic }}", "[x](http://evil) a", "[x]\u200b(http://evil) a"),
        ("{{ .CommonLabels.topic }}", "![x][y] [y]: http://evil", "![x]\u200b[y] [y]\u200b: http://evil"),
        ("[runbook]({{ .Runbook }})", "", "[runbook](https://wiki.example.com/runbooks/Down)"),
        (
            "[{{ .CommonLabels.topic }}](https://h/?a=1&b=2)",
            "x](http://evil)",
            "[x]\u200b(http://evil)](https://h/?a=1&b=2)",
        ),
        ("{{ .CommonLabels.topic }}{{ .CommonLabels.to }}", "[x]", "[x]\u200b(http://evil)"),
        ("{{ .CommonLabels.topic }}", "rate(a[5m]) < 5 & b_c", "rate(a[5m]) < 5 & b_c"),
    ],
)
def test_a_label_makes_no_link_in_teams(text: str, topic: str, wanted: str, service: Receiver) -> None:
    channel = teams.Teams(teams.Config(name="t", url=Secret(service.url), text=text), tools())
    channel.send([notification(alert(topic=topic, to="(http://evil)"))])
    card = json.loads(service.requests[0].body)["attachments"][0]["content"]
    assert card["body"][1]["text"] == wanted


@pytest.mark.parametrize("where", ["javascript://x/%0aalert(1)", "file:///etc/passwd", "ftp://h/x", "/runbooks/Down"])
@pytest.mark.parametrize("kind", ["teams", "pagerduty"])
def test_only_an_address_of_the_web_is_a_link(kind: str, where: str, service: Receiver) -> None:
    told = notification(alert().but(annotations=(("runbook_url", where),)))
    HTTP[kind](service.url, replace(tools(), links=Links())).send([told])
    body = json.loads(service.requests[0].body)
    assert (body["links"] if kind == "pagerduty" else body["attachments"][0]["content"]["actions"]) == []


@pytest.mark.parametrize("end", ["", "&amp;", "<!here>", "<https://h/x|y z>", "<@U1>"])
def test_a_title_is_cut_at_its_end_alone(end: str, service: Receiver) -> None:
    for length in range(120, 145):
        title = f"lag < 5 & Q&A {{{{ .Status }}}} {'x' * length}{end} and more of it" + " y" * 40
        slack.Slack(slack.Config(name="s", url=Secret(service.url), title=title), tools()).send([notification()])
        told = json.loads(service.requests[-1].body)["text"]
        assert len(told) <= 140
        assert told.startswith("lag < 5 & Q&A firing xxxx")
        assert re.search(r"<(?! )[^>]*…|&(?:a|am|amp)…", told) is None


@pytest.mark.parametrize(
    "text",
    [
        " \n\t", "\u200b\u3164", "{{ if false }}x{{ end }}", "{{ (dict).x }} {{ (dict).y }}", "{{ .Nope }}",
        "{{ call .Status }}", "{{ range 1000000 }}x{{ end }}",
        '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}',
    ],
)  # fmt: skip
def test_what_a_template_does_not_say_the_plain_text_does(text: str, service: Receiver) -> None:
    slack.Slack(slack.Config(name="s", url=Secret(service.url), title=text, text=text), tools()).send([notification()])
    told = json.loads(service.requests[0].body)
    assert told["text"] == "Down of 1"
    shown = told["attachments"][0]["blocks"][0]["text"]["text"]
    assert shown.startswith("Down of 1\nDown, severity critical")
    assert "<" not in shown


def test_a_dashboard_shows_the_time_of_the_incident(service: Receiver) -> None:
    HTTP["pagerduty"](service.url, tools()).send([notification()])
    (_, shown) = json.loads(service.requests[0].body)["links"]
    wanted = "https://grafana.example.com/d/kafka?orgId=1&from=-2610000&to=now&var-kafka_cluster=shop"
    assert shown == {"href": wanted, "text": "Dashboard"}


def test_a_runbook_without_an_address_is_no_link(service: Receiver) -> None:
    config = pagerduty.Config(name="p", routing_key=Secret(SECRET), url=Secret(service.url))
    pagerduty.PagerDuty(config, replace(tools(), links=Links())).send([notification()])
    event = json.loads(service.requests[0].body)
    assert event["links"] == []
    assert event["payload"]["custom_details"]["alerts"][0]["annotations"]["runbook_url"] == "/runbooks/Down"


def test_a_test_is_marked(service: Receiver) -> None:
    for kind in ("pagerduty", "slack", "teams", "webhook", "alertmanager"):
        HTTP[kind](service.url, tools()).send([notification(is_test=True)])
    marks = ["[TEST]", "[TEST]", "[TEST]", '"test": true', "a test of StreamWatch"]
    for mark, request in zip(marks, service.requests, strict=True):
        assert mark in request.body.decode()


def script(folder: Path, text: str) -> str:
    path = folder / "page"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_command_reads_it_and_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_URL", SECRET)
    run = script(tmp_path, f"cat > {tmp_path}/got; env > {tmp_path}/env; printf '%s' \"$*\" > {tmp_path}/arguments")
    arguments = "$HOME", f"; touch {tmp_path}/obeyed", "`id`", "*"
    command.Command(command.Config(name="c", run=(run, *arguments)), tools()).send([notification()])
    assert (tmp_path / "arguments").read_text() == " ".join(arguments), "no shell reads them"
    assert not (tmp_path / "obeyed").exists()
    assert json.loads((tmp_path / "got").read_text())["commonLabels"]["alertname"] == "Down"
    assert SECRET not in (tmp_path / "env").read_text()


def test_a_command_that_fails_is_run_again_and_one_that_hangs_is_killed(tmp_path: Path) -> None:
    def run(text: str, timeout: float = 5.0) -> NotifyError | None:
        return outcome(command.Command(command.Config(name="c", run=(text,), timeout=timeout), tools()))

    assert isinstance(run(script(tmp_path, "exit 3")), NotifyUnavailable)
    assert isinstance(run(str(tmp_path / "none")), NotifyRefused)
    pid = tmp_path / "pid"
    hung = run(script(tmp_path, f"sleep 60 & echo $! > {pid}; wait"), 0.5)
    assert isinstance(hung, NotifyUnavailable)
    path = Path(f"/proc/{int(pid.read_text())}/stat")

    def is_over() -> bool:
        try:
            return path.read_text().split()[2] in {"Z", "X"}
        except OSError:
            return True

    wait_for(is_over, 5, "what it started is killed too")
    assert os.getpid() != int(pid.read_text())


def test_the_log_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Logged(tools()).send([notification(), resolved()])
    assert [(one.levelname, one.getMessage()) for one in caplog.records] == [
        ("WARNING", "Down of 1"),
        ("INFO", "RESOLVED: Down of 1"),
    ]

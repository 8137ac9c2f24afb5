"""Services as they document themselves: what each refuses of a finished body, written without a look at the code."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

KB = 1000
_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Service:
    """One that takes messages."""

    refusal: Callable[[bytes], str]
    """Says why it does not take a body; empty where it does."""
    limits: str
    """What it documents."""
    done: str
    """What is done about it."""
    listed: Callable[[bytes], tuple[str, int]]
    """Returns the part of a body that lists alerts, and how many the body says are left out."""


def _characters(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _first(*found: tuple[bool, str]) -> str:
    return next((why for wrong, why in found if wrong), "")


def _slack(body: bytes) -> str:
    told = json.loads(body)
    texts = [block["text"]["text"] for one in told["attachments"] for block in one["blocks"]]
    return _first(
        (not told["text"].strip(), "no_text"),
        (_characters(told["text"]) > 40_000, "msg_too_long"),
        (any(not 1 <= _characters(text) <= 3000 or not text.strip() for text in texts), "invalid_blocks"),
        (any("<!" in text or "<@" in text for text in [*texts, told["text"]]), "a mention that no template says"),
        (any(re.search(r"&(?!amp;|lt;|gt;)", text) is not None for text in texts), "half an escaped sign"),
    )


def _teams(body: bytes) -> str:
    card = json.loads(body)["attachments"][0]["content"]
    return _first(
        (len(body) > 28 * KB, "RequestEntityTooLarge"),
        (not card["body"] or any(not one["text"].strip() for one in card["body"]), "BadRequest: an empty TextBlock"),
        (len(card["actions"]) > 6, "BadRequest: too many actions"),
        (any(not one["url"].startswith("http") for one in card["actions"]), "BadRequest: no address of the web"),
        (any(re.search(r"\][(\[:]", one["text"]) for one in card["body"]), "a link that no template says"),
    )


def _sns(body: bytes) -> str:
    told = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    attributes = [value for name, value in told.items() if name.startswith("MessageAttributes.entry")]
    size = len(told.get("Message", "").encode()) + sum(len(one.encode()) for one in attributes)
    subject = told["Subject"]
    return _first(
        (not told.get("Message"), "InvalidParameter: Empty message"),
        (size > 256 * 1024, "InvalidParameter: Message too long"),
        (not 1 <= len(subject) < 100, "InvalidParameter: Subject"),
        (not subject.isascii() or not subject.isprintable() or subject[0].isspace(), "InvalidParameter: Subject"),
        (any(not one for one in attributes), "ParameterValueInvalid: an empty attribute"),
        (any(_XML.search(one) is not None for one in [told["Message"], *attributes]), "InvalidParameter: no XML"),
    )


def _pagerduty(body: bytes) -> str:
    event = json.loads(body)
    told = event.get("payload", {})
    return _first(
        (len(body) > 512 * KB, "Event object exceeds size limit"),
        (not 1 <= len(event["dedup_key"]) <= 255, "dedup_key is too long"),
        (event["event_action"] == "trigger" and not told.get("summary", "").strip(), "summary is missing"),
        (len(told.get("summary", "")) > 1024, "summary is too long"),
        (event["event_action"] == "trigger" and not told.get("source", "").strip(), "source is missing"),
        (told and told["severity"] not in {"critical", "error", "warning", "info"}, "severity is invalid"),
    )


def _webhook(body: bytes) -> str:
    told = json.loads(body)
    return _first(
        (len(body) > 1024 * 1024, "413 Request Entity Too Large"),
        (told["version"] != "4" or told["status"] not in {"firing", "resolved"}, "400"),
    )


def _alertmanager(body: bytes) -> str:
    alerts = json.loads(body)
    return _first(
        (len(body) > 1024 * 1024, "413 Request Entity Too Large"),
        (any(not one["labels"] for one in alerts), "400: at least one label pair required"),
    )


def _mail(body: bytes) -> str:
    head = body.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("ascii").splitlines()
    names = [line.partition(":")[0] for line in head if line[:1].strip()]
    return _first(
        (len(body) > 1024 * 1024, "552 5.3.4 Message size exceeds fixed limit"),
        (any(len(line) > 998 for line in body.decode("ascii").splitlines()), "500 5.5.2 Line too long"),
        ("Bcc" in names or names.count("Subject") != 1, "a header that the text of an alert made"),
    )


def _log(body: bytes) -> str:
    return _first((len(body.decode().splitlines()) != 1, "more than a line"), (len(body) > 8 * KB, "a long line"))


def _text(text: str) -> tuple[str, int]:
    """What a text for people lists: a line an alert, and how many more there are."""
    found = re.search(r"and (\d+) more", text)
    return text, int(found[1]) if found else 0


def _json(body: bytes) -> tuple[str, int]:
    told = json.loads(body)
    return json.dumps(told["alerts"], ensure_ascii=False), told["truncatedAlerts"]


def _details(body: bytes) -> tuple[str, int]:
    told = json.loads(body).get("payload", {}).get("custom_details", {"alerts": [], "more": 0})
    return json.dumps(told["alerts"], ensure_ascii=False), told["more"]


def _unfolded(body: bytes) -> str:
    from email import message_from_bytes, policy  # noqa: PLC0415 - only mail needs it

    return str(message_from_bytes(body, policy=policy.default).get_content())


SERVICES = {
    "slack": Service(
        _slack,
        "3,000 characters a block, none empty; `&`, `<` and `>` escaped",
        "characters are counted as UTF-16, after escaping",
        lambda body: _text(json.loads(body)["attachments"][0]["blocks"][0]["text"]["text"]),
    ),
    "teams": Service(
        _teams,
        "28 KB a request; no empty block",
        "the request's body is measured, 28,000 bytes at most",
        lambda body: _text("\n".join(one["text"] for one in json.loads(body)["attachments"][0]["content"]["body"][1:])),
    ),
    "sns": Service(
        _sns,
        "256 KiB a message with its attributes, none empty; a subject under 100 characters",
        "8,000 characters; the subject in ASCII, 99 characters at most",
        lambda body: _text(parse_qs(body.decode())["Message"][0]),
    ),
    "sns, `format: json`": Service(
        _sns,
        "the same",
        "250,000 bytes",
        lambda body: _json(parse_qs(body.decode())["Message"][0].encode()),
    ),
    "pagerduty": Service(
        _pagerduty,
        "512 KB an event; a summary of 1,024 characters, not empty; a key of 255",
        "500,000 bytes, 50 alerts; `more` says how many are left out",
        _details,
    ),
    "mail": Service(
        _mail,
        "the server's `SIZE`, 10 MB as a rule; lines of 998 characters",
        "64,000 characters; lines are folded",
        lambda body: _text(_unfolded(body)),
    ),
    "webhook": Service(
        _webhook,
        "the receiver's: nginx takes 1 MiB by default",
        "1,000,000 bytes; `truncatedAlerts` says how many are left out",
        _json,
    ),
    "command": Service(_webhook, "none", "as `webhook`", _json),
    "alertmanager": Service(
        _alertmanager,
        "that of the proxy before it: nginx takes 1 MiB by default",
        "64 alerts and 1,000,000 bytes a request, as many requests as that takes; longer labels are cut",
        lambda body: (body.decode(), 0),
    ),
    "log": Service(_log, "none", "one line of 1,000 characters", lambda body: _text(body.decode())),
}

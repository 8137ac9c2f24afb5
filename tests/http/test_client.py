"""Requests: a name and a password of an address are sent, and no secret is seen, however it comes back."""

import base64
import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import NotifyRefused
from streamwatch.http.client import HttpClient, HttpConfig, check_url
from streamwatch.http.transport import basic
from streamwatch.notify.channel import Tools
from streamwatch.notify.channels import alertmanager, webhook
from streamwatch.notify.text import Links
from streamwatch.settings.types import Secret, tried
from tests.notify.alerts import notification
from tests.notify.receiver import Receiver, receiver

PARTS = ("abcd efgh ijkl", "päss/wörd&<ä>", 'quo"ted\\back', "T0123456/B012", "🔑🔑 of 12>>??")
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda text: quote(text, safe=""),
    "in small letters": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "twice": lambda text: quote(quote(text, safe=""), safe=""),
    "every sign": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "in a form": quote_plus,
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in HTML": html.escape,
    "in HTML by numbers": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "in JavaScript": lambda text: "".join(f"\\x{ord(sign):02X}" for sign in text),
    "in JSON, every sign": lambda text: "".join(
        f"\\u{unit}" for unit in re.findall("....", text.encode("utf-16-be").hex())
    ),
    "in capitals": str.upper,
    "in Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in Base64 of addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}


@pytest.fixture
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("secret", PARTS)
def test_a_secret_is_masked_however_it_is_written(secret: str, way: str, service: Receiver) -> None:
    service.status, service.body = 404, f"no route {WAYS[way](secret)} here".encode()
    address = f"{service.url}/hooks/{quote(secret, safe='')}"
    with pytest.raises(NotifyRefused) as caught:
        HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(address, b"{}")
    assert str(caught.value) == "127.0.0.1: HTTP status 404: no route ******** here"


def test_a_name_and_a_password_of_an_address_are_sent_and_masked(service: Receiver) -> None:
    address = service.url.replace("//", "//some%40user:p%3Aw@") + "/basic"
    HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(address, b"{}")
    sent = service.requests[0].headers["authorization"]
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"some@user:p:w"
    assert "@" not in service.requests[0].line
    service.status, service.body = 401, f"not {sent} nor p:w".encode()
    with pytest.raises(NotifyRefused) as caught:
        HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(address, b"{}")
    assert "p:w" not in str(caught.value)
    assert sent.removeprefix("Basic ") not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("http://[::1]:80/x", True),
        ("https://exämple.com./x_y", True),
        ("http://my_host/x", True),
        ("http://h..x/y", False),
        (f"https://{'a' * 70}.example.com/x", False),
        ("https:///x", False),
        ("https://h:0/x", False),
        ("https://h:x/", False),
        ("https://[::1/x", False),
    ],
)
def test_an_address_has_a_host_that_can_be(url: str, is_fine: bool) -> None:  # noqa: FBT001 - of a table
    found = list(tried(check_url, "url", Secret(url)))
    assert found == ([] if is_fine else ["url: this is no address: write 'https://host/path'"])


def test_two_ways_to_log_in_exclude_each_other() -> None:
    url = Secret("https://me:secret@hooks.example.com/x")
    with pytest.raises(ValueError, match="keep one of them"):
        webhook.Config(name="w", url=url, token=Secret("t"))
    with pytest.raises(ValueError, match="keep one of them"):
        alertmanager.Config(name="a", urls=(url,), token=Secret("t"))


def test_half_a_secret_is_not_seen_either(service: Receiver) -> None:
    service.status, service.body = 404, b"no" + b" " * 2030 + b"/hooks/s3cr3t-of-the-channel"
    with pytest.raises(NotifyRefused) as caught:
        HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(f"{service.url}/hooks/s3cr3t-of-the-channel", b"{}")
    assert str(caught.value) == "127.0.0.1: HTTP status 404: no"


@pytest.mark.parametrize("offset", range(4))
def test_a_secret_is_masked_within_what_is_in_base64(offset: int, service: Receiver) -> None:
    told = base64.b64encode(b"x" * offset + b"s3cr3t-of-the-channel and more").decode()
    service.status, service.body = 404, told.encode()
    with pytest.raises(NotifyRefused) as caught:
        HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(f"{service.url}/hooks/s3cr3t-of-the-channel", b"{}")
    left = str(caught.value).rpartition(" ")[2]
    assert "********" in left
    assert not any(told[at : at + 8] in left for at in range(4, 20))


@pytest.mark.parametrize("name", ["me", "agent@example.com"])
def test_the_header_of_a_login_is_masked_whoever_makes_it(name: str, service: Receiver) -> None:
    config = alertmanager.Config(name="a", urls=(Secret(service.url),), username=name, password=Secret("s3cr3t"))
    service.status = 401
    service.body = basic(name, "s3cr3t").encode()
    channel = config.integrations(
        Tools(HttpClient(HttpConfig(), SystemClock()), SystemClock(), Links(), "http://agent")
    )
    with pytest.raises(NotifyRefused) as caught:
        channel[0].notifier.send([notification()])
    assert str(caught.value) == "127.0.0.1: HTTP status 401: Basic ********"


@pytest.mark.parametrize("at", range(1, 22))
def test_half_a_secret_is_not_seen_where_an_answer_comes_in_parts(at: int, service: Receiver) -> None:
    secret = "s3cr3t-of-the-channel"
    service.status, service.headers = 404, {"Transfer-Encoding": "chunked"}
    parts = (b"no " + secret[:at].encode(), secret[at:].encode() + b" here", b"")
    service.body = b"".join(f"{len(one):x}\r\n".encode() + one + b"\r\n" for one in parts)
    with pytest.raises(NotifyRefused) as caught:
        HttpClient(HttpConfig(timeout=5.0), SystemClock()).post(f"{service.url}/hooks/{secret}", b"{}")
    assert str(caught.value) == "127.0.0.1: HTTP status 404: no ******** here"

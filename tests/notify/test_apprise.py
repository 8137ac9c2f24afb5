"""The channel on the library apprise, against a server on loopback; skipped where the library is not installed."""

import json
import logging
from collections.abc import Iterator

import pytest

from streamwatch.core.errors import ConfigError, NotifyError, NotifyRefused, NotifyUnavailable
from streamwatch.notify.channel import Tools
from streamwatch.notify.channels.apprise import Apprise, Config
from streamwatch.settings.types import Secret
from tests.notify.alerts import alert, notification, resolved
from tests.notify.receiver import Receiver, receiver
from tests.notify.test_channels import SECRET, tools


@pytest.fixture
def service() -> Iterator[Receiver]:
    pytest.importorskip("apprise", reason="pip install 'streamwatch[apprise]'", exc_type=ImportError)
    with receiver() as found:
        yield found


def channel(service: Receiver, some: Tools | None = None, **settings: str) -> Apprise:
    config = Config(name="a", url=Secret(f"json://127.0.0.1:{service.port}/{SECRET}"), **settings)
    return Apprise(config, some or tools())


def test_what_fires_and_what_is_over_is_told(service: Receiver) -> None:
    one = channel(service, title='{{ template "slack.default.title" . }}')
    one.send([notification()])
    one.send([resolved()])
    first, second = (json.loads(request.body) for request in service.requests)
    assert (first["title"], first["type"]) == ("[FIRING:1] Down shop (1 critical)", "failure")
    assert "Down of 1" in first["message"]
    assert second["title"].startswith("[RESOLVED]")
    assert second["type"] == "success"


def test_every_status_is_understood(service: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    one = channel(service)
    service.body = f"no route to /{SECRET}".encode()
    with caplog.at_level(logging.INFO):
        for status in (200, 400, 401, 403, 404, 408, 413, 425, 429, 500, 502, 503):
            service.status = status
            found: NotifyError | None = None
            try:
                one.send([notification()])
            except NotifyError as error:
                found = error
            if status == 200:
                assert found is None
            elif status in {408, 425, 429, 500, 502, 503}:
                assert isinstance(found, NotifyUnavailable), status
                assert found.reached is (status >= 500)
            else:
                assert isinstance(found, NotifyRefused), status
            assert SECRET not in f"{found!r} {found} {caplog.text}"


def test_a_service_that_is_not_there_may_come_back(service: Receiver) -> None:
    one = channel(service)
    service.manner = "close"
    with pytest.raises(NotifyUnavailable):
        one.send([notification()])


def test_a_service_that_hangs_is_not_waited_for(service: Receiver) -> None:
    service.manner = "hang"
    one = channel(service, tools(timeout=0.5))
    assert one._service.request_timeout == (0.5, 0.5), "notify.http.timeout"
    with pytest.raises(NotifyUnavailable):
        one.send([notification()])
    own = Config(name="a", url=Secret(f"json://127.0.0.1:{service.port}/?rto=7&cto=3"))
    assert Apprise(own, tools())._service.request_timeout == (3.0, 7.0)


def test_a_message_is_as_long_as_the_service_takes(service: Receiver) -> None:
    one = channel(service)
    one._service.body_maxlen = 500
    some = [alert(broker=str(number)).but(annotations=(("summary", f"{number} " * 100),)) for number in range(50)]
    one.send([notification(*some)])
    told = json.loads(service.requests[0].body)
    assert len(service.requests) == 1
    assert len(told["message"]) <= 500
    assert "more" in told["message"]


def test_an_address_that_is_none_is_named(service: Receiver) -> None:
    assert service.requests == []
    config = Config(name="a", url=Secret(f"nonsense://{SECRET}"))
    (doubt,) = config.warnings()
    assert doubt.startswith("url: apprise does not know this address")
    assert SECRET not in doubt
    with pytest.raises(ConfigError, match="apprise does not know this address"):
        Apprise(config, tools())
    with pytest.raises(ValueError, match="url: this is no address"):
        Config(name="a", url=Secret(SECRET))
    with pytest.raises(ValueError, match="certificates are not checked"):
        Config(name="a", url=Secret("jsons://h/x?verify=no"))

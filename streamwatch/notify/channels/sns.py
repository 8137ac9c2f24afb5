"""Amazon SNS: a message to a topic; what subscribes to it (SMS, mail, a queue) passes it on."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from streamwatch.core.errors import NotifyRefused, NotifyUnavailable
from streamwatch.http.client import check_url
from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Integration, TextChannel, Tools
from streamwatch.notify.channels.webhook import payload
from streamwatch.notify.text import cleaned, truncated
from streamwatch.notify.writer import Writer
from streamwatch.settings.types import Secret, setting, tried

if TYPE_CHECKING:
    from streamwatch.sources.aws.session import Account

_MOST_SUBJECT: Final = 99
"""Characters: the service takes fewer than 100, in ASCII, that begin with a letter, a number or punctuation."""
_MOST_BYTES: Final = 250_000
"""Of the message; the service takes 256 KiB, attributes included."""
_MOST_TEXT: Final = 8000
_MOST_ATTRIBUTE: Final = 256
_ARN_PARTS: Final = 6
_FIFO: Final = ".fifo"
_WAIT_CODES: Final = frozenset({408, 425, 429})
_WAITS: Final = frozenset(
    {
        "Throttling", "ThrottlingException", "Throttled", "ThrottledException", "RequestThrottled",
        "RequestThrottledException", "RequestLimitExceeded", "BandwidthLimitExceeded", "TooManyRequestsException",
        "LimitExceededException", "SlowDown", "KMSThrottling", "KMSThrottlingException", "PriorRequestNotComplete",
        "RequestTimeout", "RequestTimeoutException", "TransactionInProgressException", "InternalFailure",
        "InternalError", "InternalErrorException", "ServiceUnavailable", "ConcurrentAccessException",
    }
)  # fmt: skip
"""Refusals that pass, whatever their HTTP status is."""
_SERVER: Final = 500
_MOST_ERROR: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(TextChannel):
    """A topic of Amazon SNS; reached with AWS's usual credentials."""

    topic_arn: str = setting("the topic")
    profile: str | None = setting("profile of the AWS credential chain", default=None)
    endpoint_url: Secret | None = setting("another endpoint, that speaks the same", default=None)
    format: Literal["text", "json"] = setting(
        "`text` for people, `json` in the shape of Alertmanager's webhook", default="text"
    )

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from tried(check_url, "endpoint_url", self.endpoint_url)
        parts = (self.topic_arn or "").split(":")
        if self.topic_arn and (len(parts) != _ARN_PARTS or parts[2] != "sns"):
            yield f"topic_arn: {self.topic_arn!r} is no topic: write 'arn:aws:sns:REGION:ACCOUNT:NAME'"

    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified."""
        return (Integration(self.name, self.name, Sns(self, tools), rate=5.0, burst=20),)


class Sns:
    """Publishes messages."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self._config, self._tools = config, tools
        self._writer = Writer(tools, config.name, config.title, config.text)
        self._lock = threading.Lock()
        self._account: Account | None = None

    def send(self, notifications: Sequence[Notification]) -> None:
        """Publish them, one message each."""
        for notification in notifications:
            self._publish(notification)

    def _message(self, notification: Notification) -> dict[str, Any]:
        """Return what is published of a notification."""
        if self._config.format == "json":
            message = payload(notification, self._config.name, self._tools.agent, _MOST_BYTES).decode()
        else:
            message = self._writer.text(notification, lambda text: len(text) <= _MOST_TEXT)
        subject = self._writer.title(notification, _MOST_SUBJECT).replace("…", "..").encode("ascii", "replace").decode()
        facts = {
            "status": notification.status,
            "alertname": notification.name,
            "severity": notification.severity,
            "key": notification.key,
        }
        attributes = {name: cleaned(truncated(value, _MOST_ATTRIBUTE)) for name, value in facts.items() if value}
        return {
            "Subject": subject[:_MOST_SUBJECT],
            "Message": message,
            "MessageAttributes": {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()},
            **(self._in_order(notification) if self._config.topic_arn.endswith(_FIFO) else {}),
        }

    @staticmethod
    def _in_order(notification: Notification) -> dict[str, str]:
        """Return what a topic that keeps the order wants besides: an incident's messages are in order, each once."""
        group = sha256(notification.key.encode()).hexdigest()
        once = sha256(f"{notification.key}/{notification.status}/{notification.at:.3f}".encode()).hexdigest()
        return {"MessageGroupId": group, "MessageDeduplicationId": once}

    def _publish(self, notification: Notification) -> None:
        # Who has no such channel does not pay for the library.
        from botocore.exceptions import ClientError  # noqa: PLC0415

        from streamwatch.sources.aws.errors import NoCredentials, is_stale, refusal  # noqa: PLC0415

        topic = self._config.topic_arn
        try:
            self._made().ask("sns", topic.split(":")[3], "Publish", {"TopicArn": topic, **self._message(notification)})
        except NoCredentials as error:
            raise NotifyUnavailable(f"SNS: {error}") from None
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            what = f"SNS: {refusal(error)[:_MOST_ERROR]}"
            if code in _WAITS or status in _WAIT_CODES or status >= _SERVER or is_stale(error):
                raise NotifyUnavailable(what, reached=status >= _SERVER) from None
            raise NotifyRefused(what) from None
        except Exception as error:  # noqa: BLE001 - botocore's, or its parser's, of an answer that is not AWS's
            raise NotifyUnavailable(f"SNS: {type(error).__name__}", reached=True) from None

    def _made(self) -> "Account":
        from streamwatch.sources.aws.config import AwsAccess  # noqa: PLC0415 - as above
        from streamwatch.sources.aws.session import Account  # noqa: PLC0415

        with self._lock:
            if self._account is None:
                endpoint = self._config.endpoint_url
                access = AwsAccess(
                    profile=self._config.profile, endpoint_url=endpoint.reveal() if endpoint is not None else None
                )
                self._account = Account(access, self._tools.clock, attempts=1)
            return self._account

"""Templates of messages: gotpl, which takes 5 MB, is imported where there is one."""

from collections.abc import Mapping
from typing import Protocol

from streamwatch.model.notification import Notification
from streamwatch.notify.text import Escape


class NotificationTemplate(Protocol):
    """A template that was read."""

    def render(self, notification: Notification, more: Mapping[str, str]) -> str:
        """Return the text.

        Args:
            notification: the notification.
            more: Receiver, ExternalURL, GeneratorURL, Runbook and Dashboard.

        Raises:
            ValueError: the template asks for what there is not.
            TooLong: there is no end to it.

        """


def read(field: str, text: str | None, escape: Escape | None = None) -> NotificationTemplate | None:
    """Read a template of a setting, where there is one.

    Raises:
        ValueError: it is none; the message begins with the setting's name.

    """
    if text is None:
        return None
    from streamwatch.notify.go_template import NotificationGoTemplate  # noqa: PLC0415 - gotpl is imported where there is a template

    try:
        return NotificationGoTemplate(text, escape)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error

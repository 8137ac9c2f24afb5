"""Titles and texts of messages: by templates of the user's where there are some, and never longer than they may be."""

import re
from collections.abc import Callable
from typing import Final

from streamwatch.model.notification import Notification
from streamwatch.notify.channel import Tools
from streamwatch.notify.fit import TooLong, fitted
from streamwatch.notify.template import NotificationTemplate, read
from streamwatch.notify.text import Escape, Links, cleaned, is_blank, plain_text, plain_title, truncated

_TORN: Final = re.compile(r"(?:&\w{0,4}|<(?:(?:[!@#]|https?:|mailto:)[^<>]*)?)\Z")
"""The beginning of an escaped sign, a mention or a link, whose end is cut off."""


class Writer:
    """Writes titles and texts for one channel."""

    def __init__(
        self, tools: Tools, channel: str, title: str | None = None, text: str | None = None,
        escape: Escape | None = None,
    ) -> None:  # fmt: skip
        """Read the templates.

        Args:
            tools: where the agent can be asked, and what messages point to.
            channel: its name.
            title: a template for one line.
            text: a template for many.
            escape: makes text of an alert harmless to the service's notation; what it returns is not cut within.

        Raises:
            ValueError: one is no template.

        """
        self._tools, self._channel, self._escape = tools, channel, escape
        self._title, self._text = read("title", title, escape), read("text", text, escape)

    def title(self, notification: Notification, most: int) -> str:
        """Return one line of so many characters at most, escaped; never a blank one."""
        line = fitted(notification, self._line, lambda _: True) or self._escaped(plain_title(notification))
        mark = "[TEST] " if notification.is_test else ""
        return self._cut(" ".join(f"{mark}{line}".split()), most)

    def text(self, notification: Notification, fits: Callable[[str], bool]) -> str:
        """Return the text of as many alerts as fit, the worst first, escaped; never a blank one.

        Args:
            notification: the notification.
            fits: says whether a message with such a text is one that the service takes.

        """
        fitting = fitted(notification, self._lines, fits) or fitted(notification, self._plain, fits)
        if fitting is not None:
            return fitting
        whole = self._plain(notification)
        low, high = 1, len(whole)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(self._cut(whole, middle)) else (low, middle)
        return self._cut(whole, low)

    def _line(self, notification: Notification) -> str | None:
        line = plain_title(notification)
        if self._title is not None:
            try:
                title = self._rendered(self._title, notification)
            except TooLong:
                return None
            except ValueError:
                title = ""  # the text says why
            if not _says_nothing(title):
                return title
        return self._escaped(line)

    def _plain(self, notification: Notification) -> str:
        return self._escaped(plain_text(notification, self._tools.links))

    def _lines(self, notification: Notification) -> str | None:
        plain = self._plain(notification)
        if self._text is None:
            return plain
        try:
            text = self._rendered(self._text, notification)
        except TooLong:
            return None
        except ValueError as error:
            # A message with the plain text is better than none.
            return f"{plain}\n{self._escaped(f'(its template failed: {error})')}"
        if _says_nothing(text):
            return plain
        return f"{text.rstrip()}\n… and {notification.left_out} more are left out" if notification.left_out else text

    def _rendered(self, template: NotificationTemplate, notification: Notification) -> str:
        return cleaned(rendered(template, notification, self._tools.links, self._channel, self._tools.agent))

    def _escaped(self, text: str) -> str:
        return text if self._escape is None else self._escape(text)

    def _cut(self, text: str, most: int) -> str:
        """Cut a text; where it is escaped, not within a sign that stands for another, or a link."""
        short = truncated(text, most)
        if short == text or self._escape is None:
            return short
        return f"{_TORN.sub('', short[:-1]).rstrip()}…"


def _says_nothing(text: str) -> bool:
    return is_blank(text.replace("<no value>", ""))  # what Go prints for nothing


def rendered(template: NotificationTemplate, notification: Notification, links: Links, channel: str, agent: str) -> str:
    """Return what a template says of a notification.

    Raises:
        ValueError: it asks for what there is not.
        TooLong: there is no end to it.

    """
    more = {
        "Receiver": channel,
        "ExternalURL": agent,
        "GeneratorURL": f"{agent}/api/v1/rules",
        "Runbook": links.runbook(notification),
        "Dashboard": links.shown(notification),
    }
    return template.render(notification, more)

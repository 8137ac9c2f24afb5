"""What every channel is made of."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamwatch.core.clock import Clock
from streamwatch.http.client import HttpClient
from streamwatch.model.notification import Notification
from streamwatch.notify.plan import GroupTiming
from streamwatch.notify.template import read
from streamwatch.notify.text import Links
from streamwatch.settings.types import refuse, setting, tried


class Notifier(Protocol):
    """Sends to one service. Used by one thread at a time."""

    def send(self, notifications: Sequence[Notification]) -> None:
        """Send them; nothing is known of what happened before.

        Raises:
            NotifyError: it was not taken, and whether it may be later.

        """


@dataclass(frozen=True, slots=True)
class Tools:
    """What channels are built with."""

    web: HttpClient
    clock: Clock
    links: Links
    agent: str
    """Where the agent can be asked, as in ``http://127.0.0.1:9308``."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One service that a channel notifies, and what it bears."""

    name: str
    """The channel's; with a number, where a channel has several."""
    channel: str
    notifier: Notifier
    most: int = 1
    """Notifications in one message."""
    rate: float = 1.0
    """Messages a second, on the average."""
    burst: int = 10
    """Messages at once."""
    alone: bool = False
    """Whether every alert is a notification of its own, whatever the routes say."""
    pace: GroupTiming | None = None
    """Instead of the routes'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(ABC):
    """The configuration of one channel; every file in ``channels/`` has one."""

    name: str = setting("what the channel is called")

    def __post_init__(self) -> None:
        refuse(self.problems())

    def templates(self) -> Mapping[str, str | None]:
        """Return the templates of its messages, by setting."""
        return {}

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from self.own_problems()
        for field, text in self.templates().items():
            yield from tried(read, field, text)

    def own_problems(self) -> Iterator[str]:
        """Yield the mistakes in what this kind of channel alone has."""
        yield from ()

    @abstractmethod
    def integrations(self, tools: Tools) -> tuple[Integration, ...]:
        """Return what is notified: the services behind the channel, each by itself."""

    def warnings(self) -> Iterator[str]:
        """Yield what may be wrong with it on this machine, though it is well formed."""
        yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TitledChannel(Channel):
    """A channel whose messages have a title."""

    title: str | None = setting("a template for the first line, the subject or the summary", default=None)

    def templates(self) -> Mapping[str, str | None]:
        """Return the title's."""
        return {"title": self.title}


@dataclass(frozen=True, slots=True, kw_only=True)
class TextChannel(TitledChannel):
    """A channel whose messages have a title and a text."""

    text: str | None = setting("a template for the rest of the message", default=None)

    def templates(self) -> Mapping[str, str | None]:
        """Return the title's and the text's."""
        return {"title": self.title, "text": self.text}

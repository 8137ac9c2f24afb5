"""Which agents are one, in the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from streamwatch.http.client import check_url
from streamwatch.pair.lease.config import Config as LeaseConfig
from streamwatch.settings.types import Duration, FilePath, Secret, refuse, setting, tried

_LEAST_TOKEN: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerConfig:
    """One of the other agents."""

    url: str = setting("its address, as in http://streamwatch-1:9308")
    username: str | None = setting("user name, where its `listen.basic_auth` asks for one", default=None)
    password: Secret | None = setting("its password", default=None)
    ca_file: FilePath | None = setting("PEM file of authorities to trust besides the system's", default=None)

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        if self.url is not None:
            yield from tried(check_url, "url", Secret(self.url))
            if "@" in self.url:
                yield "url: a login does not belong into the address: give username and password"
        if (self.username is None) != (self.password is None):
            yield "username: a user name and its password belong together: give both"

    @property
    def name(self) -> str:
        """The host and port: what metrics call it, also while it is not known what it calls itself."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Several agents with one configuration that act as one: docs/pair.md."""

    lease: LeaseConfig = setting("where they agree who notifies")
    peers: tuple[PeerConfig, ...] = setting("the other agents; this one may be among them", default=())
    token: Secret | None = setting(
        "what the agents show each other, the same for all: it opens `/api/v1/peer`, and nothing else", default=None
    )
    name: str | None = setting("what this agent is called among them; the host's name by default", default=None)
    interval: Duration = setting("how often the others are asked", default=1.0, minimum=0.1, maximum=30.0)
    deaf_after: Duration = setting(
        "an agent that was not heard for so long does not count as living", default=5.0, minimum=0.5, maximum=300.0
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        if self.interval is not None and self.deaf_after is not None and self.deaf_after < 2 * self.interval:
            yield f"deaf_after: {self.deaf_after:g}s must be at least twice the interval, {self.interval:g}s"
        if self.token is not None:
            text = self.token.reveal()
            if len(text) < _LEAST_TOKEN or not all("!" <= letter <= "~" for letter in text):
                yield f"token: write {_LEAST_TOKEN} letters, digits and signs or more: `openssl rand -hex 32`"
            if any(peer is not None and peer.username is not None for peer in self.peers):
                yield "token: a peer has a user name, too: keep one of them"

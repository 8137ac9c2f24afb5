"""How the workers of one Kafka Connect cluster are reached."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from streamwatch.settings.types import Duration, FilePath, Secret, Size, refuse, setting
from streamwatch.sources.names import Names

_ASKS = 4
"""Answers that one read may have to wait for, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectTls:
    """TLS towards the workers; with `cert_file` and `key_file` the agent shows a certificate of its own (mTLS)."""

    ca_file: FilePath | None = setting("PEM file of authorities to trust besides the system's", default=None)
    cert_file: FilePath | None = setting("PEM file of the agent's own certificate chain", default=None)
    key_file: FilePath | None = setting("PEM file of its private key", default=None)
    key_password: Secret | None = setting("what the private key is encrypted with", default=None)
    check_hostname: bool = setting("whether a worker's certificate must name the host that we connect to", default=True)

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file: a certificate and its key belong together: give both cert_file and key_file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One Kafka Connect cluster, by the REST API of its workers (Kafka 2.3 or later)."""

    name: str = setting("what it is called: the label `connect_cluster` of everything read from it")
    urls: tuple[str, ...] = setting(
        "the REST address of each worker, as in ['http://worker-1:8083']; of the connectors the first that knows them"
        " is asked"
    )
    kafka_cluster: str = setting(
        "the Kafka cluster that the workers use, by its `name` under `kafka`: groups and topics are joined to that"
    )
    username: str | None = setting("user name, where the REST API asks for one", default=None)
    password: Secret | None = setting("its password", default=None)
    token: Secret | None = setting("bearer token, instead of a user name", default=None)
    tls: ConnectTls = setting("TLS, where an address begins with https", default_factory=ConnectTls)
    clusters: Mapping[str, str] = setting(
        "names under `kafka` of the clusters that MirrorMaker 2 copies from, by their alias, as in {east: shop-east};"
        " one that is not here is called by its alias",
        default_factory=dict,
    )
    connectors: Names = setting("connectors that are looked at", default_factory=Names)
    interval: Duration = setting("how often the workers are read", default=30.0, minimum=1)
    timeout: Duration = setting(
        "how long a worker may take for one answer, whole", default=5.0, minimum=0.1, maximum=60.0
    )
    max_answer: Size = setting("the largest answer that is read to its end", default=64 * 2**20, minimum=2**16)
    max_series: int = setting(
        "at most so many series; beyond, the least important are dropped and counted", default=100_000, minimum=100
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        if self.urls is not None and not self.urls:
            yield "urls: at least one worker is needed: write ['http://worker-1:8083']"
        for at, url in enumerate(self.urls or ()):
            if url is not None and not _is_address(url):
                yield f"urls[{at}]: this is no address of a worker: write 'http://host:8083', a login apart from it"
        if self.timeout is not None and self.interval is not None and _ASKS * self.timeout > self.interval:
            yield f"timeout: {self.timeout:g}s must be at most a quarter of interval, {self.interval:g}s"
        if (self.username is None) != (self.password is None):
            yield "username: a user name and its password belong together: give both"
        if self.token is not None and self.username is not None:
            yield "token: either a token or a user name is shown: give one of them"
        if self.token is not None and not _is_token(self.token.reveal()):
            yield "token: it has signs that no token has: is this the right file?"


def _is_token(text: str) -> bool:
    return text.isascii() and text.isprintable() and bool(text) and " " not in text


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = url.isprintable() and " " not in url and "@" not in parts.netloc and not parts.query and not parts.fragment
    return parts.scheme in {"http", "https"} and named and plain

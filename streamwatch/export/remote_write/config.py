"""Where samples are sent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from streamwatch.http.client import HttpConfig, check_url, has_login
from streamwatch.settings.types import AnyText, Duration, FilePath, Secret, Size, refuse, setting, tried
from streamwatch.sources.aws.config import AwsAccess

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigV4:
    """Requests signed as AWS wants them: Amazon Managed Prometheus. Needs `aps:RemoteWrite` on the workspace."""

    region: str = setting("the workspace's AWS region")
    service: str = setting("what is signed for", default="aps")
    access: AwsAccess = setting("who the agent is there", default_factory=AwsAccess)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One receiver of all samples, by Prometheus's remote write."""

    name: str = setting("what the receiver is called, in the agent's own metrics and messages")
    url: Secret = setting("where samples are sent, as in `https://mimir.example/api/v1/push`")
    version: Literal["auto", "1.0", "2.0"] = setting(
        "of remote write; `auto` is 2.0 where the receiver takes it", default="auto"
    )
    interval: Duration = setting("how often the samples of that moment are sent", default=15.0, minimum=1.0)
    username: str | None = setting("user name, of a receiver that asks for one", default=None)
    password: Secret | None = setting("its password", default=None)
    token: Secret | None = setting("sent as `Authorization: Bearer …`", default=None)
    headers: Mapping[str, AnyText] = setting("more headers, as in {X-Scope-OrgID: shop}", default_factory=dict)
    sigv4: SigV4 | None = setting("requests signed as AWS wants them", default=None)
    external_labels: Mapping[str, AnyText] = setting(
        "labels that series get that have none of that name, as in {env: live}",
        default_factory=dict,
        formerly=("labels",),
    )
    remote_timeout: Duration = setting(
        "how long one request may take", default=10.0, minimum=0.1, maximum=60.0, formerly=("timeout",)
    )
    ca_file: FilePath | None = setting("PEM file of authorities to trust besides the system's", default=None)
    max_samples_per_send: int = setting(
        "how many samples go into one request",
        default=5000,
        minimum=1,
        maximum=100_000,
        formerly=("samples_per_request",),
    )
    capacity: int = setting(
        "how many samples wait at most for a receiver that does not take them (8 bytes each); then the oldest go",
        default=5_000_000,
        minimum=1000,
        formerly=("queue_samples",),
    )
    sample_age_limit: Duration = setting(
        "samples that are older are not sent any more", default=3600.0, minimum=60.0, formerly=("max_age",)
    )

    queue_file: Size = setting(
        "what a file beside `rules.state` may take in which what waits outlives the agent; beyond, the newest stay."
        " `0` keeps it in memory only",
        default=64 * 2**20,
        minimum=0,
        maximum=16 * 2**30,
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from tried(check_url, "url", self.url)
        if (self.username is None) != (self.password is None):
            yield "username: a name and a password belong together: give both, or neither"
        ways = (self.username, self.token, self.sigv4, True if self.url is not None and has_login(self.url) else None)
        if sum(way is not None for way in ways) > 1:
            yield (
                "token: there is one way to say who asks: a name and password (those of the address count), a token, or"
                " sigv4"
            )
        for name in self.external_labels or ():
            if _LABEL.fullmatch(name) is None:
                yield f"external_labels: {name!r} is no name of a label: write {{env: live}}"
        if not all(map(_HEADER.fullmatch, self.headers or ())):
            yield "headers: a name has other characters than letters, digits and '-': write {X-Scope-OrgID: shop}"

    @property
    def http(self) -> HttpConfig:
        """How it is reached."""
        return HttpConfig(timeout=self.remote_timeout, ca_file=self.ca_file)

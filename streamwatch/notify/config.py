"""Who is notified of what, and how."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Final, get_args

from streamwatch.http.client import HttpConfig, check_url
from streamwatch.notify.channel import Channel
from streamwatch.notify.channels.alertmanager import Config as Alertmanager
from streamwatch.notify.channels.apprise import Config as Apprise
from streamwatch.notify.channels.command import Config as Command
from streamwatch.notify.channels.logged import Config as Logged
from streamwatch.notify.channels.mail import Config as Mail
from streamwatch.notify.channels.pagerduty import Config as PagerDuty
from streamwatch.notify.channels.slack import Config as Slack
from streamwatch.notify.channels.sns import Config as Sns
from streamwatch.notify.channels.teams import Config as Teams
from streamwatch.notify.channels.webhook import Config as Webhook
from streamwatch.notify.examples import warnings
from streamwatch.notify.matchers import matchers
from streamwatch.notify.text import Links
from streamwatch.notify.time_intervals import NamedTimeInterval
from streamwatch.settings.types import Duration, Secret, refuse, setting, tried

_PER_ROUTE: Final = (
    'routes have it now, as in Alertmanager: name the times with "time_intervals: [{name: nights, time_intervals:'
    " [{cron: '0 22 * * mon-fri', duration: 8h, location: Europe/Paris}]}]\" (or with times and weekdays, as in"
    " Alertmanager), and write 'mute_time_intervals: [nights]' into the routes, in place of matchers"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Some alerts, and the channels that are notified of them. The first route whose conditions hold takes an alert."""

    REMOVED: ClassVar[Mapping[str, str]] = {
        "match_re": """its conditions are among 'matchers', with =~: write matchers: ['severity=~"page|warn"']"""
    }

    matchers: tuple[str, ...] = setting(
        'conditions on labels, as in `severity="critical"`; all must hold; none: every alert',
        default=(),
        formerly=("match",),
    )
    channels: tuple[str, ...] = setting("names of the channels that are notified; an empty list: nobody is")
    continue_: bool = setting(
        "whether the routes after this one are tried as well", default=False, key="continue", formerly=("go_on",)
    )
    group_by: tuple[str, ...] | None = setting("instead of `notify.group_by`", default=None)
    group_interval: Duration | None = setting("instead of `notify.group_interval`", default=None, minimum=0)
    repeat_interval: Duration | None = setting(
        "instead of `notify.repeat_interval`", default=None, minimum=0, formerly=("repeat",)
    )
    mute_time_intervals: tuple[str, ...] = setting(
        "names of `notify.time_intervals`: while one of them lasts, the route notifies nobody", default=()
    )
    active_time_intervals: tuple[str, ...] = setting(
        "names of `notify.time_intervals`: the route notifies only while one of them lasts; none: always", default=()
    )

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from _wrong("matchers", self.matchers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inhibition:
    """As in Alertmanager: while an alert fires that matches the source, those that match the target notify nobody."""

    source_matchers: tuple[str, ...] = setting("conditions on the labels of the cause")
    target_matchers: tuple[str, ...] = setting("conditions on the labels of its effects")
    equal: tuple[str, ...] = setting("labels in which both must agree", default=())

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from _wrong("source_matchers", self.source_matchers)
        yield from _wrong("target_matchers", self.target_matchers)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatConfig:
    """A sign of life to an outside service, which calls you when it does not come any more."""

    url: Secret = setting("what is asked for, again and again, as long as alerts are decided and can be sent")
    interval: Duration = setting("how often", default=60.0, minimum=1.0, maximum=86_400.0)

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake."""
        yield from tried(check_url, "url", self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Who is notified of alerts; without a channel, they are in the agent's log."""

    MOVED: ClassVar[Mapping[str, tuple[str, str]]] = {"mute_time_intervals": ("time_intervals", "time_intervals")}
    """In Alertmanager before 0.24, whose intervals had names and times, too."""
    REMOVED: ClassVar[Mapping[str, str]] = {"mute_time_intervals": _PER_ROUTE, "mutes": _PER_ROUTE}

    pagerduty: tuple[PagerDuty, ...] = setting("PagerDuty services", default=())
    alertmanager: tuple[Alertmanager, ...] = setting("Alertmanagers", default=())
    slack: tuple[Slack, ...] = setting("Slack channels, by incoming webhook", default=())
    teams: tuple[Teams, ...] = setting("Microsoft Teams channels, by workflow webhook", default=())
    sns: tuple[Sns, ...] = setting("Amazon SNS topics", default=())
    mail: tuple[Mail, ...] = setting("people, by e-mail", default=())
    webhook: tuple[Webhook, ...] = setting("anything that takes Alertmanager's webhook", default=())
    command: tuple[Command, ...] = setting("commands that read it on standard input", default=())
    apprise: tuple[Apprise, ...] = setting("any other service, by the library apprise", default=())
    log: tuple[Logged, ...] = setting("the agent's own log", default=())
    routes: tuple[Route, ...] = setting("which alerts go where; the first that fits counts", default=())
    fallback: tuple[str, ...] | None = setting(
        "channels of alerts that no route takes; by default all channels. Alerts of severity `none` need a route",
        default=None,
    )
    group_by: tuple[str, ...] = setting(
        "labels that alerts of one group have in common; `['...']`: every alert is a group",
        default=("alertname", "kafka_cluster", "source", "aws_account", "aws_region", "stream"),
    )
    group_interval: Duration = setting(
        "how long after a message the next one of an alert group may follow", default=60.0, minimum=0, maximum=86_400
    )
    repeat_interval: Duration = setting(
        "how often an alert group that still fires is sent again; `0s`: never", default=14_400.0, formerly=("repeat",)
    )
    inhibit_pack: bool = setting(
        "do not notify of effects while their cause fires, as in `alerts/inhibit/`", default=True
    )
    inhibit_rules: tuple[Inhibition, ...] = setting("other causes and effects", default=(), formerly=("inhibit",))
    time_intervals: tuple[NamedTimeInterval, ...] = setting(
        "times by name, at which routes are muted, or active", default=()
    )
    heartbeat: HeartbeatConfig | None = setting("a dead man's switch", default=None)
    links: Links = setting("what messages point to", default_factory=Links)
    http: HttpConfig = setting("how services are reached by HTTP", default_factory=HttpConfig)

    def __post_init__(self) -> None:
        refuse(self.problems())

    def problems(self) -> Iterator[str]:
        """Yield every mistake between the parts."""
        yield from self._time_interval_problems()
        names = Counter(channel.name for channel in self.channels if channel is not None)
        if twice := sorted(name for name, count in names.items() if count > 1 and name):
            yield f"more than one channel is called {', '.join(map(repr, twice))}: names tell them apart"
        if None in self.channels or None in names:
            return  # a channel whose name could not be read may be meant
        used = [(f"routes[{at}].channels", route.channels) for at, route in enumerate(self.routes) if route is not None]
        for where, channels in [*used, ("fallback", self.fallback)]:
            for name in channels or ():
                if name is not None and name not in names:
                    known = ", ".join(map(repr, names)) or "none is configured"
                    yield f"{where}: no channel is called {name!r}: there are {known}"

    def _time_interval_problems(self) -> Iterator[str]:
        names = Counter(interval.name if interval is not None else None for interval in self.time_intervals)
        if twice := sorted(name for name, count in names.items() if name is not None and count > 1):
            yield f"time_intervals: more than one is called {', '.join(map(repr, twice))}: names tell them apart"
        if None in names:
            return  # one whose name could not be read may be meant
        for at, route in enumerate(self.routes):
            for key in ("mute_time_intervals", "active_time_intervals") if route is not None else ():
                for name in getattr(route, key):
                    if name is not None and name not in names:
                        known = ", ".join(map(repr, names)) or "none is configured"
                        yield f"routes[{at}].{key}: no time interval is called {name!r}: there are {known}"

    def warnings(self, names: Collection[str]) -> Iterator[str]:
        """Yield what is wrong with templates when they are used, tried with alerts that fire and that are over.

        Args:
            names: labels and annotations that rules give.

        """
        for kind in _channel_fields():
            for at, channel in enumerate(getattr(self, kind)):
                if channel is not None:
                    where = f"{kind}[{at}]"
                    yield from (
                        f"{where}.{warning}"
                        for warning in (*self._template_warnings(channel, names), *channel.warnings())
                    )

    def _template_warnings(self, channel: Channel, names: Collection[str]) -> Iterator[str]:
        for field, text in channel.templates().items():
            if text:
                yield from warnings(field, text, channel.name or "", self.links or Links(), names)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Every channel; the log, where none is configured."""
        channels = tuple(channel for kind in _channel_fields() for channel in getattr(self, kind))
        return channels or (Logged(name="log"),)


def _wrong(field: str, texts: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{field}: {problem}" for problem in tried(matchers, texts or ()))


def _channel_fields() -> Iterator[str]:
    """Yield the fields that hold channels, in their order."""
    for field in fields(Config):
        kind, *_ = (*get_args(field.type), None)
        if isinstance(kind, type) and issubclass(kind, Channel):
            yield field.name

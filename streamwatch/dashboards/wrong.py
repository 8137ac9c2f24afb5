"""What stands first on the overview: the causes, what is uneven, since when each is there, and the alerts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import incidents as i
from streamwatch.dashboards.panel import SECONDS, SEVERITIES, SPAN, On, Panel, Query, Row, firing, ranked
from streamwatch.dashboards.uneven import uneven
from streamwatch.model.alert import WATCHDOG_SEVERITY

_o = On()
_AGENT: Final = "streamwatch-agent"
_LINKS: Final[Mapping[str, str]] = {
    "kafka_cluster": "streamwatch-kafka",
    "broker": "streamwatch-kafka",
    "topic": "streamwatch-topics",
    "group": "streamwatch-groups",
    "stream": "streamwatch-kinesis",
    "reader": "streamwatch-readers",
}
_OF_CAUSES: Final = ("kafka_cluster", "broker", "group", "stream", "reader")
_OF_ALERTS: Final = ("kafka_cluster", "broker", "topic", "group", "stream", "reader")
"""Of what is uneven, too."""
_OTHER: Final = ("shard", "connector", "source")
"""Labels that share a column."""
_WELL: Final = "No alert is known to fire"
_ALL_WELL: Final = "All is well: no alert fires, and nothing is known to be uneven"
_BLIND: Final = "Nothing is known: no agent of StreamWatch is scraped"
_BELOW: Final = {i.PENDING: (2, "purple"), i.OVER: (0, "#5a626b")}
"""Of causes of which nothing fires: not yet, or not any more."""
_UNEVEN: Final = 1
"""How bad that is: less than what may come to fire, more than what is over."""
_NOTHING: Final = -1
"""As bad is nothing: that all is well stands last, and alone."""
_SEVERITY: Final = {
    "critical": '=~"critical|page"',
    "warning": '=~"warning|warn"',
    "info": f'!~"critical|page|warning|warn|{i.PENDING}|{i.OVER}"',
    i.PENDING: f'="{i.PENDING}"',
    i.OVER: f'="{i.OVER}"',
}
"""Severities that count as each; one that a user made up counts as the least, as in the list of incidents."""
_RANKS: Final = {**{name: (rank + 2, colour) for name, (rank, colour) in SEVERITIES.items()}, **_BELOW}


def _joined(query: Query) -> Query:
    """Return a query with a column for whatever else it is about."""
    others = ", ".join(f'"{label}"' for label in _OTHER)
    return replace(query, expr=f'label_join({query.expr}, "other", "", {others})')


def _causes() -> tuple[Query, ...]:
    by = ", ".join(("sentence", "incident", *_OF_CAUSES))  # streams of two regions may have one name
    since = f"time() - min by ({by}) ({i.START.name})"
    worst = _worst(by)
    others = f"{_blind()} or {_UNEVEN} * (topk(20, {uneven()}) ^ 0) or {_all_well()}"
    words = {**(worst.words or {}), _UNEVEN: ("uneven", "yellow"), _NOTHING: ("well", "green")}
    causes = replace(worst, expr=f"{worst.expr} or {others}", words=words)
    return causes, Query(since, "for", SECONDS).lasting()


def _blind() -> str:
    critical, _ = _RANKS["critical"]
    return f'{critical} * label_replace(absent({a.BUILD_INFO.name}), "sentence", "{_BLIND}", "", "")'


def _all_well() -> str:
    """Return a line of its own where there would be none, and rules are evaluated: the alert that always fires does."""
    always = f'max({a.ALERTS.name}{{alertstate="firing", severity="{WATCHDOG_SEVERITY}"}})'
    well = f'{_NOTHING} * label_replace({always} ^ 0, "sentence", "{_ALL_WELL}", "", "")'
    return f"({well} unless on () ({i.START.name} or {uneven()}))"


def _worst(by: str) -> Query:
    """Return how bad incidents are, by labels."""
    return ranked(f"max by ({by})", lambda name: f"{i.START.name}{{severity{_SEVERITY[name]}}}", _RANKS)


def _over_time() -> Query:
    """Return how bad each incident is; 0 of those that are over, in the time that is shown: when they ended is seen."""
    worst = _worst("incident")
    words = {**(worst.words or {}), 0: ("over", "transparent")}
    ended = f"0 * max by (incident) (max_over_time({i.START.name}[{SPAN}]))"
    return replace(worst, expr=f"{worst.expr} or {ended}", legend="{{incident}}", words=words)


def _alerts() -> tuple[Query, ...]:
    by = ", ".join(("alertname", *_OF_ALERTS, *_OTHER))
    since = f"time() - min by ({by}) ({firing(of=i.ALERTS_START)})"
    return _joined(_o.severities(by)), _joined(Query(since, "for", SECONDS).lasting())


def _unknown() -> Query:
    """Return how much could not be learnt of each source; none where nothing is missing."""
    found = _o.now(a.SOURCE_PROBLEMS, "not known", "sum by (source)")
    return replace(found, expr=f"{found.expr} or 0 * max by (source) ({a.SOURCE_UP.name})")


WRONG: Final = Row(
    "What is wrong?",
    (
        Panel(
            "The cause",
            "What is the matter, where, and since when?",
            _causes(),
            "table",
            24,
            7,
            labels=("sentence", *_OF_ALERTS),
            links=_LINKS,
            sort=("-severity", "-for"),
            nothing=_WELL,
        ),
        Panel(
            "What was the matter, and when",
            "What came first, what is over, and how bad was each?",
            (_over_time(),),
            "state-timeline",
            width=12,
            height=7,
            links={"": _AGENT},
            nothing="Nothing is known to have been the matter",
        ),
        Panel(
            "What is seen",
            "Which clusters and accounts cannot be read, or only in part?",
            (
                _o.now(a.SOURCE_UP, "seen", "min by (source)").in_words("cannot be read", "is read"),
                Query(f"time() - max by (source) ({a.SOURCE_LAST_SUCCESS.name})", "last read", SECONDS),
                _unknown().red(above=1),
            ),
            "table",
            12,
            7,
            labels=("source",),
            links={"source": _AGENT},
            sort=("seen", "-not known"),
        ),
        Panel(
            "Alerts that fire",
            "What shows it, and where shall I look?",
            _alerts(),
            "table",
            24,
            9,
            labels=("alertname", *_OF_ALERTS, "other"),
            links=_LINKS,
            sort=("-severity", "for"),
            nothing=_WELL,
        ),
    ),
)

"""What stands first on the overview: the causes, since when each is there, what is uneven, and the alerts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import incidents as i
from streamwatch.dashboards.panel import SECONDS, SEVERITIES, SPAN, On, Panel, Query, Row, firing, ranked
from streamwatch.dashboards.uneven import UNEVEN

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
_OTHER: Final = ("shard", "connector", "source")
"""Labels that share a column."""
_WELL: Final = "No alert is known to fire"
_BLIND: Final = "Nothing is known: no agent of StreamWatch is scraped"
_BELOW: Final = {i.PENDING: (1, "purple"), i.OVER: (0, "#5a626b")}
"""Of causes of which nothing fires: not yet, or not any more."""
_SEVERITY: Final = {
    "critical": '=~"critical|page"',
    "warning": '=~"warning|warn"',
    "info": f'!~"critical|page|warning|warn|{i.PENDING}|{i.OVER}"',
    i.PENDING: f'="{i.PENDING}"',
    i.OVER: f'="{i.OVER}"',
}
"""Severities that count as each; one that a user made up counts as the least, as in the list of incidents."""
_RANKS: Final = {**{name: (rank + 1, colour) for name, (rank, colour) in SEVERITIES.items()}, **_BELOW}


def _joined(query: Query) -> Query:
    """Return a query with a column for whatever else it is about."""
    others = ", ".join(f'"{label}"' for label in _OTHER)
    return replace(query, expr=f'label_join({query.expr}, "other", "", {others})')


def _causes() -> tuple[Query, ...]:
    by = ", ".join(("sentence", "incident", *_OF_CAUSES))  # streams of two regions may have one name
    since = f"time() - min by ({by}) ({i.START.name})"
    blind = f'label_replace(absent({a.BUILD_INFO.name}), "sentence", "{_BLIND}", "", "")'
    worst = _worst(by)
    critical, _ = _RANKS["critical"]
    return replace(worst, expr=f"{worst.expr} or {critical} * {blind}"), Query(since, "for", SECONDS).lasting()


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
            5,
            labels=("sentence", *_OF_CAUSES),
            links={label: uid for label, uid in _LINKS.items() if label in _OF_CAUSES},
            sort=("-severity", "-for"),
            nothing=_WELL,
        ),
        UNEVEN,
        Panel(
            "What was the matter, and when",
            "What came first, what is over, and how bad was each?",
            (_over_time(),),
            "state-timeline",
            width=12,
            height=7,
            links={"": _AGENT},
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
            7,
            labels=("alertname", *_OF_ALERTS, "other"),
            links=_LINKS,
            sort=("-severity", "for"),
            nothing=_WELL,
        ),
    ),
)

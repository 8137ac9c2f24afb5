"""Causes with the monitor itself: what it cannot read, and what fails in it."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.catalogue import agent as c
from streamwatch.core.words import counted, listed
from streamwatch.incidents.incident import Cause, Effects
from streamwatch.incidents.known import Known

_BLIND: Final = ("StreamWatchBlind", "StreamWatchStale", "StreamWatchPartlyBlind", "StreamWatchBudgetReached")
_OF_SOURCE: Final = frozenset({*_BLIND, "StreamWatchCollectorFailed", "StreamWatchSeriesDropped"})
_REASONS: Final[Mapping[str, str]] = {
    "denied": "it is not allowed to: its rights or its credentials are not what they were",
    "throttled": "it is refused for the rate of calls",
    "timeout": "no answer comes in time",
    "unreachable": "nobody answers",
    "budget": "what it may ask is used up",
}
"""What reasons of problems mean; others are said as they are."""


def blind(known: Known) -> Iterator[Cause]:
    """A source cannot be read, in whole or in part, and more is known of it than that a part of it is slow."""
    for scope in known.scopes("source", *_BLIND):
        source = scope[1]
        problems = known.values(c.SOURCE_PROBLEMS, source)
        reasons = sorted({row[1] for row, count in problems.items() if count})
        scopes = sorted({row[0] for row, count in problems.items() if count})
        part = "" if known.about(scope, frozenset(_BLIND[:2])) else " in part"
        if part and set(reasons) <= {"timeout"}:
            continue  # who is asked may be slow, or the way there, or the agent; or it has just answered again
        why = f": {_REASONS.get(reasons[0], reasons[0])}" if len(reasons) == 1 else ""
        evidence = [f"what is not known: {listed(scopes)}"] if scopes else []
        evidence += [f"why: {listed(reasons)}"] if reasons else []
        yield Cause(
            "monitor",
            scope,
            f"StreamWatch cannot read {source}{part}{why}",
            tuple(evidence),
            "StreamWatchPartlyBlind" if part else "StreamWatchBlind",
            (Effects(scope, _OF_SOURCE),),
        )


def late(known: Known) -> Iterator[Cause]:
    """The agent does not keep up: its rules are evaluated too rarely, and its reads are late by that.

    Reads alone may be late by what they wait for: a cluster that answers slowly, or a network.
    """
    alerts = known.named("StreamWatchRulesLate")
    if alerts:
        which = sorted(alert.labels.get("rule_group", "") for alert in alerts)
        yield Cause(
            "monitor",
            ("alert", "StreamWatchRulesLate"),
            f"StreamWatch does not keep up: rules of {counted(len(which), 'group')} are evaluated too rarely",
            (f"it is late with {listed(which)}",),
            "StreamWatchRulesLate",
            tuple(
                Effects(("alert", name), frozenset({name})) for name in ("StreamWatchRulesLate", "StreamWatchOverruns")
            ),
        )

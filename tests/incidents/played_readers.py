"""The stories of readers, played on one clock: what the decision list says of each, minute by minute."""

from collections.abc import Callable, Sequence
from typing import Final

from streamwatch.incidents.decide import decide
from streamwatch.incidents.incident import Incident
from streamwatch.incidents.known import Known
from streamwatch.reference.aws.redshift import Redshift
from tests.incidents.outcome import Outcome
from tests.rules.reader_account import KINDS, Account, account
from tests.rules.reader_faults import Break
from tests.rules.reader_stories import HARMLESS, STORIES

Make = Callable[[Account, str], Break]
_WARM_MINUTES: Final = 12
_LONG_MINUTES: Final = 30


def played() -> dict[str, Outcome]:
    """Return what was said of each story."""
    short = {story.name: story.make for story in STORIES if story.minutes <= _LONG_MINUTES}
    long = {story.name: story.make for story in STORIES if story.minutes > _LONG_MINUTES}
    with account(KINDS) as one:
        found = _play(one, {**short, **HARMLESS}, 24, 1)
    with account(("kcl",)) as one:
        return found | _play(one, long, 72, 3)


def _play(of: Account, makes: dict[str, Make], minutes: int, every: int) -> dict[str, Outcome]:
    of.do(lambda cloud, _: cloud.beside(Redshift).create("analytics"))
    breaks = [make(of, f"s{at}") for at, make in enumerate(makes.values())]
    for _ in range(_WARM_MINUTES):
        of.minute()
    began = of.pager.turn
    for break_ in breaks:
        break_()
    outcomes = [Outcome() for _ in makes]
    while of.pager.turn - began < minutes:
        of.unwatched(every - 1)
        of.minute()
        samples = [each for samples in of.samples.values() for each in samples]
        incidents = decide(Known(of.alerts, samples))
        for at, outcome in enumerate(outcomes):
            about = _about(incidents, f"s{at}")
            outcome.see(about, 60.0 * (of.pager.turn - began))
    return dict(zip(makes, outcomes, strict=True))


def _about(incidents: Sequence[Incident], name: str) -> list[tuple[str, str]]:
    """Return what fires and is about a reader or a stream of this name."""
    return [
        ("" if incident.cause is None else incident.cause.kind, incident.sentence)
        for incident in incidents
        if incident.is_firing and any(name in alert.labels.values() for alert in incident.alerts)
    ]

"""What the loss of a broker or rack would break, as a table: the worst first."""

from dataclasses import dataclass
from typing import Final

from streamwatch.catalogue import kafka_losses as c
from streamwatch.export.web_page.sample_index import SampleIndex
from streamwatch.export.web_page.words import Health, number
from streamwatch.model.metric import Metric

_BROKER: Final = (c.LOSS_OFFLINE, c.LOSS_UNCLEAN, c.LOSS_UNDER_MIN_ISR, c.LOSS_STOPPED_TOPICS, c.LOSS_LEADERS)
_RACK: Final = (c.RACK_OFFLINE, c.RACK_UNCLEAN, c.RACK_UNDER_MIN_ISR, c.RACK_STOPPED_TOPICS, c.RACK_LEADERS)
_MOST_ROWS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class LossView:
    """One row: what is lost, and five numbers."""

    name: str
    health: Health
    offline: str
    unclean: str
    refusing: str
    topics: str
    leaders: str


@dataclass(frozen=True, slots=True)
class LossTable:
    """The rows that are shown, and how many more there are."""

    rows: tuple[LossView, ...]
    more: int


def loss_table(cluster: str, index: SampleIndex) -> LossTable:
    """Return what is known of a cluster: racks, then brokers, each the worst first."""
    rows = [*_rows("rack", cluster, index, _RACK), *_rows("broker", cluster, index, _BROKER)]
    return LossTable(tuple(rows[:_MOST_ROWS]), max(0, len(rows) - _MOST_ROWS))


def _rows(kind: str, cluster: str, index: SampleIndex, metrics: tuple[Metric, ...]) -> list[LossView]:
    values = [index.of(metric, cluster) for metric in metrics]
    found = []
    for key in sorted(values[0], key=lambda one: (-values[0][one], -values[2].get(one, 0.0), len(one[0]), one)):
        offline, unclean, refusing, topics, leaders = (of.get(key) for of in values)
        found.append(
            LossView(
                name=f"{kind} {key[0]}",
                health=_health(offline, refusing),
                offline=number(offline),
                unclean=number(unclean),
                refusing=number(refusing),
                topics=number(topics),
                leaders=number(leaders),
            )
        )
    return found


def _health(offline: float | None, refusing: float | None) -> Health:
    if offline or refusing:
        return "warn"
    return "unknown" if offline is None or refusing is None else "good"

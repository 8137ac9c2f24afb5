"""Prometheus's text format 0.0.4, as the JMX exporter writes it: untyped series with escaped labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from streamwatch.reference.kafka.meters import Histogram, Meter

RATES: Final = ("OneMinuteRate", "FiveMinuteRate", "FifteenMinuteRate")


@dataclass(slots=True)
class ExpositionText:
    """A page that is being written."""

    typed: bool = False
    """Whether it says gauge and counter, as the node exporter does; the JMX exporter calls everything untyped."""
    _families: dict[str, list[str]] = field(default_factory=dict)

    def add(self, metric: str, value: float, /, **labels: object) -> None:
        """Add one series."""
        shown = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
        line = f"{metric}{{{shown}}} {float(value)!r}" if shown else f"{metric} {float(value)!r}"
        self._families.setdefault(metric, []).append(line)

    def values(self, prefix: str, values: Mapping[str, float], /, **labels: object) -> None:
        """Add gauges that differ in their name only: the attribute Value of several MBeans."""
        for name, value in values.items():
            self.add(f"{prefix}_Value", value, name=name, **labels)

    def meter(self, prefix: str, meter: Meter, now: float, /, **labels: object) -> None:
        """Add a meter: its count and its rates."""
        self.add(f"{prefix}_Count", meter.count, **labels)
        self.add(f"{prefix}_MeanRate", meter.mean(now), **labels)
        for name, rate in zip(RATES, meter.rates(now), strict=True):
            self.add(f"{prefix}_{name}", rate, **labels)

    def histogram(self, prefix: str, histogram: Histogram, /, **labels: object) -> None:
        """Add a histogram: its count, mean, bounds and percentiles."""
        is_empty = not histogram.count
        self.add(f"{prefix}_Count", histogram.count, **labels)
        self.add(f"{prefix}_Mean", histogram.mean, **labels)
        self.add(f"{prefix}_Min", 0.0 if is_empty else histogram.least, **labels)
        self.add(f"{prefix}_Max", 0.0 if is_empty else histogram.most, **labels)
        self.add(f"{prefix}_StdDev", histogram.deviation, **labels)
        for share, value in histogram.percentiles().items():
            self.add(f"{prefix}_{str(share).replace('.', '')}thPercentile", value, **labels)

    def _lines(self) -> Iterable[str]:
        for name, series in self._families.items():
            kind = "counter" if self.typed and name.endswith("_total") else "gauge" if self.typed else "untyped"
            yield f"# HELP {name} {name} of the reference cluster"
            yield f"# TYPE {name} {kind}"
            yield from series

    def page(self) -> str:
        """Return all of it."""
        return "\n".join(self._lines()) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

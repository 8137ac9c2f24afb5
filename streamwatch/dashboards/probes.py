"""What records of the agent's own find out, on the dashboards of a cluster and of streams."""

from typing import Final

from streamwatch.catalogue import kafka_probe, kinesis_probe
from streamwatch.catalogue.probes import ProbeMetrics
from streamwatch.dashboards.panel import On, Panel, Row


def _row(on: On, metrics: ProbeMetrics, legend: str) -> Row:
    return Row(
        "Can applications write and read? (the probe, where it is switched on)",
        (
            Panel(
                "Lost records of the probe",
                "Which share is not acknowledged, or not consumed, in time?",
                (on.lost(metrics.attempts, metrics.successes, legend).red(above=0.001),),
            ),
            Panel(
                "Why they are lost",
                "What was the last cause of each?",
                (on.rate(metrics.failures, f"{legend} {{{{stage}}}} {{{{cause}}}}"),),
            ),
            Panel(
                "Acknowledged",
                "How long do producers wait, at the median and in the worst of a hundred?",
                tuple(on.quantile(q, metrics.produce.bucket, f"{legend} p{q * 100:g}") for q in (0.5, 0.99)),
            ),
            Panel(
                "End to end",
                "How long is a record on its way?",
                tuple(on.quantile(q, metrics.consume.bucket, f"{legend} p{q * 100:g}") for q in (0.5, 0.99)),
            ),
        ),
    )


CLUSTER_PROBE: Final = _row(On("kafka_cluster", "broker"), kafka_probe.PROBE, "{{broker}}")
STREAM_PROBE: Final = _row(On("aws_region", "stream"), kinesis_probe.PROBE, "{{stream}}")

"""What is on the overview, and on the dashboard of the agent itself."""

from dataclasses import replace
from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import remote_write as r
from streamwatch.dashboards.panel import SECONDS, Dashboard, On, Panel, Query, Row

_o = On()
_FIRING: Final = f'{a.ALERTS.name}{{alertstate="firing", alertname!~".*Watchdog"}} > 0'

_BY_STREAM: Final = "max by (aws_region, stream)"


def _named(query: Query, legend: str) -> Query:
    return replace(query, legend=legend)


OVERVIEW: Final = Dashboard(
    "streamwatch-overview",
    "Overview",
    "Every cluster and stream at once: what fires, what is late, what is full, what is refused.",
    (
        Row(
            "What is wrong?",
            (
                Panel("Alerts that fire", "What is wrong?", (Query(_FIRING, "{{alertname}}"),), "table", 12),
                Panel(
                    "What is not seen",
                    "Which clusters and accounts cannot be read?",
                    (_o.now(a.SOURCE_UP, "{{source}}"),),
                    "stat",
                    12,
                    red_below=1,
                ),
            ),
        ),
        Row(
            "Clusters",
            (
                Panel(
                    "Every cluster",
                    "How is each of them?",
                    (
                        _o.now(k.ACTIVE_CONTROLLERS, "controllers", "sum by (kafka_cluster)"),
                        _named(_o.down(k.BROKER_UP, "kafka_cluster"), "brokers down"),
                        _o.now(k.OFFLINE_PARTITIONS, "offline", "sum by (kafka_cluster)"),
                        _o.now(k.BROKER_UNDER_REPLICATED, "under-replicated", "sum by (kafka_cluster)"),
                        _o.growth(k.TOPIC_END_OFFSET, "records a second", "sum by (kafka_cluster)"),
                        _o.now(g.GROUP_LAG_SECONDS, "latest group", "max by (kafka_cluster)"),
                        _o.now(k.LOG_DIR_USED, "fullest disk", "max by (kafka_cluster)"),
                    ),
                    "table",
                    24,
                    6,
                    link=("kafka_cluster", "streamwatch-kafka"),
                ),
                Panel(
                    "Records written a second",
                    "Is there traffic?",
                    (_o.growth(k.TOPIC_END_OFFSET, "{{kafka_cluster}}", "sum by (kafka_cluster)"),),
                    width=12,
                ),
                Panel(
                    "The latest groups",
                    "Who is late?",
                    (_o.top(10, _o.now(g.GROUP_LAG_SECONDS, "{{kafka_cluster}} {{group}}")),),
                    width=12,
                ),
            ),
        ),
        Row(
            "Streams",
            (
                Panel(
                    "Every stream",
                    "How is each of them?",
                    (
                        _o.now(s.BEING_READ, "being read", _BY_STREAM),
                        _o.now(s.ITERATOR_AGE, "iterator age", _BY_STREAM),
                        _o.rate(s.INCOMING_RECORDS, "records a second", _BY_STREAM),
                        _o.now(s.WRITE_RECORDS_USE, "records of the limit", _BY_STREAM),
                        _o.now(s.WRITE_BYTES_USE, "bytes of the limit", _BY_STREAM),
                        _o.rate(s.WRITE_THROTTLED, "writes throttled", _BY_STREAM),
                        _o.rate(s.READ_THROTTLED, "reads throttled", _BY_STREAM),
                    ),
                    "table",
                    24,
                    6,
                    link=("stream", "streamwatch-kinesis"),
                ),
                Panel(
                    "Writes against the limit",
                    "How near is it?",
                    (_o.now(s.WRITE_RECORDS_USE, "{{stream}}"), _o.now(s.WRITE_BYTES_USE, "{{stream}}")),
                    "bargauge",
                    12,
                    7,
                    0.8,
                ),
                Panel(
                    "Throttled",
                    "What is refused?",
                    (_o.rate(s.WRITE_THROTTLED, "writes {{stream}}"), _o.rate(s.READ_THROTTLED, "reads {{stream}}")),
                    width=12,
                ),
            ),
        ),
    ),
)

AGENT: Final = Dashboard(
    "streamwatch-agent",
    "Agent",
    "The agent itself: how fresh its numbers are, what they cost, and whether people are told.",
    (
        Row(
            "Can its numbers be trusted?",
            (
                Panel(
                    "Age of the last read",
                    "How fresh is what is shown?",
                    (Query(f"time() - {a.SOURCE_LAST_SUCCESS.name}", "{{source}}", SECONDS),),
                ),
                Panel(
                    "What it could not learn",
                    "What is missing, and why?",
                    (_o.now(a.SOURCE_PROBLEMS, "{{source}} {{scope}} {{reason}}"),),
                ),
                Panel(
                    "Overruns and failures",
                    "Does it keep up?",
                    (_o.rate(a.JOB_OVERRUNS, "overruns {{job}}"), _o.rate(a.JOB_FAILURES, "failures {{job}}")),
                ),
            ),
        ),
        Row(
            "What does it cost?",
            (
                Panel(
                    "Requests to brokers",
                    "What does it ask of the clusters?",
                    (_o.rate(a.REQUESTS, "{{api}}", "sum by (api)"),),
                ),
                Panel(
                    "Calls of AWS",
                    "What does it ask of AWS?",
                    (_o.rate(a.CALLS, "{{service}} {{operation}}", "sum by (service, operation)"),),
                ),
                Panel("CloudWatch, dollars a second", "What is the bill?", (_o.rate(a.CLOUDWATCH_COST, "{{source}}"),)),
                Panel("How long reads take", "Is anything slow?", (_o.now(a.SOURCE_READ_SECONDS, "{{source}}"),)),
                Panel(
                    "Series",
                    "How much is told, and decided on?",
                    (_o.now(a.SERIES, "{{source}}"), _o.now(a.HISTORY_SERIES, "history")),
                ),
                Panel(
                    "How long rules take", "Are alerts decided in time?", (_o.now(a.RULE_SECONDS, "{{rule_group}}"),)
                ),
            ),
        ),
        Row(
            "Are people told, and do the numbers arrive?",
            (
                Panel(
                    "Notifications", "Who is told how often?", (_o.rate(a.NOTIFICATIONS, "{{channel}} {{outcome}}"),)
                ),
                Panel(
                    "From the decision to the delivery", "How fast?", (_o.now(a.NOTIFICATION_SECONDS, "{{channel}}"),)
                ),
                Panel(
                    "Samples by remote write",
                    "Do the numbers arrive where they are sent?",
                    (_o.rate(r.REMOTE_SAMPLES, "{{receiver}} {{outcome}}"),),
                ),
                Panel(
                    "Samples that wait",
                    "For how long has a receiver taken nothing?",
                    (_o.now(r.REMOTE_LATE, "{{receiver}}"),),
                ),
                Panel(
                    "Waiting and refused",
                    "What has not arrived?",
                    (
                        _o.now(a.NOTIFICATIONS_WAITING, "waiting {{channel}}"),
                        _o.now(a.NOTIFICATIONS_PARKED, "refused {{channel}}"),
                    ),
                ),
            ),
        ),
    ),
)

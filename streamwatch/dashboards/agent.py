"""What is on the overview, and on the dashboard of the agent itself."""

from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.catalogue import kinesis as s
from streamwatch.catalogue import remote_write as r
from streamwatch.dashboards.panel import SECONDS, Dashboard, On, Panel, Query, Row, firing

_o = On()
_CLUSTER: Final = "kafka_cluster"
_STREAM: Final = "aws_region, stream"
_BY_CLUSTER: Final = f"sum by ({_CLUSTER})"
_BY_STREAM: Final = f"max by ({_STREAM})"
_ANY: Final = 0.01
"""Of what should not be at all, a second."""

OVERVIEW: Final = Dashboard(
    "streamwatch-overview",
    "Overview",
    "Every cluster and stream at once: what fires, what is late, what is full, what is refused.",
    (
        Row(
            "What is wrong?",
            (
                Panel(
                    "Alerts that fire",
                    "What is wrong?",
                    (
                        Query(
                            f"max by (alertname, severity, {_CLUSTER}, {_STREAM}) ({firing()})", "alerts", a.ALERTS
                        ).red(above=1),
                    ),
                    "table",
                    16,
                ),
                Panel(
                    "What is seen",
                    "Which clusters and accounts cannot be read?",
                    (_o.now(a.SOURCE_UP, "{{source}}", "min by (source)").in_words("cannot be read", "is read"),),
                    "stat",
                    8,
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
                        _o.firing(_CLUSTER, k.BROKER_UP, "alerts").red(above=1),
                        _o.now(k.ACTIVE_CONTROLLERS, "controllers", _BY_CLUSTER).red(below=1),
                        _o.down(k.BROKER_UP, _CLUSTER, "brokers down").red(above=1),
                        _o.now(k.OFFLINE_PARTITIONS, "offline", _BY_CLUSTER).red(above=1),
                        _o.now(k.BROKER_UNDER_REPLICATED, "under-replicated", _BY_CLUSTER).red(above=1),
                        _o.growth(k.TOPIC_END_OFFSET, "records a second", _BY_CLUSTER),
                        _o.now(g.GROUP_LAG_SECONDS, "latest group", f"max by ({_CLUSTER})"),
                        _o.most(_CLUSTER, "fullest disk", k.LOG_DIR_USED, b.DATA_DISK).red(above=0.85),
                        _o.now(b.THROTTLED, "throttled", _BY_CLUSTER).red(above=1),
                    ),
                    "table",
                    24,
                    6,
                    link=(_CLUSTER, "streamwatch-kafka"),
                ),
                Panel(
                    "Records written a second",
                    "Is there traffic?",
                    (_o.growth(k.TOPIC_END_OFFSET, "{{kafka_cluster}}", _BY_CLUSTER),),
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
                        _o.firing(_STREAM, s.STREAM_UP, "alerts").red(above=1),
                        _o.now(s.BEING_READ, "being read", _BY_STREAM).in_words("no", "yes"),
                        _o.now(s.ITERATOR_AGE, "iterator age", _BY_STREAM),
                        _o.rate(s.INCOMING_RECORDS, "records a second", _BY_STREAM),
                        _o.now(s.WRITE_RECORDS_USE, "records of the limit", _BY_STREAM).red(above=0.8),
                        _o.now(s.WRITE_BYTES_USE, "bytes of the limit", _BY_STREAM).red(above=0.8),
                        _o.rate(s.WRITE_THROTTLED, "writes throttled", _BY_STREAM).red(above=_ANY),
                        _o.rate(s.READ_THROTTLED, "reads throttled", _BY_STREAM).red(above=_ANY),
                    ),
                    "table",
                    24,
                    6,
                    link=("stream", "streamwatch-kinesis"),
                ),
                Panel(
                    "Writes against the limit",
                    "How near is it?",
                    (
                        _o.now(s.WRITE_RECORDS_USE, "{{stream}}: records").red(above=0.8),
                        _o.now(s.WRITE_BYTES_USE, "{{stream}}: bytes"),
                    ),
                    "bargauge",
                    12,
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
                    (
                        _o.rate(a.JOB_OVERRUNS, "overruns {{job_name}}"),
                        _o.rate(a.JOB_FAILURES, "failures {{job_name}}"),
                    ),
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
                Panel("CloudWatch, dollars a day", "What is the bill?", (_o.per_day(a.CLOUDWATCH_COST, "{{source}}"),)),
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

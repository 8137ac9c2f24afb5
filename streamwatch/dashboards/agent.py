"""What is on the dashboard of the agent itself."""

from typing import Final

from streamwatch.catalogue import agent as a
from streamwatch.catalogue import archive as h
from streamwatch.catalogue import remote_write as r
from streamwatch.dashboards.panel import SECONDS, Dashboard, On, Panel, Query, Row

_o = On()

AGENT: Final = Dashboard(
    "streamwatch-agent",
    "Agent",
    "The agent itself: how fresh its numbers are, what they cost, and whether people are notified.",
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
                    "How much is sent, and decided on?",
                    (_o.now(a.SERIES, "{{source}}"), _o.now(a.HISTORY_SERIES, "history")),
                ),
                Panel(
                    "How long rules take", "Are alerts decided in time?", (_o.now(a.RULE_SECONDS, "{{rule_group}}"),)
                ),
            ),
        ),
        Row(
            "Are people notified, and do the numbers arrive?",
            (
                Panel(
                    "Notifications",
                    "Who is notified how often?",
                    (_o.rate(a.NOTIFICATIONS, "{{channel}} {{outcome}}"),),
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
        Row(
            "Are the hours before remembered?",
            (
                Panel(
                    "Numbers in the archive",
                    "Of how many are the hours before there, and for how many was no room?",
                    (
                        _o.now(h.ARCHIVE_SERIES, "archived"),
                        _o.now(h.ARCHIVE_REFUSED, "without room").red(above=1),
                    ),
                ),
                Panel(
                    "Size of the archive",
                    "What does it take of memory and disk?",
                    (_o.now(h.ARCHIVE_BYTES, "memory"), _o.now(h.ARCHIVE_FILE_BYTES, "file")),
                ),
            ),
        ),
    ),
)

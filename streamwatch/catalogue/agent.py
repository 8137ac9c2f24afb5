"""The agent itself: what it knows, what it does not know, and what knowing costs."""

from typing import Final, Literal

from streamwatch.model.metric import Metric, Tier

SOURCE: Final = ("source",)
REQUEST: Final = (*SOURCE, "api", "broker")
CALL: Final = (*SOURCE, "aws_region", "service", "operation")
SCRAPED: Final = (*SOURCE, "broker", "page")
JOB: Final = ("job_name",)
"""Not `job`, which a Prometheus overwrites with its own name of who it scrapes."""


def _metric(  # noqa: PLR0913 - one definition, each part by its name
    name: str,
    labels: tuple[str, ...],
    help: str,  # noqa: A002 - the word users see
    *,
    question: str,
    kind: Literal["gauge", "counter"] = "gauge",
    unit: Literal["", "seconds", "bytes", "calls", "dollars"] = "",
) -> Metric:
    return Metric(name=name, kind=kind, unit=unit, labels=labels, tier=Tier.AGENT, help=help, question=question)


BUILD_INFO = _metric(
    "streamwatch_build_info", ("version",), "Always 1; names the agent's version.", question="What runs here?"
)
SOURCE_UP = _metric(
    "streamwatch_source_up",
    SOURCE,
    "Whether the last read of the source gave anything (1) or nothing (0); parts may be missing: see the problems.",
    question="Is the agent blind?",
)
SOURCE_LAST_SUCCESS = _metric(
    "streamwatch_source_last_success_timestamp_seconds",
    SOURCE,
    "When the last read that gave anything began, since 1970; absent before the first.",
    question="How old is what I see?",
    unit="seconds",
)
SOURCE_READ_SECONDS = _metric(
    "streamwatch_source_read_seconds",
    SOURCE,
    "How long the last read took.",
    question="Does reading take longer than it used to?",
    unit="seconds",
)
SOURCE_INTERVAL_SECONDS = _metric(
    "streamwatch_source_interval_seconds",
    SOURCE,
    "How often the source is read.",
    question="How fresh can the numbers be?",
    unit="seconds",
)
SOURCE_PROBLEMS = _metric(
    "streamwatch_source_problems",
    (*SOURCE, "scope", "reason"),
    "What the last read could not learn: brokers, partitions, groups, topics, regions, streams, shards, readers,"
    " metrics of CloudWatch, workers, connectors; by reason.",
    question="What is not known, and why?",
)
COLLECTOR_UP = _metric(
    "streamwatch_collector_up",
    (*SOURCE, "collector"),
    "Whether the collector made its samples from the last read (1) or failed (0).",
    question="Which part of the numbers is missing?",
)
SERIES = _metric(
    "streamwatch_source_series", SOURCE, "Series exported from the source.", question="How many series is it?"
)
SERIES_DROPPED = _metric(
    "streamwatch_source_series_dropped",
    SOURCE,
    "Series that the cap (`max_series`) left out, the least important first.",
    question="Does the cap hide anything?",
)
REQUESTS = _metric(
    "streamwatch_requests_total",
    REQUEST,
    "Requests sent, by API and broker.",
    question="What does watching cost the brokers?",
    kind="counter",
)
REQUEST_FAILURES = _metric(
    "streamwatch_request_failures_total",
    REQUEST,
    "Requests that were not answered.",
    question="Which broker does not answer?",
    kind="counter",
)
REQUEST_SECONDS = _metric(
    "streamwatch_request_seconds_total",
    REQUEST,
    "Time spent waiting for answers.",
    question="Which API is slow?",
    kind="counter",
    unit="seconds",
)
REQUEST_SENT_BYTES = _metric(
    "streamwatch_request_sent_bytes_total",
    REQUEST,
    "Bytes sent.",
    question="What does watching cost the network?",
    kind="counter",
    unit="bytes",
)
REQUEST_RECEIVED_BYTES = _metric(
    "streamwatch_request_received_bytes_total",
    REQUEST,
    "Bytes received.",
    question="What does watching cost the network?",
    kind="counter",
    unit="bytes",
)
REQUEST_THROTTLED_SECONDS = _metric(
    "streamwatch_request_throttled_seconds_total",
    REQUEST,
    "Time that brokers asked the agent to wait for, by their quotas.",
    question="Do the brokers throttle the agent?",
    kind="counter",
    unit="seconds",
)
CALLS = _metric(
    "streamwatch_aws_calls_total",
    CALL,
    "Calls of AWS's APIs, by operation.",
    question="What does watching cost the account's API limits?",
    kind="counter",
    unit="calls",
)
CALL_FAILURES = _metric(
    "streamwatch_aws_call_failures_total",
    CALL,
    "Calls that did not succeed.",
    question="Which operation is refused?",
    kind="counter",
    unit="calls",
)
CALLS_THROTTLED = _metric(
    "streamwatch_aws_throttled_calls_total",
    CALL,
    "Calls that AWS refused for their rate.",
    question="Does AWS throttle the agent?",
    kind="counter",
    unit="calls",
)
CALL_SECONDS = _metric(
    "streamwatch_aws_call_seconds_total",
    CALL,
    "Time spent in calls, AWS's SDK's own retries included.",
    question="Which operation is slow?",
    kind="counter",
    unit="seconds",
)
PAGES = _metric(
    "streamwatch_page_scrapes_total",
    SCRAPED,
    "Pages of brokers' exporters (`jmx`, `node`) that were asked for.",
    question="What does scraping cost the brokers?",
    kind="counter",
)
PAGE_FAILURES = _metric(
    "streamwatch_page_scrape_failures_total",
    SCRAPED,
    "Pages that could not be had, or not to their end.",
    question="Which exporter does not answer?",
    kind="counter",
)
PAGE_SECONDS = _metric(
    "streamwatch_page_scrape_seconds_total",
    SCRAPED,
    "Time spent on the pages.",
    question="Which exporter is slow?",
    kind="counter",
    unit="seconds",
)
PAGE_BYTES = _metric(
    "streamwatch_page_scrape_received_bytes_total",
    SCRAPED,
    "Bytes of pages received, as they came (compressed).",
    question="What does scraping cost the network?",
    kind="counter",
    unit="bytes",
)
CLOUDWATCH_METRICS = _metric(
    "streamwatch_cloudwatch_metrics_requested_total",
    SOURCE,
    "Metrics requested from CloudWatch, as they are billed.",
    question="What do I pay for?",
    kind="counter",
)
CLOUDWATCH_COST = _metric(
    "streamwatch_cloudwatch_cost_dollars_total",
    SOURCE,
    "What these requests cost, at 0.01 dollars for a thousand metrics.",
    question="What does watching cost me?",
    kind="counter",
    unit="dollars",
)
JOB_RUNS = _metric(
    "streamwatch_job_runs_total",
    JOB,
    "Runs of the job that ended.",
    question="Does the agent still work?",
    kind="counter",
)
JOB_FAILURES = _metric(
    "streamwatch_job_failures_total",
    JOB,
    "Runs that ended with an error of the agent's own.",
    question="Is there a bug?",
    kind="counter",
)
JOB_OVERRUNS = _metric(
    "streamwatch_job_overruns_total",
    JOB,
    "Runs that were due while the last one still ran.",
    question="Is the interval too short?",
    kind="counter",
)
JOB_WAKES = _metric(
    "streamwatch_job_wakes_total",
    JOB,
    "Times that the job was brought forward because something was seen to change.",
    question="Does a broker flap?",
    kind="counter",
)
RELOADS = _metric(
    "streamwatch_config_reloads_total",
    ("outcome",),
    "Reloads of the configuration, by outcome (`taken`, `refused`).",
    question="Did my change take effect?",
    kind="counter",
)
GROUP = ("rule_group",)
RULE_EVALUATIONS = _metric(
    "streamwatch_rule_evaluations_total",
    GROUP,
    "Evaluations of the group of rules.",
    question="Are alerts still decided?",
    kind="counter",
)
RULE_FAILURES = _metric(
    "streamwatch_rule_failures_total",
    GROUP,
    "Evaluations of rules that failed: their alerts stay as they were.",
    question="Which alerts are blind?",
    kind="counter",
)
RULE_MISSED = _metric(
    "streamwatch_rule_missed_evaluations_total",
    GROUP,
    "Evaluations that were due while others took too long.",
    question="Are there more rules than the agent can decide?",
    kind="counter",
)
RULE_SECONDS = _metric(
    "streamwatch_rule_evaluation_seconds",
    GROUP,
    "How long the group's last evaluation took.",
    question="What do the rules cost?",
    unit="seconds",
)
ALERTS = _metric(
    "streamwatch_alerts",
    (
        "alertname",
        "alertstate",
        "severity",
        "kafka_cluster",
        "broker",
        "topic",
        "group",
        "aws_account",
        "aws_region",
        "stream",
        "shard",
        "kind",
        "reader",
        "connect_cluster",
        "connector",
        "source",
    ),
    "Alerts that are pending or firing, with what they are about: how many have these labels; one that an alert does"
    " not have is empty.",
    question="What is wrong?",
)
STATE_UP = _metric(
    "streamwatch_alert_state_up",
    (),
    "Whether decisions are written (1), and so outlive the agent, or could not be (0); absent without `rules.state`.",
    question="Would a restart forget what fires?",
)
CHANNEL = ("channel",)
NOTIFICATIONS = _metric(
    "streamwatch_notifications_total",
    ("channel", "outcome"),
    "Notifications by outcome: `delivered`, `failed` (an attempt, which is made again), `parked` (refused for good).",
    question="Are people notified?",
    kind="counter",
)
NOTIFICATIONS_WAITING = _metric(
    "streamwatch_notifications_waiting",
    CHANNEL,
    "Notifications that are to be delivered.",
    question="Is anything held up on the way to me?",
)
NOTIFICATIONS_PARKED = _metric(
    "streamwatch_notifications_parked",
    CHANNEL,
    "Notifications that the service refuses as they are; they are tried again after a reload.",
    question="What was I never notified of?",
)
NOTIFICATIONS_LATE = _metric(
    "streamwatch_notifications_late_seconds",
    CHANNEL,
    "For how long the oldest of the waiting notifications has been due; 0 where none is.",
    question="For how long have I not been notified?",
    unit="seconds",
)
NOTIFICATION_SECONDS = _metric(
    "streamwatch_notification_seconds",
    CHANNEL,
    "How long the last notification took from the decision to its delivery; absent before the first.",
    question="How fast am I notified?",
    unit="seconds",
)
NOTIFICATIONS_COLLAPSED = _metric(
    "streamwatch_notifications_collapsed_total",
    (),
    "Incidents that were over before anybody could be notified.",
    question="What passed by while a service was down?",
    kind="counter",
)
NOTIFICATIONS_DROPPED = _metric(
    "streamwatch_notifications_dropped_total",
    (),
    "Notifications for which there was no room, or no channel any more.",
    question="Was anything lost?",
    kind="counter",
)
HEARTBEAT_UP = _metric(
    "streamwatch_heartbeat_up",
    (),
    "Whether the last sign of life was taken (1) or not (0); absent without `notify.heartbeat`.",
    question="Would I be called if the agent died?",
)
HISTORY_SERIES = _metric(
    "streamwatch_history_series",
    (),
    "Series that rules can read now.",
    question="How much is decided on?",
)
HISTORY_BYTES = _metric(
    "streamwatch_history_bytes",
    (),
    "Memory that their history takes: values, times, label sets, and what is known of these.",
    question="What does looking back cost?",
    unit="bytes",
)
SCRAPES = _metric(
    "streamwatch_http_requests_total",
    ("code",),
    "HTTP requests answered, by status code.",
    question="Who reads this page?",
    kind="counter",
)

UP: Final = Metric(
    name="up",
    kind="gauge",
    unit="",
    labels=(),
    tier=Tier.AGENT,
    help="Always 1: rules see it, as from a scrape.",
    question="Does the agent run?",
)
"""Not on the page: whoever scrapes it makes this one."""

METRICS: tuple[Metric, ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Metric) and value is not UP
)

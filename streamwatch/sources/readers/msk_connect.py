"""MSK Connect: connectors that AWS runs. Their REST API cannot be reached, so a task that failed is a number only."""

from collections.abc import Mapping, Sequence
from typing import Final

from streamwatch.model.reader import Kind, RetryPolicy, State
from streamwatch.sources.msk.naming import MskName, named_by_servers
from streamwatch.sources.readers.attached import Answer, Api, Described, Listed, Measure, account_of

_PAGE: Final = 100
_STATES: Final[Mapping[str, State]] = {
    "RUNNING": "running",
    "PAUSED": "disabled",
    "PAUSING": "disabled",
    "FAILED": "stopped",
    "DELETING": "disabled",
}
"""The others are on their way: CREATING, UPDATING, RESTARTING, RESUMING."""

_ATTEMPTS: Final[Mapping[str, int | None]] = {"0": 0, "-1": None}
"""Of a record, again, by errors.retry.timeout (KIP-298); None is for ever."""


class MskConnectKind:
    """Connectors: sinks, which read topics, and sources, which write them."""

    kind: Kind = "msk_connect"
    service = "kafkaconnect"
    namespace = "AWS/KafkaConnect"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return all connectors, with their states."""
        found = api.pages("ListConnectors", {"maxResults": _PAGE}, "connectors", ("nextToken", "nextToken"))
        return [
            Listed(one["connectorName"], f"{one['connectorState']} {one.get('currentVersion')}", one["connectorArn"])
            for one in found
        ]

    @staticmethod
    def described(api: Api, listed: Listed) -> Described | None:
        """Return one as it is; of its configuration, which may hold secrets, what names topics and group."""
        now = api.call("DescribeConnector", {"connectorArn": listed.answer}, "connectorState", "connectorArn")
        settings = now.get("connectorConfiguration") or {}
        topics = settings.get("topics") or settings.get("topics.regex")
        group = settings.get("consumer.override.group.id") or f"connect-{listed.name}"
        servers = now.get("kafkaCluster", {}).get("apacheKafkaCluster", {}).get("bootstrapServers", "")
        cluster = named_by_servers(servers)
        return Described(
            name=listed.name,
            account=account_of(now["connectorArn"]),
            cluster=cluster,
            topics=topics or settings.get("topic.prefix") or "",
            group=group if topics else None,
            state=_STATES.get(now["connectorState"], "unknown"),
            reason=_reason(now),
            dimensions=(("ConnectorName", listed.name),),
            outlet="Sink" if topics else "Source",
            retries=_retries(settings),
            unknown=tuple(_unknown(cluster, is_sink=bool(topics))),
        )

    @staticmethod
    def measures(described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""
        rate = "SinkRecordReadRate" if described.outlet == "Sink" else "SourceRecordPollRate"
        return [
            Measure("failed_tasks", "ErroredTaskCount", "Maximum", vital=True),
            Measure("tasks", "RunningTaskCount", "Maximum"),
            Measure("records_per_second", rate, "Average"),
        ]


def _reason(now: Answer) -> str:
    why = now.get("stateDescription") or {}
    reason = ": ".join(str(why[part]) for part in ("code", "message") if why.get(part))
    return f"it is {now['connectorState']}{f': {reason}' if reason else ''}"


def _retries(settings: Mapping[str, str]) -> RetryPolicy | None:
    """Return what becomes of a record that fails, where the connector goes on without it.

    None where it does not go on, and where it tries again for a time of its own: that is no number of attempts.
    """
    retry_timeout = settings.get("errors.retry.timeout", "0")
    if settings.get("errors.tolerance") != "all" or retry_timeout not in _ATTEMPTS:
        return None
    letters = settings.get("errors.deadletterqueue.topic.name", "")
    return RetryPolicy(attempts=_ATTEMPTS[retry_timeout], record_age_seconds=None, bisects=False, destination=letters)


def _unknown(cluster: MskName | None, *, is_sink: bool) -> Sequence[str]:
    lag = "lag: it is its consumer group's, by protocol" if is_sink else "lag: a source's position is not shown"
    return [lag, *([] if cluster else ["cluster: its bootstrap servers name none of MSK's"])]

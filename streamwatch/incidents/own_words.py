"""Alerts that say by themselves what is the matter: the cause is the alert, in its own words."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.incidents.incident import Cause, CauseKind, Effects, Scope
from streamwatch.incidents.known import Known, scopes
from streamwatch.model.alert import Alert

SAYS: Final[Mapping[str, CauseKind]] = {
    "KafkaForeignCluster": "change",
    "KafkaTooManyPartitions": "capacity",
    "KafkaLeadersUnbalanced": "capacity",
    "KafkaGroupIdleMembers": "idle_members",
    "KafkaGroupUnattended": "reader_stopped",
    "KafkaGroupAhead": "positions",
    "KafkaGroupNeverCommits": "positions",
    "KafkaConnectTasksUnassigned": "members_lost",
    "KafkaConnectNoTasks": "reader_stopped",
    "KafkaConnectRebalancing": "rebalances",
    "KafkaConnectDeadLetters": "reader_failed",
    "KafkaConnectRecordsSkipped": "reader_failed",
    "KafkaConnectMirrorPartitionsMissing": "reader_failed",
    "MskTooManyPartitions": "capacity",
    "MskPartitionsNearMaximum": "capacity",
    "MskClusterFailed": "broker",
    "MskUnderProvisioned": "capacity",
    "MskTopicReassignmentFailed": "change",
    "KinesisReadBytesNearLimit": "capacity",
    "KinesisReadCallsNearLimit": "capacity",
    "KinesisShardQuotaNear": "capacity",
    "KinesisConsumerQuotaNear": "capacity",
    "KinesisShardsSkewed": "hot",
    "StreamWatchCollectorFailed": "monitor",
    "StreamWatchJobFailing": "monitor",
    "StreamWatchSeriesDropped": "monitor",
    "StreamWatchRulesFailing": "monitor",
    "StreamWatchArchiveNotWritten": "monitor",
    "StreamWatchStateNotWritten": "monitor",
    "StreamWatchNotificationsRefused": "monitor",
    "StreamWatchNotificationsLate": "monitor",
    "StreamWatchNotificationsDropped": "monitor",
    "StreamWatchRemoteWriteLate": "monitor",
    "StreamWatchRemoteWriteNotKept": "monitor",
    "StreamWatchRemoteWriteLost": "monitor",
    "StreamWatchHeartbeatRefused": "monitor",
    "StreamWatchPeerDown": "monitor",
    "StreamWatchPeersDisagree": "monitor",
    "StreamWatchLeaseUnreachable": "monitor",
    "StreamWatchLeaseInDoubt": "monitor",
    "StreamWatchReloadRefused": "monitor",
    "StreamWatchParametersMissing": "monitor",
}


def own_words(known: Known) -> Iterator[Cause]:
    """The alert says what is the matter: alerts of one name about one thing are one incident."""
    for name, kind in SAYS.items():
        by_scope: dict[Scope, Alert] = {}
        for alert in known.named(name):
            scope = narrowest(alert)
            if scope not in by_scope or (alert.state == "firing" and by_scope[scope].state != "firing"):
                by_scope[scope] = alert
        for scope, alert in by_scope.items():
            description = dict(alert.annotations).get("description", "")
            yield Cause(
                kind,
                scope,
                alert.summary.rstrip("."),
                (description,) if description else (),
                name,
                (Effects(scope, frozenset({name})),),
            )


def narrowest(alert: Alert) -> Scope:
    """Return the narrowest thing that an alert is about; its name, where it is about nothing that is known here."""
    every = list(scopes(alert))
    return max(every, key=len) if every else ("alert", alert.name)

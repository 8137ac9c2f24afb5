"""Causes with who reads on somebody's behalf: applications of the KCL, functions, connectors, and what AWS runs."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import kafka_connect as c
from streamwatch.catalogue import readers as r
from streamwatch.core.words import counted, listed
from streamwatch.incidents import groups, streams
from streamwatch.incidents.incident import Cause, CauseKind, Effects
from streamwatch.incidents.known import Known
from streamwatch.model.alert import Alert
from streamwatch.model.newest_samples import Row
from streamwatch.model.reader import PROBLEM

_LATE: Final = frozenset(
    {
        "KinesisApplicationLate", "KinesisApplicationDataExpiring", "KinesisReaderDeliveryLate", "MskReplicatorLate",
        "KinesisReaderReadsNothing",
    }
)  # fmt: skip
"""What follows, of the reader itself."""
_TRY_AGAIN: Final = frozenset({"lambda", "pipes"})
"""Kinds of readers that try a batch that fails again. Of others that stand a worker may hang, too."""
_SAYS: Final[Mapping[str, tuple[CauseKind, str]]] = {
    "KinesisReaderTasksFailed": ("reader_failed", "has tasks that have failed"),
    "KinesisReaderRestarts": ("reader_failed", "fails and starts again, over and over"),
    "KinesisReaderCheckpointsFail": ("reader_failed", "cannot write its checkpoints"),
    "MskReplicatorAuthErrors": ("reader_failed", "is not let into one of its clusters"),
    "MskReplicatorUnreachable": ("network", "does not reach one of its clusters"),
    "MskReplicatorFailing": ("reader_failed", "fails again and again"),
    "KinesisReaderDeliveryFailing": ("downstream", "cannot deliver: its target refuses what it gets"),
    "KinesisReaderExecutionsFail": ("downstream", "cannot deliver: nearly every batch fails at its target"),
    "KinesisReaderBackpressured": ("downstream", "reads less than it could: its target is slow"),
    "KinesisWriterSourceLate": ("upstream", "is late with what it reads from its database"),
    "KinesisReaderRecordsFailed": ("reader_failed", "gets records that it cannot process, and puts them aside"),
    "LambdaThrottled": ("reader_throttled", "has no room to run: its concurrency is used up"),
    "LambdaRecordsLost": ("reader_failed", "gave records up, and nobody has them"),
    "KinesisReaderThrottled": ("reader_throttled", "is refused by its stream: its shards allow no more reads"),
    "KinesisApplicationWithoutLeader": ("members_lost", "has no leader: nobody assigns its leases"),
    "KinesisShardWithoutLease": ("positions", "has a shard without a lease, which it will never read"),
    "KinesisLeasesUnstable": ("rebalances", "has workers that take leases from each other"),
    "KinesisZombieLeases": ("positions", "has leases of shards that are gone"),
    "RedshiftViewNotRefreshed": ("reader_stands", "has not been refreshed"),
    "RedshiftRowsSkipped": ("reader_failed", "passes records over"),
    "MskReplicatorOffsetsNotSynced": ("reader_failed", "does not bring the offsets of groups to its target"),
}
"""Alerts that name their cause, those that explain others first: what each says of a reader."""


def stopped(known: Known) -> Iterator[Cause]:
    """A reader does not run: it was stopped, or it failed, in its service's own words."""
    for alert in _each_reader(known, "KinesisReaderDown", "LambdaMappingStopped", "KinesisApplicationWithoutStream"):
        row = _row(alert)
        states = [more[1] for more in known.values(r.STATE, *row)]
        reasons = [more[0] for more in known.values(a.REASON, *row)] or [alert.labels.get("reason", "")]
        words = " ".join([*states, *reasons])  # not what its last call said: it may have run well since
        is_failure = "fail" in words.lower() or "error" in words.lower() or "problem" in words.lower()
        kind: CauseKind = "reader_failed" if is_failure else "reader_stopped"
        why = next((reason for reason in reasons if reason), "")
        yield _cause(known, alert, kind, f"{'has failed' if is_failure else 'does not run'}{f': {why}' if why else ''}")


def stands(known: Known) -> Iterator[Cause]:
    """A reader's position stands: in every shard that it reads, or in some of them, at single records."""
    for alert in _each_reader(known, "ReaderStuck"):
        row = _row(alert)
        if known.about(_scope(alert), frozenset({"LambdaThrottled"})):
            continue  # its calls are refused: no record is to blame
        standing = known.values(r.STANDING, *row)
        reads = _shards(known, row)
        is_all = reads is not None and 1 < reads <= len(standing)
        shards = sorted(shard for (shard,) in standing if shard)
        where = f"in {listed(shards)}" if shards else "in a shard"
        if alert.labels.get("kind") == "kcl" and not shards:
            yield _cause(
                known, alert, "reader_stands", "stands still: none of its checkpoints moves, though records come"
            )
        elif is_all:
            yield _cause(known, alert, "reader_stands", f"stands still {where}, in all that it reads")
        elif alert.labels.get("kind") == "lambda" and _may_be_slow(known, row):
            words = f"hardly gets on {where}: it cannot process a record, is too slow for what comes, or hangs"
            yield _cause(known, alert, "stuck_record", words)
        elif alert.labels.get("kind") in _TRY_AGAIN:
            yield _cause(known, alert, "stuck_record", f"cannot process a record: it tries the same one again {where}")
        else:
            yield _cause(known, alert, "reader_stands", f"stands still {where}, though records come")


def workers(known: Known) -> Iterator[Cause]:
    """An application's leases are not renewed: its workers are gone."""
    for alert in _each_reader(known, "KinesisLeasesNotRenewed"):
        count = known.value(r.WORKERS, *_row(alert))
        words = "has lost all its workers" if count == 0 else "has shards in nobody's hands: nobody renews their leases"
        yield _cause(known, alert, "members_lost", words)


def idle(known: Known) -> Iterator[Cause]:
    """A reader reads nothing though records come, and nothing else says why."""
    for alert in _each_reader(known, "KinesisReaderReadsNothing"):
        yield _cause(known, alert, "reader_stands", "reads nothing, though records come and it says that it runs")


def replicators(known: Known) -> Iterator[Cause]:
    """A replicator falls behind: its clusters hold it back by a quota, or it copies nothing at all."""
    for alert in _each_reader(known, "MskReplicatorLate"):
        row = _row(alert)
        throttle, copied = known.value(a.THROTTLE, *row), known.value(a.BYTES_PER_SECOND, *row)
        if throttle:
            yield _cause(
                known, alert, "quota", f"is held back by a quota of its clusters, by {throttle:,.1f} s a request"
            )
        elif copied == 0:
            yield _cause(known, alert, "reader_stands", "copies nothing, though records wait")


def plain(known: Known) -> Iterator[Cause]:
    """An alert of the reader names the cause."""
    for name, (kind, words) in _SAYS.items():
        for alert in _each_reader(known, name):
            yield _cause(known, alert, kind, words)


def connectors(known: Known) -> Iterator[Cause]:
    """A connector of Kafka Connect has failed, or its workers are gone; its group is late by that."""
    names = frozenset({"KafkaConnectTaskFailed", "KafkaConnectConnectorFailed"})
    late = frozenset({"KafkaConnectChangesStopped", "KafkaConnectHeartbeatStopped", "KafkaConnectMirrorBehind"})
    for alert in _each(known, "connector", *sorted(names)):
        labels = alert.labels
        scope = ("connector", labels["connect_cluster"], labels["connector"])
        cluster = labels.get("kafka_cluster", "")
        own = known.values(c.CONNECTOR_GROUP, labels["connect_cluster"], cluster, labels["connector"])
        groups_of = own or {(f"connect-{labels['connector']}",): 1.0}
        late_groups = groups.LATE | {"KafkaGroupStuck", "KafkaGroupGone"}
        is_whole = known.about(scope, frozenset({"KafkaConnectConnectorFailed"}))
        yield Cause(
            "reader_failed",
            scope,
            f"Connector {scope[2]} of {scope[1]} has {'failed' if is_whole else 'tasks that have failed'}",
            (dict(alert.annotations).get("description", ""),),
            alert.name,
            (
                Effects(scope, names | late),
                *(Effects(("group", cluster, group), late_groups) for (group,) in sorted(groups_of)),
            ),
            alert.value,
        )
    yield from _connect_workers(known)


def _connect_workers(known: Known) -> Iterator[Cause]:
    for scope in known.scopes("connect", "KafkaConnectWorkerDown"):
        down = [alert.labels.get("worker", "") for alert in known.about(scope, frozenset({"KafkaConnectWorkerDown"}))]
        yield Cause(
            "members_lost",
            scope,
            f"Workers of {scope[1]} do not answer: {listed(sorted(down))}",
            (),
            "KafkaConnectWorkerDown",
            (
                Effects(
                    scope,
                    frozenset({"KafkaConnectWorkerDown", "KafkaConnectTasksUnassigned", "KafkaConnectRebalancing"}),
                ),
            ),
        )


def _cause(known: Known, alert: Alert, kind: CauseKind, words: str) -> Cause:
    """Return a cause with a reader; what the reader's stream or group lacks hangs below it."""
    labels, row = alert.labels, _row(alert)
    scope = _scope(alert)
    own = _LATE | {alert.name, *_SAYS, "ReaderStuck", "KinesisLeasesNotRenewed"}
    effects = [Effects(scope, own | {"LambdaMappingStopped", "KinesisReaderDown"})]
    if _is_alone(known, row):
        effects.append(Effects(("stream", *row[:3]), streams.LATE | {"KinesisNobodyReads"}))
    if labels.get("group"):
        group = ("group", labels.get("kafka_cluster", ""), labels["group"])
        effects.append(Effects(group, groups.LATE | {"KafkaGroupStuck", "KafkaGroupGone", "LambdaGroupWithoutMembers"}))
    return Cause(
        kind,
        scope,
        f"{_NAMES.get(scope[3], scope[3])} {scope[4]} {words}",
        tuple(_evidence(known, alert)),
        alert.name,
        tuple(effects),
        float(len(known.values(r.STANDING, *row))) or None,
    )


def _may_be_slow(known: Known, row: Row) -> bool:
    """Say whether no call of a function is known to fail: what is given to a slow one grows old nearly as fast.

    That none is known does not show that none fails: the last result is of any shard, and calls are counted later.
    """
    results = [result for (result, *_) in known.values(r.LAST_RESULT, *row)]
    is_good = bool(results) and not any(one.startswith(PROBLEM) for one in results)
    return is_good and not known.value(r.FAILED_CALLS, *row)


def _evidence(known: Known, alert: Alert) -> Iterator[str]:
    row = _row(alert)
    for more in known.values(r.STATE, *row):
        yield f"its state is {more[1]}"
    for result, *_ in known.values(r.LAST_RESULT, *row):
        is_of_any_shard = alert.labels.get("kind") == "lambda" and not result.startswith(PROBLEM)
        yield f"its service says{' of whichever shard it read last' if is_of_any_shard else ''}: {result}"
    failed_calls = known.value(r.FAILED_CALLS, *row)
    if failed_calls:
        yield f"{counted(failed_calls, 'call')} of it failed since the agent has counted them"
    lag = known.value(r.LAG, *row)
    if lag:
        yield f"it is {lag:,.0f} s behind"
    standing = max(known.values(r.STANDING, *row).values(), default=0.0)
    if standing:
        yield f"its position has stood for {standing:,.0f} s"
    failed, alive = known.value(a.FAILED_TASKS, *row), known.value(r.WORKERS, *row)
    if failed:
        yield counted(failed, "task has failed", "tasks have failed")
    if alive is not None:
        yield counted(alive, "worker renews leases", "workers renew leases")


def _is_alone(known: Known, row: Row) -> bool:
    """Say whether a reader is the only one that is known to read its stream."""
    return bool(row[2]) and sum(1 for other in known.values(r.UP, *row[:3])) == 1


def _shards(known: Known, row: Row) -> float | None:
    """Return how many shards a reader reads; None where that is not known."""
    leases = known.values(r.LEASES, *row)
    if leases:
        return sum(count for (state,), count in leases.items() if state in {"renewed", "not_renewed"})
    methods = known.values(r.LAG_METHOD, *row)
    return sum(methods.values()) if methods else None


def _row(alert: Alert) -> Row:
    """Return the labels of a reader, as its metrics have them."""
    return tuple(alert.labels.get(name, "") for name in r.READER)


def _scope(alert: Alert) -> tuple[str, ...]:
    return ("reader", *(alert.labels.get(name, "") for name in ("aws_account", "aws_region", "kind", "reader")))


def _each_reader(known: Known, *names: str) -> Iterator[Alert]:
    yield from _each(known, "reader", *names)


def _each(known: Known, kind: str, *names: str) -> Iterator[Alert]:
    """Yield the first alert of these names about each thing of a kind."""
    for scope in known.scopes(kind, *names):
        yield known.about(scope, frozenset(names))[0]


_NAMES: Final[Mapping[str, str]] = {
    "kcl": "Application",
    "lambda": "Function",
    "firehose": "Delivery stream",
    "msk_connect": "Connector",
    "dms": "Task",
    "pipes": "Pipe",
    "flink": "Application",
    "msk_replicator": "Replicator",
    "redshift": "View",
}
"""What people call the kinds of readers, as a sentence begins."""

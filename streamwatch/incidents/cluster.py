"""Causes in a Kafka cluster: its controllers, brokers, disks, the network between them, and its quotas."""

from collections.abc import Iterator, Mapping
from typing import Final

from streamwatch.catalogue import agent as c
from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_controllers as q
from streamwatch.catalogue import msk as m
from streamwatch.core.words import counted
from streamwatch.incidents.groups import LATE
from streamwatch.incidents.incident import Cause, CauseKind, Effects, Scope
from streamwatch.incidents.known import Known
from streamwatch.incidents.words import of_brokers

_OF_BROKER: Final = frozenset(
    {"KafkaBrokerDown", "KafkaBrokerDownLong", "KafkaReplicasOutOfSync", "KafkaReplicasOutOfSyncLong"}
)
_OF_REPLICAS: Final = frozenset({"KafkaReplicasOutOfSync", "KafkaReplicasOutOfSyncLong"})
_OF_LEADERS: Final = frozenset(
    {
        "KafkaSeveralBrokersDown", "KafkaBrokersMissing", "KafkaUnreachablePartitions", "KafkaOfflinePartitions",
        "KafkaUnderMinIsr", "KafkaLeadersUnbalanced", "KafkaOneFailureFromStop", "KafkaProbeFailing",
        "KafkaProbeUnreliable",
    }
)  # fmt: skip
"""About a cluster as a whole: what follows when brokers are gone."""
_CAME: Final = frozenset({"broker.back", "broker.added", "broker.replaced"})
"""Kinds of changes after which a broker has to catch up."""
_NOT_READ: Final = frozenset({"StreamWatchPartlyBlind", "StreamWatchStale"})
"""What follows for the agent where a part of the cluster does not answer."""
_SILENCE: Final = frozenset({"timeout", "unreachable", "moved"})
"""Why something is not known where a broker or a controller does not answer, or another coordinates in its place."""
_DEADLY: Final = 0.9
"""A broker that stops with this share of a disk in use has died of it: it was full a moment later."""
_DISK: Final[Mapping[str, str]] = {
    "KafkaLogDirOffline": "has a log directory that is offline",
    "KafkaDiskNearlyFull": "has a disk that is nearly full",
    "KafkaDiskFullSoon": "has a disk that will be full within hours",
    "KafkaDiskFilling": "has a disk that fills up",
    "KafkaDiskFullTomorrow": "has a disk that will be full within a day",
    "KafkaRootDiskFilling": "has a root disk that fills up",
    "KafkaAppLogsDiskFilling": "has a disk of application logs that fills up",
    "MskBurstBalanceLow": "has nearly used up its volume's burst credits",
}
"""What each alert says of a broker, the worst first."""
_BUSY: Final[Mapping[str, str]] = {
    "MskCpuCreditsLow": "has nearly used up its CPU credits",
    "KafkaHeapFull": "has a heap that stays full after a collection",
    "KafkaCpuHigh": "has hardly any processor time left",
    "KafkaRequestHandlersBusy": "has hardly any request handler free",
    "KafkaNetworkProcessorsBusy": "has hardly any network thread free",
    "KafkaRequestQueueLong": "has requests that wait for a thread",
    "KafkaFileDescriptorsNearLimit": "has nearly used up its file descriptors",
    "KafkaProduceSlow": "is slow to answer producers",
    "KafkaFetchSlow": "is slow to answer consumers",
}
"""The same of a broker that is overloaded: what explains the others comes first."""
_NETWORK: Final[Mapping[str, str]] = {
    "MskNetworkAllowanceExceeded": "exceeds its network allowance",
    "KafkaPacketsDropped": "drops packets",
}
_QUOTA: Final[Mapping[str, str]] = {
    "MskIamConnectionsRefused": "refuses connections by IAM: too many are made a second",
    "MskIamConnectionsNearLimit": "has nearly as many IAM connections as it takes",
    "KafkaClientsThrottled": "holds clients back by a quota",
}
_AFTERWARDS: Final = (
    "Find out why it did not answer: its log, its host, the network to it."
    f" Watch {k.BROKER_OUT_OF_SYNC.name} of it fall to 0."
)
"""What to do first where a broker answers again: nobody has to start it."""
_SLOWS: Final = frozenset({"KafkaProduceSlow", "KafkaFetchSlow", "KafkaRequestQueueLong"})
"""What follows where a broker waits for its disk, its network or a quota."""


def controllers(known: Known) -> Iterator[Cause]:
    """The cluster has no active controller, or more than one, or one does not follow."""
    for name, sentence in (
        ("KafkaNoActiveController", "Cluster {} has no active controller"),
        ("KafkaSeveralControllers", "Several controllers of {} say that they are active"),
        ("KafkaQuorumVoterLagging", "A controller of {} does not follow the active one"),
    ):
        for scope in known.scopes("cluster", name):
            count = known.value(k.ACTIVE_CONTROLLERS, scope[1])
            evidence = [] if count is None else [f"{counted(count, 'controller is', 'controllers are')} active"]
            lag = {row: value for row, value in known.values(q.QUORUM_LAG, scope[1]).items() if value > 0}
            evidence += [
                f"replica {row[0]} lacks {counted(value, 'record')} of the metadata" for row, value in lag.items()
            ]
            names = frozenset({name, "KafkaQuorumVoterLagging"})
            effects = [Effects(scope, names)]
            if name != "KafkaQuorumVoterLagging":  # it follows late, and the others answer what is asked
                effects += _not_read(known, scope[1])
            yield Cause("controller", scope, sentence.format(scope[1]), tuple(evidence[:5]), name, tuple(effects))


def disks(known: Known) -> Iterator[Cause]:
    """A broker's disk is full or broken; also where the broker died of it within the last quarter of an hour."""
    for cause in _of_brokers(known, "disk", _DISK):
        _, cluster, broker = cause.scope
        used = [
            f"log directory {row[0]} is {value:.0%} full"
            for row, value in known.values(k.LOG_DIR_USED, cluster, broker).items()
        ]
        is_deadly = _is_deadly(known, cause.scope)
        deaths = (Effects(cause.scope, _OF_BROKER), *_leaders(known, cluster, (broker,)))
        yield Cause(
            "disk",
            cause.scope,
            cause.sentence,
            (*used[:3], *cause.evidence),
            cause.runbook,
            (*cause.effects, *(deaths if is_deadly else ())),
            known.value(k.BROKER_PARTITIONS, cluster, broker),
            down=(cause.scope,) if is_deadly and _is_down_or_was(known, cause.scope) else (),
        )
    yield from _died_of_disks(known)


def _is_down_or_was(known: Known, scope: Scope) -> bool:
    """Say whether a broker does not answer, or did not, and something of it is left."""
    _, cluster, broker = scope
    if known.value(k.BROKER_UP, cluster, broker) == 0:
        return True
    is_left = any(
        (
            known.about(("source", cluster), _NOT_READ),
            [*_join_anew(known, cluster)],
            known.value(k.BROKER_OUT_OF_SYNC, cluster, broker),
        )
    )
    return is_left and scope in _were_down(known)


def _is_deadly(known: Known, scope: Scope) -> bool:
    """Say whether a broker stops of its disk: it is offline or full, or nearly full and will be full within hours.

    Of a disk that fills up until tomorrow no broker dies today.
    """
    names = {alert.name for alert in known.about(scope, frozenset(_DISK))}
    used = known.values(k.LOG_DIR_USED, *scope[1:]).values()
    is_full = max(used, default=0.0) >= _DEADLY
    return is_full or "KafkaLogDirOffline" in names or names >= {"KafkaDiskNearlyFull", "KafkaDiskFullSoon"}


def _died_of_disks(known: Known) -> Iterator[Cause]:
    """Yield the disks that were known to be full or broken a moment ago, of brokers that do not answer now."""
    seen = set(known.scopes("broker", *_DISK))
    for cause in known.before:
        is_deadly = any("KafkaBrokerDown" in effects.names for effects in cause.effects)
        if cause.kind != "disk" or cause.scope in seen or not is_deadly:
            continue
        seen.add(cause.scope)
        _, cluster, broker = cause.scope
        if known.value(k.BROKER_UP, cluster, broker) == 0:
            evidence = (f"broker {broker} does not answer; a moment ago it was known that it {_DISK[cause.runbook]}",)
            effects = (Effects(cause.scope, frozenset(_DISK) | _OF_BROKER), *_leaders(known, cluster, (broker,)))
            yield Cause(
                "disk",
                cause.scope,
                cause.sentence,
                evidence,
                cause.runbook,
                effects,
                cause.partitions,
                down=(cause.scope,),
            )


def brokers(known: Known) -> Iterator[Cause]:
    """Brokers do not answer, and nothing else says why."""
    full = {scope for cause in disks(known) for scope in cause.down}
    for scope in known.scopes("cluster", *_OF_BROKER, *_OF_LEADERS):
        cluster = scope[1]
        states = {row[0]: value for row, value in known.values(k.BROKER_UP, cluster).items()}
        down = sorted((broker for broker, up in states.items() if not up), key=_number)
        left = [broker for broker in down if ("broker", cluster, broker) not in full]
        if not left:
            continue
        is_all = len(left) == len(states)
        sentence = (
            f"No broker of {cluster} answers: all of them are down, or the agent is cut off from them"
            if is_all and len(left) > 1
            else of_brokers(left, f"of {cluster} does not answer", f"of {cluster} do not answer")
        )
        yield Cause(
            "broker",
            scope if len(left) > 1 else ("broker", cluster, left[0]),
            sentence,
            tuple(_evidence_of_loss(known, cluster, len(left), len(states))),
            "KafkaBrokerDown" if len(left) == 1 else "KafkaSeveralBrokersDown",
            (
                *(Effects(("broker", cluster, broker), _OF_BROKER) for broker in left),
                Effects(scope, _OF_LEADERS),
                *_join_anew(known, cluster),
                *_not_read(known, cluster),
                *((Effects(("source", cluster), frozenset({"StreamWatchBlind"})),) if is_all else ()),
            ),
            _lost(known, cluster, left),
            down=tuple(("broker", cluster, broker) for broker in left),
            since=_all_down_since(known, cluster, left),
        )


def _all_down_since(known: Known, cluster: str, brokers: list[str]) -> float | None:
    """Return since when the last of these brokers does not answer; None where that is not known of each."""
    downs = [known.about(("broker", cluster, broker), frozenset({"KafkaBrokerDown"})) for broker in brokers]
    return max(alert.active_at for alerts in downs for alert in alerts) if all(downs) else None


def returned(known: Known) -> Iterator[Cause]:
    """Brokers answer again after a while in which they did not: their replicas are not in sync yet."""
    for scope, cause in _were_down(known).items():
        _, cluster, broker = scope
        missing = known.value(k.BROKER_OUT_OF_SYNC, cluster, broker)
        if known.value(k.BROKER_UP, cluster, broker) != 1:
            continue
        if cause.earlier and cause.partitions == 0:
            missing = 0.0  # it was in sync since: what is missing now has another cause
        earlier = cause.earlier or cause.sentence
        evidence = [f"before that: {earlier}"]
        effects = [*_not_read(known, cluster), *_join_anew(known, cluster)]
        sentence = f"Broker {broker} of {cluster} answers again"
        if missing:
            sentence += ", and its replicas are not in sync yet"
            evidence.append(f"{counted(missing, 'replica')} of it are out of sync")
            effects += [Effects(scope, _OF_BROKER), Effects(("cluster", cluster), _OF_LEADERS)]
        yield Cause(
            cause.kind,
            scope,
            sentence,
            tuple(evidence),
            cause.runbook,
            tuple(effects),
            missing,
            down=(scope,),
            earlier=earlier,
            remedy="" if cause.kind == "disk" else _AFTERWARDS,
            since=max(_came_at(known, scope), default=None),
            is_remembered=bool(missing),
        )


def _came_at(known: Known, scope: Scope) -> list[float]:
    """Return when a broker came, or came back, as far as that was seen of late."""
    return [
        change.at
        for change in known.changes
        if change.kind in _CAME and (change.source.partition("/")[0], change.labels.get("broker")) == scope[1:]
    ]


def _were_down(known: Known) -> dict[Scope, Cause]:
    """Return the brokers of which it was known before that they do not answer."""
    return {scope: cause for cause in known.before for scope in cause.down}


def links(known: Known) -> Iterator[Cause]:
    """A broker answers, and its replicas do not follow: the network, where one leader alone misses it."""
    for scope in known.scopes("broker", *sorted(_OF_REPLICAS)):
        _, cluster, broker = scope
        missing = known.value(k.BROKER_OUT_OF_SYNC, cluster, broker)
        leader = _only_leader_that_misses(known, scope)
        if not missing or leader is None:
            continue
        yield Cause(
            "network",
            scope,
            f"Broker {broker} of {cluster} does not follow broker {leader}, though it answers and follows the others",
            (
                f"{counted(missing, 'replica')} of broker {broker} out of sync, all of them led by broker {leader}",
                f"broker {broker} and broker {leader} answer the agent: the way between them is bad",
            ),
            "KafkaReplicasOutOfSync",
            (
                Effects(scope, _OF_REPLICAS),
                Effects(("cluster", cluster), frozenset({"KafkaUnderMinIsr", "KafkaOneFailureFromStop"})),
            ),
            missing,
        )
    yield from _of_brokers(known, "network", _NETWORK, _SLOWS)


def _only_leader_that_misses(known: Known, scope: Scope) -> str | None:
    """Return the leader that a broker does not follow, where it answers and follows others; else None.

    A broker that was not there before catches up with one leader after the other, replicas that are being moved are not
    there yet, and a leader that several brokers do not follow is itself what is wrong.
    """
    _, cluster, broker = scope
    states = known.values(k.BROKER_UP, cluster)
    if states.get((broker,)) != 1 or scope in _were_down(known) or _came_at(known, scope):
        return None
    under = known.values(k.BROKER_UNDER_REPLICATED, cluster)
    leaders = [row[0] for row, count in under.items() if count and row[0] != broker]
    if len(leaders) != 1 or known.value(k.REASSIGNING_PARTITIONS, cluster):
        return None
    others = [row[0] for row, up in states.items() if up and row[0] not in {broker, leaders[0]}]
    leads = [other for other in others if known.value(k.BROKER_LEADERS, cluster, other) != 0]
    late = [other for other in others if known.value(k.BROKER_OUT_OF_SYNC, cluster, other)]
    return leaders[0] if leads and not late and states.get((leaders[0],)) == 1 else None


def quotas(known: Known) -> Iterator[Cause]:
    """A broker holds clients back by a quota or a limit of AWS's."""
    yield from _of_brokers(known, "quota", _QUOTA, _SLOWS)


def busy(known: Known) -> Iterator[Cause]:
    """A broker answers, and is overloaded."""
    yield from _of_brokers(known, "slow_broker", _BUSY)


def _of_brokers(
    known: Known, kind: CauseKind, says: Mapping[str, str], more: frozenset[str] = frozenset()
) -> Iterator[Cause]:
    """Yield a cause for each broker of which one of these alerts is active; the first of them is its sentence."""
    names = frozenset(says)
    for scope in known.scopes("broker", *says):
        here = {alert.name for alert in known.about(scope, names)}
        lead, *others = [name for name in says if name in here]
        yield Cause(
            kind,
            scope,
            f"Broker {scope[2]} of {scope[1]} {says[lead]}",
            tuple(f"it {says[name]}" for name in others),
            lead,
            (Effects(scope, names | more),),
        )


def _leaders(known: Known, cluster: str, gone: tuple[str, ...]) -> tuple[Effects, ...]:
    """Return the effects on the whole cluster of these brokers, where they and no others do not answer."""
    down = {row[0] for row, up in known.values(k.BROKER_UP, cluster).items() if not up}
    if not down or not down <= set(gone):
        return ()
    return Effects(("cluster", cluster), _OF_LEADERS), *_join_anew(known, cluster), *_not_read(known, cluster)


def _join_anew(known: Known, cluster: str) -> Iterator[Effects]:
    """Yield the effects on groups that rebalance: the broker that coordinates them may be gone, or is just back."""
    for scope in known.scopes("group", "KafkaGroupRebalancing"):
        if scope[1] == cluster:
            yield Effects(scope, LATE | {"KafkaGroupRebalancing"})


def _not_read(known: Known, cluster: str) -> Iterator[Effects]:
    """Yield what follows for the agent of brokers that do not answer; nothing, where what it lacks it is denied.

    Whoever waits for them reads late, and lacks what they would have said.
    """
    for source in (cluster, f"{cluster}/pages", f"{cluster}/probe"):
        reasons = {row[1] for row, count in known.values(c.SOURCE_PROBLEMS, source).items() if count}
        if reasons <= _SILENCE:
            yield Effects(("source", source), _NOT_READ)
            if not known.named("StreamWatchRulesLate"):  # else the agent is late by itself
                yield Effects(("job", source), frozenset({"StreamWatchOverruns"}))


def _evidence_of_loss(known: Known, cluster: str, down: int, brokers: int) -> Iterator[str]:
    yield f"{down} of {counted(brokers, 'broker')} {'does' if down == 1 else 'do'} not answer the agent"
    for metric, words in (
        (k.OFFLINE_PARTITIONS, "without a leader"),
        (k.UNREACHABLE_PARTITIONS, "led by a broker that does not answer"),
    ):
        count = known.value(metric, cluster)
        if count:
            yield f"{counted(count, 'partition')} {words}"
    short = sum(known.values(k.BROKER_UNDER_MIN_ISR, cluster).values())
    if short:
        yield f"{counted(short, 'partition')} below min.insync.replicas: acks=all is refused there"
    if any(known.values(m.OPERATIONS, cluster).values()):
        yield f"MSK works on {cluster} now: this may be its restart"


def _lost(known: Known, cluster: str, down: list[str]) -> float | None:
    """Return how many partitions miss brokers that do not answer."""
    counts = [known.value(k.UNREACHABLE_PARTITIONS, cluster), known.value(k.OFFLINE_PARTITIONS, cluster)]
    gone = max((count for count in counts if count is not None), default=None)
    if gone:
        return gone
    replicas = [known.value(k.BROKER_OUT_OF_SYNC, cluster, broker) for broker in down]
    known_replicas = [count for count in replicas if count is not None]
    return max(known_replicas) if known_replicas else gone


def _number(broker: str) -> tuple[int, str]:
    return (int(broker), broker) if broker.isdigit() else (0, broker)

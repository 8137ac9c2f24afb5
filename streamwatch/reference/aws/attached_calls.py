"""The operations of services that run something beside streams and topics, by service."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from streamwatch.reference.aws import dms, firehose, flink, msk_connect, msk_replicator, pipes, redshift
from streamwatch.reference.aws.cloud import Beside, CallerIdentity, Cloud

Parameters = dict[str, Any]
S = TypeVar("S", bound=Beside)
Operation = Callable[[Cloud, CallerIdentity, Parameters, float], Parameters]


def _hoses(do: Callable[[firehose.Firehose, Parameters], Parameters]) -> Operation:
    return lambda cloud, caller, parameters, _: do(cloud.firehose(caller.account, caller.region), parameters)


def _of(kind: type[S], do: Callable[[S, Parameters], Parameters]) -> Operation:
    return lambda cloud, caller, parameters, _: do(cloud.beside(kind, caller.account, caller.region), parameters)


def _timed(do: Callable[[redshift.Redshift, Parameters, float], Parameters]) -> Operation:
    return lambda cloud, caller, parameters, now: do(
        cloud.beside(redshift.Redshift, caller.account, caller.region), parameters, now
    )


OPERATIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "firehose": {
        "ListDeliveryStreams": _hoses(firehose.listed),
        "DescribeDeliveryStream": _hoses(firehose.describe),
    },
    "dms": {
        "DescribeEndpoints": _of(dms.Dms, dms.endpoints),
        "DescribeReplicationTasks": _of(dms.Dms, dms.tasks),
        "DescribeReplications": _of(dms.Dms, dms.replications),
        "DescribeReplicationInstances": _of(dms.Dms, dms.instances),
    },
    "pipes": {
        "ListPipes": _of(pipes.Pipes, pipes.listed),
        "DescribePipe": _of(pipes.Pipes, pipes.describe),
    },
    "kinesisanalyticsv2": {
        "ListApplications": _of(flink.Flink, flink.listed),
        "DescribeApplication": _of(flink.Flink, flink.describe),
    },
    "redshift-data": {
        "ExecuteStatement": _timed(redshift.execute),
        "DescribeStatement": _timed(redshift.describe),
        "GetStatementResult": _timed(redshift.result),
    },
    "kafka": {
        "ListReplicators": _of(msk_replicator.MskReplicator, msk_replicator.listed),
        "DescribeReplicator": _of(msk_replicator.MskReplicator, msk_replicator.describe),
    },
    "kafkaconnect": {
        "ListConnectors": _of(msk_connect.MskConnect, msk_connect.listed),
        "DescribeConnector": _of(msk_connect.MskConnect, msk_connect.describe),
    },
}

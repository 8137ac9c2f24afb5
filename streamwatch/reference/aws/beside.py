"""Who reads or writes a stream from the beginning, one of each kind that is wanted: faults of those kinds break it."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Final

from streamwatch.reference.aws.cloud import Cloud
from streamwatch.reference.aws.dms import Dms, ReplicationTask
from streamwatch.reference.aws.flink import Flink
from streamwatch.reference.aws.kcl import KclApplication
from streamwatch.reference.aws.lambda_faults import map_function
from streamwatch.reference.aws.msk_connect import MskConnect
from streamwatch.reference.aws.msk_replicator import MskReplicator, Replicator
from streamwatch.reference.aws.pipes import Pipes
from streamwatch.reference.aws.poller import StreamPoller
from streamwatch.reference.aws.redshift import MaterializedView, Redshift

NAME: Final = "reference"
"""Of each of them, and of the warehouse of the view."""
_SECONDS: Final = 2.0
_REFRESH_SECONDS: Final = 60.0
_COPIED: Final = 10
"""Records that are written to what the replicator copies, each time."""
_BROKERS: Final = "b-1.reference.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
_CLUSTER: Final = "arn:aws:kafka:us-east-1:123456789012:cluster/%s/1-2-3"
_LATEST: Final = {"KinesisStreamParameters": {"StartingPosition": "LATEST"}}

Live = Callable[[float], None]
Make = Callable[[Cloud, str, float], Live]


def add(cloud: Cloud, now: float, kinds: Collection[str], stream: str) -> None:
    """Let one of each of these kinds read the stream, or write it, from now on."""
    lives = [KINDS[kind](cloud, stream, now) for kind in kinds]

    def live(then: float) -> None:
        if stream in cloud.kinesis().streams:
            for one in lives:
                one(then)
        cloud.timers.at(then + _SECONDS, live)

    live(now)


def _kcl(cloud: Cloud, stream: str, now: float) -> Live:
    found = KclApplication(cloud, NAME, stream, now, "3.5")
    found.worker("worker-0")
    return found.live


def _functions(cloud: Cloud, stream: str, now: float) -> Live:
    map_function(cloud, now, stream=stream, function=NAME)
    return lambda _: None  # it has a life of its own


def _firehose(cloud: Cloud, stream: str, now: float) -> Live:
    return cloud.firehose().of_stream(NAME, _poller(cloud, stream), now).live


def _connector(cloud: Cloud, _: str, now: float) -> Live:
    return cloud.beside(MskConnect).create(NAME, {"topics": "orders"}, _BROKERS, now).live


def _task(cloud: Cloud, stream: str, _: float) -> Live:
    return partial(_changed, cloud.beside(Dms).of_stream(NAME, cloud.kinesis(), stream))


def _changed(task: ReplicationTask, now: float) -> None:
    task.change(now)
    task.live(now)


def _pipe(cloud: Cloud, stream: str, now: float) -> Live:
    arn = cloud.kinesis().streams[stream].arn
    return cloud.beside(Pipes).create(NAME, arn, _LATEST, now, _poller(cloud, stream)).live


def _flink(cloud: Cloud, stream: str, _: float) -> Live:
    properties = {"source": {"stream.arn": cloud.kinesis().streams[stream].arn}}
    return cloud.beside(Flink).create(NAME, properties, _poller(cloud, stream)).live


def _replicator(cloud: Cloud, _: str, now: float) -> Live:
    source, target = (_CLUSTER % name for name in (NAME, "copies"))
    return partial(_copied, cloud.beside(MskReplicator).of_msk(NAME, source, target, now))


def _copied(replicator: Replicator, now: float) -> None:
    replicator.produce(now, _COPIED)
    replicator.live(now)


def _view(cloud: Cloud, stream: str, _: float) -> Live:
    view = cloud.beside(Redshift).create(NAME).view(NAME, stream, _poller(cloud, stream))
    return partial(_refreshed, view)


def _refreshed(view: MaterializedView, now: float) -> None:
    if not view.refreshes or now - view.refreshes[-1][0] >= _REFRESH_SECONDS:
        view.refresh(now)


def _poller(cloud: Cloud, stream: str) -> StreamPoller:
    return StreamPoller(cloud.kinesis(), stream)


KINDS: Final[Mapping[str, Make]] = {
    "kcl": _kcl,
    "functions": _functions,
    "firehose": _firehose,
    "msk_connect": _connector,
    "dms": _task,
    "pipes": _pipe,
    "flink": _flink,
    "msk_replicator": _replicator,
    "redshift": _view,
}
"""By what the agent's `readers` call them."""

"""Managed Service for Apache Flink: applications, joined by what their properties name, which is a guess."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from streamwatch.model.reader import Kind, State
from streamwatch.sources.msk.naming import MskName, named_by_servers
from streamwatch.sources.readers.attached import (
    Answer,
    Api,
    Described,
    Listed,
    Measure,
    account_of,
    stream_of,
)

T = TypeVar("T")
_PAGE: Final = 50
_STATES: Final[Mapping[str, State]] = {
    "RUNNING": "running",
    "ROLLED_BACK": "running",
    "READY": "disabled",
    "STOPPING": "disabled",
    "FORCE_STOPPING": "disabled",
    "DELETING": "disabled",
}
"""The others are on their way: STARTING, UPDATING, AUTOSCALING, MAINTENANCE, ROLLING_BACK."""
_NEW_NAMES_SINCE: Final = (2, 2)
"""Flink counts its restarts by another name since then."""
_HOW: Final = ("flink.stream.recordpublisher", "source.reader.type")
"""What says whether a consumer polls: of the consumer of Flink 1.x, and of the newer source."""
_INTERVAL: Final = "flink.shard.getrecords.intervalmillis"
_CALLS_A_SECOND: Final = 5.0
_INTERVAL_MILLIS: Final = 200.0
"""Between two reads of a shard, by default: all of its calls."""
_SOURCE: Final = re.compile(r"source|input|consumer", re.IGNORECASE)


class FlinkKind:
    """Applications of Flink; notebooks and SQL applications are left out."""

    kind: Kind = "flink"
    service = "kinesisanalyticsv2"
    namespace = "AWS/KinesisAnalytics"

    @staticmethod
    def listed(api: Api) -> list[Listed]:
        """Return all applications of Flink, with their states."""
        found = api.pages("ListApplications", {"Limit": _PAGE}, "ApplicationSummaries", ("NextToken", "NextToken"))
        return [
            Listed(one["ApplicationName"], f"{one['ApplicationStatus']} {one.get('ApplicationVersionId')}")
            for one in found
            if one["RuntimeEnvironment"].startswith("FLINK-")
        ]

    @staticmethod
    def described(api: Api, listed: Listed) -> Described | None:
        """Return one as it is; of its properties, which may hold secrets, what names streams, servers and groups."""
        now = api.call("DescribeApplication", {"ApplicationName": listed.name}, "ApplicationDetail")[
            "ApplicationDetail"
        ]
        properties = list(_properties(now))
        streams = _streams(properties)
        clusters = {name for _, value in properties if (name := named_by_servers(value))}
        groups = {value for key, value in properties if key.endswith("group.id")}
        status = str(now["ApplicationStatus"])
        place, account, stream = next(iter(streams)) if len(streams) == 1 else (api.region, "", None)
        return Described(
            name=listed.name,
            account=account_of(now["ApplicationARN"]),
            stream=stream if place == api.region else None,
            stream_account=account if place == api.region else "",
            cluster=_only(clusters),
            group=_only(groups),
            state=_STATES.get(status, "unknown"),
            reason=f"it is {status}",
            dimensions=(("Application", listed.name),),
            outlet=str(now["RuntimeEnvironment"]),
            calls_limit_ratio=_call_share(properties),
            is_bound=False,
            unknown=tuple(_unknown(streams, clusters, api.region)),
        )

    @staticmethod
    def measures(described: Described) -> Sequence[Measure]:
        """Return what CloudWatch is asked of it."""
        is_new = _version(described.outlet) >= _NEW_NAMES_SINCE
        # Before 2.2 its downtime is 0 while a job fails and starts, again and again: its uptime says it.
        running = [Measure("downtime_seconds", "restartingTime", "Maximum", 0.001)] if is_new else []
        return [
            Measure("lag_seconds", "millisBehindLatest", "Maximum", 0.001, vital=True),
            Measure("restarts", "numRestarts" if is_new else "fullRestarts", "Maximum", vital=True),
            Measure("failed_checkpoints", "numberOfFailedCheckpoints", "Maximum", vital=True),
            Measure("checkpoint_seconds", "lastCheckpointDuration", "Maximum", 0.001),
            Measure("uptime_seconds", "runningTime" if is_new else "uptime", "Maximum", 0.001, vital=True),
            *running,
            *([Measure("lag_records", "records_lag_max", "Maximum", vital=True)] if described.cluster else []),
        ]


def _properties(now: Answer) -> Iterable[tuple[str, str]]:
    """Yield the keys, each after its group's name, and the values."""
    environment = (now.get("ApplicationConfigurationDescription") or {}).get("EnvironmentPropertyDescriptions") or {}
    for group in environment.get("PropertyGroupDescriptions") or ():
        for key, value in group["PropertyMap"].items():
            yield f"{group['PropertyGroupId']}.{key}", str(value)


def _streams(properties: Sequence[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Return region, account and name of the streams that properties name; where some are called a source, of those."""
    named = [
        (key, (value.split(":")[3], account_of(value), name)) for key, value in properties if (name := stream_of(value))
    ]
    sources = {stream for key, stream in named if _SOURCE.search(key)}
    return sources or {stream for _, stream in named}


def _call_share(properties: Sequence[tuple[str, str]]) -> float | None:
    """Return the share of a shard's calls that its consumer makes, as far as properties say how it reads."""
    by_name = {key.rpartition("/")[2].lower(): value for key, value in properties}
    how = next((value for key, value in by_name.items() if key.endswith(_HOW)), "").upper()
    interval = next((value for key, value in by_name.items() if key.endswith(_INTERVAL)), "")
    if how == "EFO":
        return 0.0
    if how != "POLLING" and not interval.isdecimal():
        return None
    millis = float(interval) if interval.isdecimal() else _INTERVAL_MILLIS
    return min(1.0, 1000 / max(millis, 1.0) / _CALLS_A_SECOND)


def _only(names: set[T]) -> T | None:
    return next(iter(names)) if len(names) == 1 else None


def _version(runtime: str) -> tuple[int, ...]:
    """Return the version of a runtime such as FLINK-1_20."""
    return tuple(int(part) for part in re.findall(r"\d+", runtime))


def _unknown(streams: set[tuple[str, str, str]], clusters: set[MskName], region: str) -> Iterable[str]:
    if len(streams) > 1:
        yield f"stream: its properties name several: {', '.join(sorted(name for *_, name in streams))}"
    elif any(place != region for place, *_ in streams):
        yield f"stream: it is not in {region}: {', '.join(sorted(':'.join(one) for one in streams))}"
    elif not streams and not clusters:
        yield "stream: its properties name neither a stream's ARN nor a cluster's servers"
    yield "topic: its code says it"

"""CloudWatch: what was measured, asked for as its API does. Metric math is left out, and refused by name."""

import re
from typing import Any, Final

from streamwatch.reference.aws.cloud import CallerIdentity, Cloud
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.metrics import Key, Metrics, Statistics

Parameters = dict[str, Any]
_HOUR: Final = 3600.0
_TWO_WEEKS: Final = 14 * 24 * _HOUR
_RECENT: Final = 3 * _HOUR
_LISTED: Final = 500
_MOST_QUERIES: Final = 500
_MOST_POINTS: Final = 100_800
_MOST_POINTS_OLD: Final = 1440
_PLAIN: Final = frozenset({"SampleCount", "Sum", "Average", "Minimum", "Maximum"})
_EXTENDED: Final = re.compile(r"(p|tm|wm|ts|tc|pr|iqm)\d*", re.IGNORECASE)


def put(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, now: float) -> Parameters:
    """PutMetricData: a consumer's own metrics, for example."""
    metrics = cloud.metrics(caller.account, caller.region)
    for one in parameters.get("MetricData", []):
        place = (parameters["Namespace"], one["MetricName"], _dimensions(one.get("Dimensions", [])))
        unit, at = one.get("Unit", "None"), one.get("Timestamp", now)
        if "StatisticValues" in one:
            values = one["StatisticValues"]
            count = values["SampleCount"]
            metrics.put(*place, values["Sum"] / count if count else 0.0, unit, at, count)
        elif "Values" in one:
            counts = one.get("Counts", [1.0] * len(one["Values"]))
            for value, count in zip(one["Values"], counts, strict=True):
                metrics.put(*place, value, unit, at, count)
        else:
            metrics.put(*place, one["Value"], unit, at)
    return {}


def listed(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, now: float) -> Parameters:
    """ListMetrics."""
    metrics = cloud.metrics(caller.account, caller.region)
    wanted = [(one["Name"], one.get("Value")) for one in parameters.get("Dimensions", [])]
    found = sorted(
        (
            key
            for key in metrics.keys(now, _RECENT if "RecentlyActive" in parameters else _TWO_WEEKS)
            if parameters.get("Namespace") in {None, key.namespace}
            and parameters.get("MetricName") in {None, key.name}
            and all(any(name == n and value in {None, v} for n, v in key.dimensions) for name, value in wanted)
        ),
        key=lambda key: (key.namespace, key.name, key.dimensions),
    )
    start = int(parameters["NextToken"]) if parameters.get("NextToken", "").isdigit() else 0
    answer: Parameters = {"Metrics": [_described(key) for key in found[start : start + _LISTED]]}
    if len(found) > start + _LISTED:
        answer["NextToken"] = str(start + _LISTED)
    return answer


def get_data(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, now: float) -> Parameters:
    """GetMetricData."""
    queries = parameters["MetricDataQueries"]
    start, end = parameters["StartTime"], parameters["EndTime"]
    _want(
        len(queries) <= _MOST_QUERIES,
        f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}.",
    )
    _want(len({one["Id"] for one in queries}) == len(queries), "The value for Id must be unique within the request.")
    _want(start < end, "The parameter StartTime must be less than the parameter EndTime.")
    metrics = cloud.metrics(caller.account, caller.region)
    results = [_result(metrics, one, (start, end), now) for one in queries if one.get("ReturnData", True)]
    total = sum(len(one["Values"]) for one in results)
    _want(total <= _MOST_POINTS, f"You have requested more than {_MOST_POINTS} data points.")
    if parameters.get("ScanBy") == "TimestampAscending":
        for one in results:
            one["Timestamps"].reverse()
            one["Values"].reverse()
    return {"MetricDataResults": results, "Messages": []}


def _result(metrics: Metrics, query: Parameters, span: tuple[float, float], now: float) -> Parameters:
    if "Expression" in query:
        why = "the reference does no metric math: ask for the metrics by MetricStat and compute from them"
        raise ServiceError("ValidationError", f"Error in expression '{query['Id']}': {why}")
    _want("MetricStat" in query, "Either MetricStat or Expression is needed.")
    stat = query["MetricStat"]
    key, period = _key(stat["Metric"]), stat["Period"]
    _want(period in {1, 5, 10, 20, 30} or period % 60 == 0, f"Period {period} is not a multiple of 60.")
    points = metrics.points(key, *_aligned(span, period, metrics.minute), max(period, metrics.minute), now)
    points.reverse()  # the newest first, unless asked otherwise
    return {
        "Id": query["Id"],
        "Label": query.get("Label", key.name),
        "Timestamps": [float(at) for at, _ in points],
        "Values": [_statistic(found, stat["Stat"]) for _, found in points],
        "StatusCode": "Complete",
    }


def get_statistics(cloud: Cloud, caller: CallerIdentity, parameters: Parameters, now: float) -> Parameters:
    """GetMetricStatistics."""
    start, end, period = parameters["StartTime"], parameters["EndTime"], parameters["Period"]
    _want(start < end, "The parameter StartTime must be less than the parameter EndTime.")
    _want(period % 60 == 0, f"Period {period} is not a multiple of 60.")
    _want((end - start) / period <= _MOST_POINTS_OLD, f"You have requested more than {_MOST_POINTS_OLD} data points.")
    _want(bool(parameters.get("Statistics")), "Statistics is needed: the reference keeps no percentiles.")
    metrics, key = cloud.metrics(caller.account, caller.region), _key(parameters)
    points = metrics.points(key, *_aligned((start, end), period, metrics.minute), period, now)
    datapoints = [
        {"Timestamp": float(at), "Unit": metrics.unit(key) or "None"}
        | {name: found.statistic(name) for name in parameters["Statistics"]}
        for at, found in points
    ]
    return {"Label": key.name, "Datapoints": datapoints}


def _aligned(span: tuple[float, float], period: int, minute: int) -> tuple[float, float]:
    """Return the span as CloudWatch rounds it: down to whole periods, of a minute at least."""
    step = max(period, minute)
    return span[0] // step * step, span[1] // minute * minute


def _statistic(found: Statistics, name: str) -> float:
    if name not in _PLAIN:
        known = "the reference keeps statistic sets, no percentiles" if _EXTENDED.fullmatch(name) else "it is unknown"
        raise ServiceError("ValidationError", f"Stat '{name}': {known}: one of {', '.join(sorted(_PLAIN))}")
    return found.statistic(name)


def _key(parameters: Parameters) -> Key:
    return Key(parameters["Namespace"], parameters["MetricName"], _dimensions(parameters.get("Dimensions", [])))


def _dimensions(parameters: list[Parameters]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["Name"], one["Value"]) for one in parameters))


def _described(key: Key) -> Parameters:
    dimensions = [{"Name": name, "Value": value} for name, value in key.dimensions]
    return {"Namespace": key.namespace, "MetricName": key.name, "Dimensions": dimensions}


def _want(holds: bool, why: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise ServiceError("ValidationError", why)


OPERATIONS: Final = {
    "PutMetricData": put,
    "ListMetrics": listed,
    "GetMetricData": get_data,
    "GetMetricStatistics": get_statistics,
}

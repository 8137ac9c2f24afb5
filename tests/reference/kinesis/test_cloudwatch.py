"""CloudWatch as boto3 asks it: statistics per call, minutes, lateness, gaps, limits."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.metrics import Key, Metrics, Realism
from tests.reference.kinesis.acting import NOON, Time, client, cloud

STREAM = (("StreamName", "s"),)


def query(name: str = "IncomingRecords", stat: str = "Sum", period: int = 60, **options: Any) -> dict[str, Any]:
    dimensions = [{"Name": "StreamName", "Value": "s"}]
    metric = {"Namespace": "AWS/Kinesis", "MetricName": name, "Dimensions": dimensions}
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}} | options


def put(aws: ReferenceAws, value: float, name: str = "IncomingRecords") -> None:
    aws.do(lambda cloud, now: cloud.metrics().put("AWS/Kinesis", name, STREAM, value, "Count", now))


def test_every_statistic_is_per_call_and_minutes_are_told_once_they_are_over() -> None:
    time = Time()
    with cloud(time) as aws:
        watch = client(aws, "cloudwatch")
        for value in (3, 5, 10):
            put(aws, value)
            time.advance(19)

        def told(stat: str) -> list[float]:
            answer = watch.get_metric_data(
                MetricDataQueries=[query(stat=stat)], StartTime=NOON - 60, EndTime=NOON + 3600
            )
            found: list[float] = answer["MetricDataResults"][0]["Values"]
            return found

        assert told("Sum") == []
        time.advance(3)
        assert {stat: told(stat) for stat in ("Sum", "SampleCount", "Average", "Minimum", "Maximum")} == {
            "Sum": [18], "SampleCount": [3], "Average": [6], "Minimum": [3], "Maximum": [10]
        }  # fmt: skip
        with pytest.raises(ClientError, match="no percentiles"):
            told("p99")


def test_points_come_in_the_order_that_was_asked_for_and_in_longer_periods() -> None:
    time = Time()
    with cloud(time) as aws:
        watch = client(aws, "cloudwatch")
        for value in (1, 2, 3, 4):
            put(aws, value)
            time.advance(60)
        span = {"StartTime": NOON, "EndTime": NOON + 240}

        newest = watch.get_metric_data(MetricDataQueries=[query()], **span)["MetricDataResults"][0]
        oldest = watch.get_metric_data(MetricDataQueries=[query()], ScanBy="TimestampAscending", **span)
        pairs = watch.get_metric_data(MetricDataQueries=[query(period=120)], **span)["MetricDataResults"][0]
        assert newest["Values"] == [4, 3, 2, 1]
        assert oldest["MetricDataResults"][0]["Values"] == [1, 2, 3, 4]
        assert pairs["Values"] == [7, 3]
        listed = watch.get_metric_statistics(
            Namespace="AWS/Kinesis", MetricName="IncomingRecords", Dimensions=[{"Name": "StreamName", "Value": "s"}],
            Period=240, Statistics=["Sum", "Maximum"], **span,
        )["Datapoints"]  # fmt: skip
        assert [(one["Sum"], one["Maximum"], one["Unit"]) for one in listed] == [(10, 4, "Count")]


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        ([query(), query()], "must be unique"),
        ([{"Id": "e", "Expression": "q * 2"}], "no metric math"),
        ([query(Id=f"q{number}") for number in range(501)], "500"),
        ([query(period=61)], "multiple of 60"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_reason(queries: list[dict[str, Any]], told: str) -> None:
    with cloud() as aws, pytest.raises(ClientError, match=told):
        client(aws, "cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=NOON, EndTime=NOON + 60)


def test_a_minute_can_be_shorter_and_minutes_of_sixty_seconds_are_there_all_the_same() -> None:
    metrics, key = Metrics(5), Key("n", "m", STREAM)
    for second in range(12):
        metrics.put("n", "m", STREAM, 1, "Count", NOON + second)

    def seen(period: int) -> list[tuple[int, float]]:
        return [(at, one.statistic("Sum")) for at, one in metrics.points(key, NOON, NOON + 60, period, NOON + 12)]

    assert seen(5) == [(NOON, 5), (NOON + 5, 5)], "and not the one that goes on"
    assert seen(60) == [(NOON, 10)]


def test_points_can_be_late_and_change_and_never_come() -> None:
    metrics, key = Metrics(), Key("n", "m", STREAM)
    for second in range(60):
        metrics.put("n", "m", STREAM, 1, "Count", NOON + second)
    metrics.realism = Realism(lateness=120)

    def seen(now: float) -> list[float]:
        return [found.statistic("Sum") for _, found in metrics.points(key, NOON, NOON + 600, 60, now)]

    assert [seen(NOON + at) for at in (60, 119, 120, 179, 180)] == [[], [], [30], [30], [60]]
    metrics.realism = Realism(missing=0.3)
    for minute in range(1000):
        metrics.put("n", "m", STREAM, 1, "Count", NOON + 60 * minute)
    shown = metrics.points(key, NOON, NOON + 60_000, 60, NOON + 60_060)
    assert 600 < len(shown) < 800
    assert shown == metrics.points(key, NOON, NOON + 60_000, 60, NOON + 60_060)


def test_a_new_metric_is_listed_after_a_while_and_an_idle_one_no_longer() -> None:
    time = Time()
    with cloud(time) as aws:
        watch = client(aws, "cloudwatch")
        aws.do(lambda cloud, _: setattr(cloud.metrics().realism, "listed_after", 900.0))
        put(aws, 1)
        put(aws, 1, "IncomingBytes")

        def listed(**given: Any) -> set[str]:
            return {one["MetricName"] for one in watch.list_metrics(Namespace="AWS/Kinesis", **given)["Metrics"]}

        assert listed() == set()
        time.advance(900)
        assert listed() == {"IncomingRecords", "IncomingBytes"}
        assert listed(MetricName="IncomingBytes", Dimensions=[{"Name": "StreamName"}]) == {"IncomingBytes"}
        assert listed(Dimensions=[{"Name": "StreamName", "Value": "t"}]) == set()
        time.advance(3 * 3600)
        assert listed(RecentlyActive="PT3H") == set()
        time.advance(14 * 86_400)
        assert listed() == set()


def test_a_consumers_own_metrics_are_kept_beside_the_rest() -> None:
    time = Time()
    with cloud(time) as aws:
        watch = client(aws, "cloudwatch")
        statistics = {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4}
        watch.put_metric_data(
            Namespace="app",
            MetricData=[{"MetricName": "a", "Value": 2.0}, {"MetricName": "b", "StatisticValues": statistics}],
        )
        time.advance(60)

        def total(name: str) -> list[float]:
            found = watch.get_metric_statistics(
                Namespace="app", MetricName=name, StartTime=NOON, EndTime=NOON + 60, Period=60, Statistics=["Sum"]
            )
            return [one["Sum"] for one in found["Datapoints"]]

        assert (total("a"), total("b")) == ([2], [10])

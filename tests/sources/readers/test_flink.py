"""Applications of Managed Flink, watched on the reference."""

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.reference.aws.flink import Flink, FlinkApplication
from tests.sources.readers.attaching import World, world

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
OTHER = "arn:aws:kinesis:us-east-1:123456789012:stream/other"
SERVERS = "b-1.shop.abc123.c2.kafka.us-east-1.amazonaws.com:9098"
Properties = dict[str, dict[str, str]]


def application(on: World, properties: Properties | None = None, runtime: str = "FLINK-1_20") -> FlinkApplication:
    poller = on.poller()
    named = {"in": {"stream.arn": STREAM}} if properties is None else properties
    found = on.aws.do(lambda cloud, _: cloud.beside(Flink).create("fraud", named, poller))
    found.runtime = runtime
    return found


def live(on: World, one: FlinkApplication, seconds: float = 120) -> None:
    until = on.time.now() + seconds
    while on.time.now() < until:
        on.put()
        on.aws.do(lambda _, now: one.live(now))
        on.time.advance(10)


@pytest.mark.parametrize("runtime", ["FLINK-1_20", "FLINK-2_2", "FLINK-2_3"])
def test_one_that_is_well_is_joined_and_counted_by_the_names_of_its_version(runtime: str) -> None:
    with world("flink") as on:
        one = application(on, runtime=runtime)
        live(on, one, 240)
        on.read(streams=True)

        assert on.all(r.STATE) == {("s", "flink", "fraud", "running"): 1}
        assert on.value(r.LAG) == 0
        assert on.value(r.TIME_TO_LOSS) == 86_400
        assert on.value(a.RESTARTS) == 0
        assert on.value(a.FAILED_CHECKPOINTS) == 0
        assert on.value(a.CHECKPOINT) == 0.2
        assert on.value(r.BOUND) is None, "it says how far it has read, not what it has worked off"
        assert on.value(a.DOWNTIME) == (None if runtime == "FLINK-1_20" else 0), (
            "before 2.2 a downtime of 0 says nothing"
        )


@pytest.mark.parametrize(
    ("arns", "account", "stream"),
    [
        ([STREAM.replace("1234", "9999")], "999956789012", "s"),
        ([STREAM.replace("us-east-1", "eu-west-1")], "123456789012", None),
        ([STREAM, STREAM.replace("1234", "9999")], "123456789012", None),
        ([STREAM, f"{STREAM}/consumer/c:1"], "123456789012", "s"),
    ],
)
def test_a_stream_elsewhere_is_not_ours_of_that_name(arns: list[str], account: str, stream: str | None) -> None:
    with world("flink") as on:
        one = application(on, {"in": {f"stream{number}.arn": arn for number, arn in enumerate(arns)}})
        live(on, one, 240)
        on.read(streams=True)

        (found,) = on.readers.values()
        assert (found.account, found.stream) == (account, stream)
        is_ours = (account, stream) == ("123456789012", "s")
        assert (found.retention_seconds is not None) == is_ours, "of another stream of that name it says nothing"


@pytest.mark.parametrize(("runtime", "known"), [("FLINK-1_20", False), ("FLINK-2_2", True)])
def test_one_that_loops_says_running_counts_restarts_and_no_lag(
    runtime: str,
    known: bool,  # noqa: FBT001 - a parameter
) -> None:
    with world("flink") as on:
        one = application(on, runtime=runtime)
        live(on, one, 240)
        on.fault("flink", name="fraud", looping=True)
        live(on, one, 600)
        on.read()

        assert on.value(r.UP) == 1
        assert 12 <= (on.value(a.RESTARTS) or 0) <= 20, "each delay is longer, up to a minute"
        assert ((on.value(a.DOWNTIME) or 0) > 0) == known
        assert on.value(r.LAG) is None, "Flink says 0: it has read all that there is, each time"
        assert any("its job has run for 0 s" in why for why in on.readers["fraud"].unknown)

        on.fault("heal")
        live(on, one, 300)
        on.read()
        assert on.value(r.LAG) == 0


@pytest.mark.parametrize(
    ("more", "share"),
    [
        ({}, None),
        ({"flink.stream.recordpublisher": "POLLING"}, 1),
        ({"flink.stream.recordpublisher": "EFO"}, 0),
        ({"flink.shard.getrecords.intervalmillis": "1000"}, 0.2),
        ({"flink.shard.getrecords.intervalmillis": "often"}, None),
        ({"source.reader.type": "EFO"}, 0),
    ],
)
def test_the_calls_that_it_makes_are_known_where_its_properties_say_how_it_reads(
    more: dict[str, str], share: float | None
) -> None:
    with world("flink") as on:
        application(on, {"in": {"stream.arn": STREAM, **more}})
        on.read()

        assert on.value(r.READ_CALLS_USE) == share


def test_one_that_reads_nothing_lags_by_the_age_of_what_waits() -> None:
    with world("flink") as on:
        one = application(on)
        live(on, one, 240)
        on.fault("flink", name="fraud", stalled=True)
        live(on, one, 600)
        on.read()

        assert 500 <= (on.value(r.LAG) or 0) <= 600
        assert (on.value(a.FAILED_CHECKPOINTS) or 0) >= 50


@pytest.mark.parametrize(
    ("properties", "stream", "ends"),
    [
        ({"source": {"stream.arn": STREAM}, "sink": {"stream.arn": OTHER}}, "s", ("", "", "")),
        ({"a": {"stream.arn": STREAM}, "b": {"stream.arn": OTHER}}, "", ("", "", "")),
        ({"k": {"bootstrap.servers": SERVERS, "group.id": "g", "password": "secret"}}, "", ("shop", "", "g")),
        ({}, "", ("", "", "")),
    ],
)
def test_it_is_joined_by_its_properties_and_several_streams_are_no_stream(
    properties: Properties, stream: str, ends: tuple[str, str, str]
) -> None:
    with world("flink") as on:
        application(on, properties)
        on.read()

        assert (on.readers["fraud"].stream or "", on.reads()) == (stream, ends)
        is_joined = bool(stream or ends[0])
        assert any(one.startswith("stream") for one in on.readers["fraud"].unknown) != is_joined
        assert "secret" not in repr(on.snapshot)


@pytest.mark.parametrize(("status", "state"), [("READY", "disabled"), ("MAINTENANCE", "unknown")])
def test_a_status_says_whether_it_should_run(status: str, state: str) -> None:
    with world("flink") as on:
        application(on)
        on.read()
        on.fault("flink", name="fraud", status=status)
        on.time.advance(60)
        on.read()

        assert on.readers["fraud"].state == state
        assert on.value(a.REASON, f"it is {status}") == 1


def test_what_is_no_flink_is_none_of_ours() -> None:
    with world("flink") as on:
        application(on, runtime="SQL-1_0")
        on.read()
        assert on.snapshot.readers == ()

"""The endpoint: protocols, bad requests, signatures, accounts, and what is broken on purpose."""

import json
from contextlib import suppress
from functools import partial
from http.client import HTTPConnection, IncompleteRead
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwatch.reference.aws import cbor, faults
from streamwatch.reference.aws.cloud import AccessKey, Role
from streamwatch.reference.aws.server import ReferenceAws
from streamwatch.reference.faulting import BadFault
from tests.reference.kinesis.acting import NOON, SIGNED, Time, client, cloud

KEY = ("AKIDEXAMPLE", "s3cret")
OTHER = "999999999999"


def logins() -> dict[str, AccessKey]:
    return {KEY[0]: AccessKey(KEY[1], "123456789012", "arn:aws:iam::123456789012:user/u")}


def post(aws: ReferenceAws, body: bytes, **headers: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", aws.port, timeout=60)
    try:
        connection.request("POST", "/", body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def kinesis(aws: ReferenceAws, operation: str, body: bytes, kind: str = "json") -> tuple[int, bytes]:
    how = {"Authorization": SIGNED, "X_Amz_Date": "20260101T000000Z", "Content_Type": f"application/x-amz-{kind}-1.1"}
    return post(aws, body, X_Amz_Target=f"Kinesis_20131202.{operation}", **how)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_cbor_reads_what_it_writes(value: Any) -> None:
    assert cbor.loads(cbor.dumps(value)) == value


@given(st.binary(max_size=60))
def test_cbor_of_anything_is_a_value_or_an_error_that_says_so(data: bytes) -> None:
    with suppress(cbor.BadCbor):
        cbor.loads(data)


def test_cbor_of_other_writers_is_read() -> None:
    # Indefinite lengths, half floats, and AWS's times in milliseconds.
    assert cbor.loads(bytes.fromhex("bf616101616282f5f66163f93e00ff")) == {"a": 1, "b": [True, None], "c": 1.5}
    assert cbor.loads(bytes.fromhex("5f42010243030405ff")) == b"\x01\x02\x03\x04\x05"
    assert cbor.loads(bytes.fromhex("c11b000001a3b5a6f800")) == 0x1A3B5A6F800 / 1000


def test_kinesis_speaks_cbor_with_bytes_and_times() -> None:
    with cloud(Time()) as aws:
        made = cbor.dumps({"StreamName": "s", "ShardCount": 1})
        assert kinesis(aws, "CreateStream", made, "cbor") == (200, b"")
        record = {"StreamName": "s", "Data": b"\x00\xff", "PartitionKey": "k"}
        assert kinesis(aws, "PutRecord", cbor.dumps(record), "cbor")[0] == 200
        place = {"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP"}
        status, raw = kinesis(aws, "GetShardIterator", cbor.dumps(place | {"Timestamp": cbor.CborTime(NOON)}), "cbor")
        status, raw = kinesis(aws, "GetRecords", cbor.dumps(cbor.loads(raw)), "cbor")
        (found,) = cbor.loads(raw)["Records"]
        assert (status, found["Data"]) == (200, b"\x00\xff")
        assert isinstance(found["ApproximateArrivalTimestamp"], cbor.CborTime)
        status, raw = kinesis(aws, "DescribeStream", cbor.dumps({"StreamName": "t"}), "cbor")
        assert (status, cbor.loads(raw)["__type"]) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("ListStreams", b"{", "SerializationException"),
        ("ListStreams", b"[]", "SerializationException"),
        ("ListStreams", b'{"Limit": "1"}', "SerializationException"),
        ("ListStreams", b'{"Limit": 0}', "ValidationException"),
        ("ListStreams", b'{"Limit": 10001}', "ValidationException"),
        ("DescribeStream", b"{}", "InvalidArgumentException"),
        ("CreateStream", b"{}", "ValidationException"),
        ("CreateStream", b'{"StreamName": "a b", "ShardCount": 1}', "ValidationException"),
        ("PutRecord", b'{"StreamName": "s", "Data": "*", "PartitionKey": "k"}', "SerializationException"),
        ("PutRecord", b'{"StreamName": "s", "Data": "+/+=", "PartitionKey": "k"}', "SerializationException"),
        ("ListShards", b'{"StreamName": "s", "StreamCreationTimestamp": "23"}', "SerializationException"),
        ("PutRecords", b'{"StreamName": "s", "Records": []}', "ValidationException"),
        ("GetShardIterator", b'{"StreamName":"s","ShardId":"s","ShardIteratorType":"X"}', "ValidationException"),
        ("Nonsense", b"{}", "UnknownOperationException"),
        ("CreateQueue", b'{"QueueName":"q","StreamConfigurationList":[]}', "ValidationException"),
    ],
)
def test_a_wrong_request_is_refused_by_aws_name(operation: str, body: bytes, code: str) -> None:
    with cloud() as aws:
        status, raw = kinesis(aws, operation, body)
        assert (status, json.loads(raw)["__type"]) == (400, code)


def test_every_broken_constraint_is_told_at_once() -> None:
    with cloud() as aws:
        body = {"StreamName": "x" * 129, "ShardCount": 0, "StreamModeDetails": {"StreamMode": "NONE"}}
        told = json.loads(kinesis(aws, "CreateStream", json.dumps(body).encode())[1])["message"]

    assert told.startswith("3 validation errors detected: ")
    assert "at 'streamName' failed to satisfy constraint: Member must have length less than or equal to 128" in told
    assert "at 'streamModeDetails.streamMode'" in told


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["json", "cbor"]), st.binary(max_size=200), st.sampled_from(["PutRecords", "GetRecords"]))
def test_whatever_comes_is_answered(kind: str, body: bytes, operation: str) -> None:
    status, _ = kinesis(shared(), operation, body, kind)
    assert status == 400


_SHARED: list[ReferenceAws] = []


def shared() -> ReferenceAws:
    """One endpoint for all examples."""
    return _SHARED[0]


@pytest.fixture(autouse=True, scope="module")
def _one_for_all_examples() -> Any:
    with cloud() as aws:
        _SHARED.append(aws)
        yield
        _SHARED.clear()


def test_a_right_signature_is_let_in_and_a_wrong_one_is_not() -> None:
    with cloud(logins=logins()) as aws:
        assert client(aws, keys=KEY).list_streams()["StreamNames"] == []
        assert client(aws, "cloudwatch", keys=KEY).list_metrics()["Metrics"] == []
        assert client(aws, "kafka", keys=KEY).list_clusters_v2(MaxResults=3)["ClusterInfoList"] == []
        assert client(aws, "sts", keys=KEY).get_caller_identity()["Arn"].endswith("user/u")
        for keys, code in (((KEY[0], "wrong"), "InvalidSignature"), (("nobody", "x"), "UnrecognizedClient")):
            with pytest.raises(ClientError, match=code):
                client(aws, keys=keys).list_streams()
        with pytest.raises(ClientError, match="MissingAuthenticationToken"):
            client(aws, unsigned=True).list_streams()


def test_a_clock_that_is_wrong_is_told() -> None:
    with cloud(Time(NOON), logins=logins()) as aws, pytest.raises(ClientError, match="clocks differ"):
        client(aws, keys=KEY).list_streams()


def test_a_role_is_assumed_with_its_external_id_and_sees_its_own_account() -> None:
    with cloud(logins=logins()) as aws:
        arn = f"arn:aws:iam::{OTHER}:role/watcher"
        aws.do(lambda cloud, _: cloud.roles.update({arn: Role(arn, "open-sesame")}))
        aws.do(lambda cloud, now: cloud.kinesis(OTHER).create("theirs", "PROVISIONED", 1, now))
        sts = client(aws, "sts", keys=KEY)
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=arn, RoleSessionName="me")
        made = sts.assume_role(RoleArn=arn, RoleSessionName="me", ExternalId="open-sesame")["Credentials"]
        keys = (made["AccessKeyId"], made["SecretAccessKey"])
        theirs = client(aws, keys=keys, aws_session_token=made["SessionToken"])
        assert theirs.list_streams()["StreamNames"] == ["theirs"]
        with pytest.raises(ClientError, match="UnrecognizedClient"):
            client(aws, keys=keys).list_streams()


def test_each_region_has_its_own_streams() -> None:
    with cloud() as aws:
        client(aws).create_stream(StreamName="s", ShardCount=1)

        assert client(aws, region_name="eu-west-1").list_streams()["StreamNames"] == []
        assert client(aws).list_streams()["StreamNames"] == ["s"]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("throttle", {}, "LimitExceeded"),
        ("throttle", {"operation": "ListStreams"}, "LimitExceeded"),
        ("deny", {"operation": "ListStreams"}, "not authorized to perform: kinesis:ListStreams"),
        ("expire_credentials", {}, "ExpiredToken"),
        ("spoil", {"answers": "error"}, "InternalFailure"),
    ],
)
def test_a_fault_refuses_and_healing_ends_it(name: str, given: dict[str, Any], told: str) -> None:
    with cloud() as aws:
        asked = client(aws)
        aws.do(lambda cloud, now: faults.apply(cloud, now, name, given))
        with pytest.raises(ClientError, match=told):
            asked.list_streams()
        aws.do(lambda cloud, now: faults.apply(cloud, now, "heal", {}))
        assert asked.list_streams()["StreamNames"] == []


def test_a_truncated_answer_breaks_off() -> None:
    with cloud() as aws:
        aws.do(lambda cloud, now: faults.apply(cloud, now, "spoil", {"answers": "truncated"}))
        with pytest.raises(IncompleteRead):
            kinesis(aws, "ListStreams", b"{}")


def test_a_fault_that_does_not_fit_is_refused() -> None:
    with cloud() as aws:
        for name, given in (
            ("nonsense", {}),
            ("throttle", {"loud": True}),
            ("split", {"stream": "none", "shard": 0}),
            ("spoil", {"answers": "no"}),
        ):
            with pytest.raises(BadFault):
                aws.do(partial(faults.apply, name=name, parameters=given))


def test_a_fault_with_seconds_heals_by_itself() -> None:
    time = Time()
    with cloud(time) as aws:
        aws.do(lambda cloud, now: faults.apply(cloud, now, "expire_credentials", {"seconds": 30}))
        with pytest.raises(ClientError):
            client(aws).list_streams()
        time.advance(31)
        assert client(aws).list_streams()["StreamNames"] == []

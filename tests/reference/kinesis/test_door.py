"""The front door: requests that are no calls, browsers that ask first, and signatures, right in form or not."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from streamwatch.reference.aws import cbor
from streamwatch.reference.aws.cloud import AccessKey
from streamwatch.reference.aws.server import ReferenceAws
from tests.reference.kinesis.acting import SIGNED, cloud

JSON, CBOR, OLD = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1", "application/json"
LIST = "Kinesis_20131202.ListStreams"
DENIED = (
    b"<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n"
    b"</AccessDeniedException>\n"
)
QUERY_LACKS = "AWS query-string parameters must include '{}'."
HEADER_LACKS = "Authorization header requires '{}' parameter."
KEY, SECRET = "AKIDEXAMPLE", "s3cret"


@pytest.fixture(scope="module")
def aws() -> Iterator[ReferenceAws]:
    with cloud() as made:
        yield made


def ask(
    aws: ReferenceAws, method: str = "POST", path: str = "/", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", aws.port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def of(kind: str, body: bytes) -> Any:
    return cbor.loads(body) if kind == CBOR else json.loads(body)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("given", [{}, {"Authorization": SIGNED}, {"Content_Type": JSON, "X_Amz_Target": LIST}])
def test_only_a_post_is_a_call(aws: ReferenceAws, method: str, given: dict[str, str]) -> None:
    status, headers, body = ask(aws, method, body=b"{}" if method == "PUT" else b"", **given)

    assert (status, body) == (403, b"" if method == "HEAD" else DENIED)
    assert "content-type" not in headers
    assert re.fullmatch(r"[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}", headers["x-amzn-requestid"])


@pytest.mark.parametrize(
    ("kind", "target", "body", "status", "code", "answered"),
    [
        ("", "", b"", 400, "UnknownOperationException", CBOR),
        ("", LIST, b"", 400, "SerializationException", CBOR),
        ("", "Whatever", b"", 400, "UnknownOperationException", CBOR),
        ("", "Kinesis_20131202.", b"", 400, "UnknownOperationException", CBOR),
        ("application/x-amz-json-1.1asdf", "", b"", 400, "UnknownOperationException", CBOR),
        (OLD, LIST, b"", 400, "SerializationException", CBOR),
        (JSON, "", b"", 400, "UnknownOperationException", JSON),
        (JSON, LIST, b"", 400, "SerializationException", JSON),
        (JSON, LIST, b"hello", 400, "SerializationException", JSON),
        (JSON, LIST, b"null", 400, "SerializationException", JSON),
        (CBOR, LIST, b"\xff", 400, "SerializationException", CBOR),
        (JSON, "Whatever.ListStreams", b"{}", 400, "UnknownOperationException", JSON),
        (JSON, "Kinesis_20131202.ListStream", b"{}", 400, "UnknownOperationException", JSON),
        (CBOR, "Kinesis_20131202.Nonsense", b"\xa0", 400, "UnknownOperationException", CBOR),
    ],
)
def test_what_is_no_call_is_refused_in_the_form_that_it_has(  # noqa: PLR0913, PLR0917 - a table
    aws: ReferenceAws, kind: str, target: str, body: bytes, status: int, code: str, answered: str
) -> None:
    named = {"Content_Type": kind, "X_Amz_Target": target}
    found, headers, answer = ask(aws, "POST", "/", body, **{name: one for name, one in named.items() if one})

    assert (found, headers["content-type"], of(answered, answer)) == (status, answered, {"__type": code})


@pytest.mark.parametrize(("body", "code", "status"), [(b"{}", "Unknown", 404), (b"x", "Serialization", 400)])
def test_plain_json_is_answered_as_long_ago(aws: ReferenceAws, body: bytes, code: str, status: int) -> None:
    kind = "Operation" if code == "Unknown" else ""
    found, _, answer = ask(aws, body=body, Content_Type=OLD, X_Amz_Target=LIST)

    named = f"com.amazon.coral.service#{code}{kind}Exception"
    assert (found, json.loads(answer)) == (status, {"Output": {"__type": named}, "Version": "1.0"})


def test_another_content_type_is_answered_in_xml(aws: ReferenceAws) -> None:
    assert ask(aws, body=b"{}")[::2] == (403, DENIED)
    assert ask(aws, body=b"{}", Content_Type="application/x-www-form-urlencoded")[::2] == (403, DENIED)
    assert ask(aws, body=b"{}", Content_Type="text/plain", X_Amz_Target=LIST)[::2] == (
        404, b"<UnknownOperationException/>\n"
    )  # fmt: skip


def test_a_browser_that_asks_first_is_answered(aws: ReferenceAws) -> None:
    asks = {"Access_Control_Request_Headers": "a, b", "Access_Control_Request_Method": "POST"}
    status, headers, body = ask(aws, "OPTIONS", "/", b"", Origin="https://shop.example", **asks)

    assert (status, body, headers["content-length"]) == (200, b"", "0")
    assert {name: value for name, value in headers.items() if name.startswith("access")} == {
        "access-control-allow-origin": "*",
        "access-control-allow-headers": "a, b",
        "access-control-allow-methods": "POST",
        "access-control-max-age": "172800",
    }
    _, headers, _ = ask(aws, body=b"{}", Origin="https://shop.example", Content_Type=JSON, X_Amz_Target=LIST)
    assert headers["access-control-allow-origin"] == "*"
    assert "x-amzn-ErrorType" in headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("path", "given", "code", "message"),
    [
        ("/", {}, "MissingAuthenticationToken", "Missing Authentication Token"),
        ("/?x=1", {}, "MissingAuthenticationToken", "Missing Authentication Token"),
        (
            "/?X-Amz-Algorithm", {"Authorization": SIGNED}, "InvalidSignature",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
        ),
        (
            "/", {"Authorization": "a"}, "IncompleteSignature",
            " ".join(HEADER_LACKS.format(one) for one in ("Credential", "Signature", "SignedHeaders"))
            + " Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=a",
        ),
        (
            "/", {"Authorization": "AWS4- Signature=b,Credential=a", "Date": "a"}, "IncompleteSignature",
            f"{HEADER_LACKS.format('SignedHeaders')} Authorization=AWS4- Signature=b,Credential=a",
        ),
        (
            "/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d", {}, "IncompleteSignature",
            f"{QUERY_LACKS.format('X-Amz-SignedHeaders')} Re-examine the query-string parameters.",
        ),
        (
            "/", {"Authorization": SIGNED.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-MD5"), "Date": "a"},
            "IncompleteSignature", "Unsupported AWS 'algorithm': 'AWS4-HMAC-MD5'.",
        ),
        (
            "/", {"Authorization": SIGNED.replace("/kinesis/", "/"), "Date": "a"}, "IncompleteSignature",
            ("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got"
            " 'AKIAANY/20260101/us-east-1/aws4_request'"),
        ),
    ],
)  # fmt: skip
def test_who_does_not_sign_is_refused_whatever_the_keys(
    aws: ReferenceAws, path: str, given: dict[str, str], code: str, message: str
) -> None:
    status, _, body = ask(aws, path=path, body=b"{}", Content_Type=JSON, X_Amz_Target=LIST, **given)

    assert (status, json.loads(body)) == (400, {"__type": f"{code}Exception", "message": message})


@pytest.mark.parametrize("path", ["/api/v2/clusters", "/"])
def test_who_does_not_sign_is_refused_by_the_other_services_too(aws: ReferenceAws, path: str) -> None:
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    status, _, body = ask(aws, path="/", body=form, **kind) if path == "/" else ask(aws, "GET", path)

    assert (status, b"MissingAuthenticationToken" in body) == (403, True)


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("wrong", 403)])
def test_a_signature_in_the_query_is_checked_too(secret: str, status: int) -> None:
    login = AccessKey(SECRET, "123456789012", "arn:aws:iam::123456789012:user/u")
    with cloud(logins={KEY: login}) as aws:
        request = AWSRequest("GET", f"{aws.url}/?Action=GetCallerIdentity&Version=2011-06-15")
        SigV4QueryAuth(Credentials(KEY, secret), "sts", "us-east-1", expires=60).add_auth(request)
        parts = urlsplit(request.url)
        found, _, body = ask(aws, "GET", f"/?{parts.query}")

    assert (found, b"arn:aws:iam::123456789012:user/u" in body) == (status, status == 200)


def test_a_body_that_was_changed_on_its_way_is_refused() -> None:
    login = AccessKey(SECRET, "123456789012", "arn:aws:iam::123456789012:user/u")
    with cloud(logins={KEY: login}) as aws:
        session = boto3.session.Session(KEY, SECRET)
        kinesis = session.client("kinesis", endpoint_url=aws.url, region_name="us-east-1")

        def change(request: Any, **_: Any) -> None:
            request.body = b'{"Limit": 7}'

        assert kinesis.list_streams(Limit=5)["StreamNames"] == []
        kinesis.meta.events.register("before-send.kinesis", change)
        with pytest.raises(kinesis.exceptions.ClientError, match="InvalidSignature"):
            kinesis.list_streams(Limit=5)

"""From an HTTP request to an operation and back: which service, which protocol, who calls, what is broken."""

import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from botocore.model import OperationModel, Shape

from streamwatch.reference.aws import (
    accounts,
    attached_calls,
    cbor,
    cloudwatch,
    door,
    dynamodb_calls,
    eventstream,
    rest,
    shapes,
    xml,
)
from streamwatch.reference.aws.cloud import CallerIdentity, Cloud
from streamwatch.reference.aws.shapes import Wire
from streamwatch.reference.aws.subscribed import events
from streamwatch.reference.http import Asked, HttpAnswer
from streamwatch.reference.kinesis.errors import ServiceError
from streamwatch.reference.kinesis.operations import OPERATIONS
from streamwatch.reference.kinesis.operations.consumers import subscribe

Parameters = dict[str, Any]
Operation = Callable[[Cloud, CallerIdentity, Parameters, float], Parameters]
MOST_BODY_BYTES: Final = 16 * 2**20
"""10 MiB of records in base64, and some room."""
_TARGETS: Final = {
    "Kinesis_20131202": "kinesis",
    "GraniteServiceVersion20100801": "cloudwatch",
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "AmazonDMSv20160101": "dms",
    "RedshiftData": "redshift-data",
    "KinesisAnalytics_20180523": "kinesisanalyticsv2",
    "ResourceGroupsTaggingAPI_20170126": "resourcegroupstaggingapi",
}
_FORM: Final = "application/x-www-form-urlencoded"
_BY_VERSION: Final = {"2010-08-01": "cloudwatch", "2011-06-15": "sts"}
_OTHERS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "cloudwatch": cloudwatch.OPERATIONS,
    "dynamodb": dynamodb_calls.OPERATIONS,
    **attached_calls.OPERATIONS,
    "sts": accounts.STS,
    "resourcegroupstaggingapi": accounts.TAGGING,
}
_THROTTLED: Final = {
    "kinesis": "LimitExceededException",
    "dynamodb": "ProvisionedThroughputExceededException",
    "lambda": "TooManyRequestsException",
}
_SIGNED_AS: Final = {"monitoring": "cloudwatch"}
_OF_CALLERS: Final = {
    "UnrecognizedClientException": "InvalidClientTokenId",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "ExpiredTokenException": "ExpiredToken",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
}
"""What is wrong with a caller, and the older services' names of it. Services that speak JSON say it with status 400."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call, as it was understood."""

    service: str
    operation: str
    protocol: str
    """``json``, ``cbor``, ``query`` or ``rest``."""
    kind: str
    """The content type of the answer."""
    raw: Any
    """What was given, before it was checked."""

    @property
    def model(self) -> OperationModel | None:
        """Return botocore's description; None for an operation that is unknown."""
        service = shapes.service(self.service)
        return service.operation_model(self.operation) if self.operation in service.operation_names else None

    @property
    def wire(self) -> Wire:
        """How its blobs and times look."""
        if self.protocol == "json":
            return "json"
        return "cbor" if self.protocol == "cbor" else "iso"


class Endpoint:
    """Answers the requests of SDKs."""

    def __init__(self, cloud: Cloud, clock: Callable[[], float]) -> None:
        self._cloud = cloud
        self._clock = clock

    def __call__(self, asked: Asked) -> HttpAnswer:
        """Answer one request."""
        self._cloud.timers.run(self._clock())
        broken = self._cloud.broken
        if broken.answers and (broken.spoilt is None or broken.spoilt == _operation(asked)):
            return _spoilt(broken.answers, broken.slow)
        page = door.preflight(asked)
        if page is None:
            page = self._page(asked)
            page = replace(page, headers={**page.headers, **door.headers(asked)})
        return replace(page, after=broken.slow) if broken.slow else page

    def _page(self, asked: Asked) -> HttpAnswer:
        call: ApiCall | None = None
        try:
            call = understood(asked)
            return self._answer(asked, call)
        except door.Turned as turned:
            return turned.page
        except ServiceError as error:
            return _refusal(call, error.code, str(error), error.status)
        except shapes.Malformed as error:
            return _refusal(call, "SerializationException", str(error))
        except shapes.Invalid as error:
            return _refusal(call, "ValidationException", str(error))

    def _answer(self, asked: Asked, call: ApiCall) -> HttpAnswer:
        now = self._clock()
        caller = self._cloud.enter(asked, now)
        model = call.model
        if model is None:
            raise ServiceError("UnknownOperationException", f"{call.service} has no operation {call.operation}.")
        self._judge(caller, call)
        parameters = shapes.read(model.input_shape, call.raw, call.wire)
        if call.service == "kinesis":
            return self._kinesis(caller, call, model, parameters, now)
        operation = _OTHERS.get(call.service, {}).get(call.operation)
        answer: Parameters | None = None
        if operation is not None:
            answer = operation(self._cloud, caller, parameters, now)
        elif call.service in rest.SERVICES:
            answer = rest.answer(self._cloud, caller, call.service, call.operation, parameters)
        if answer is None:
            raise _left_out(call)
        return _success(call, model, answer)

    def _judge(self, caller: CallerIdentity, call: ApiCall) -> None:
        broken = self._cloud.broken
        if call.operation in broken.throttled:
            raise ServiceError(_THROTTLED.get(call.service, "Throttling"), "Rate exceeded")
        if call.operation in broken.denied:
            prefix = {"resourcegroupstaggingapi": "tag"}.get(call.service, call.service)
            why = (
                f"User: {caller.arn} is not authorized to perform: {prefix}:{call.operation} because no identity-based"
                f" policy allows the {prefix}:{call.operation} action"
            )
            code = "AccessDenied" if call.protocol == "query" else "AccessDeniedException"
            is_json = call.service in {"kinesis", "dynamodb", "firehose", "dms", "kinesisanalyticsv2", "redshift-data"}
            raise ServiceError(code, why, 400 if is_json else 403)

    def _kinesis(
        self, caller: CallerIdentity, call: ApiCall, model: OperationModel, parameters: Parameters, now: float
    ) -> HttpAnswer:
        kinesis = self._cloud.kinesis(caller.account, caller.region)
        kinesis.admit(call.operation, now)
        if parameters.get("DryRun"):
            raise ServiceError("DryRunOperationException", "The request would have succeeded, but it is a dry run.")
        if call.operation == "SubscribeToShard":
            subscription = subscribe(kinesis, parameters, now)
            parts: AsyncGenerator[bytes, None] = events(subscription, self._clock, call.protocol, call.kind, model)
            return HttpAnswer(b"", eventstream.KIND, parts=parts)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise _left_out(call)
        started = time.perf_counter()
        page = _success(call, model, operation(kinesis, parameters, now))
        kinesis.report_latency(call.operation, time.perf_counter() - started + self._cloud.broken.slow, now)
        return page


def understood(asked: Asked) -> ApiCall:
    """Return which call a request is.

    Raises:
        Refused: it is none that any service here knows.
        Malformed: its body is not of its protocol.
        Turned: it is no call at all.

    """
    kind = asked.headers.get("content-type", "").partition(";")[0].strip()
    prefix, _, operation = asked.headers.get("x-amz-target", "").rpartition(".")
    service = _TARGETS.get(prefix)
    if service is not None and service != "kinesis":
        protocol = "cbor" if "cbor" in kind else "json"
        return ApiCall(service, operation, protocol, kind, _parsed(asked.body, protocol))
    form = asked.body if kind == _FORM else b"" if asked.body else asked.query.encode()
    if service is None and b"Action=" in form:
        return _form(form)
    found = rest.route(asked) if service is None else None
    if found is not None:
        return ApiCall(found[0], found[1], "rest", "application/json", found[2])
    names = shapes.service("kinesis").operation_names
    raw = door.understood(asked, kind, operation if service else "", names.__contains__)
    return ApiCall("kinesis", operation, "cbor" if kind == door.CBOR else "json", kind, raw)


def _form(body: bytes) -> ApiCall:
    try:
        fields = xml.form(body)
        operation, service = fields.pop("Action", ""), _BY_VERSION.get(fields.pop("Version", ""))
        if service is None:
            raise ServiceError("InvalidAction", f"no service here has the action {operation}")
        model = shapes.service(service)
        known = operation in model.operation_names
        raw = xml.parameters(model.operation_model(operation).input_shape if known else None, fields)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise shapes.Malformed(f"the form cannot be read: {error}") from error
    return ApiCall(service, operation, "query", "text/xml", raw)


def _parsed(body: bytes, protocol: str) -> Any:  # noqa: ANN401 - whatever came
    try:
        return cbor.loads(body) if protocol == "cbor" else json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise shapes.Malformed(f"the body is no {protocol.upper()}: {error}") from error


def _left_out(call: ApiCall) -> ServiceError:
    why = f"the reference leaves {call.operation} out: see docs/reference.md"
    return ServiceError("UnsupportedOperationException", why, HTTPStatus.NOT_IMPLEMENTED)


def dumped(value: Any, protocol: str) -> bytes:  # noqa: ANN401 - an answer
    """Return a value in the form of a protocol."""
    return cbor.dumps(value) if protocol == "cbor" else json.dumps(value, separators=(",", ":")).encode()


def _success(call: ApiCall, model: OperationModel, answer: Parameters) -> HttpAnswer:
    shape: Shape | None = model.output_shape
    if call.protocol == "query":
        namespace = str(shapes.service(call.service).metadata.get("xmlNamespace", ""))
        return HttpAnswer(xml.answer(call.operation, namespace, shape, answer, str(uuid.uuid4())), call.kind)
    if shape is None:
        return HttpAnswer(b"", call.kind)
    return HttpAnswer(dumped(shapes.answer_of(shape, answer, call.wire), call.protocol), call.kind)


def _refusal(call: ApiCall | None, code: str, message: str, status: int = 400) -> HttpAnswer:
    protocol = "json" if call is None else call.protocol
    kind = "application/x-amz-json-1.1" if call is None else call.kind
    if protocol == "query":
        code = _OF_CALLERS.get(code, code)
        return HttpAnswer(xml.failure(code, message, str(uuid.uuid4())), kind, HTTPStatus(status))
    if protocol != "rest" and code in _OF_CALLERS:
        status = HTTPStatus.BAD_REQUEST
    body = {"__type": code}
    if message:
        body["Message" if code == "SerializationException" else "message"] = message
    return HttpAnswer(dumped(body, protocol), kind, HTTPStatus(status), {"x-amzn-ErrorType": code})


def _operation(asked: Asked) -> str:
    """Return the operation that is asked for; empty where the request is no call."""
    try:
        return understood(asked).operation
    except (door.Turned, ServiceError, shapes.Malformed):
        return ""


def _spoilt(how: str, slow: float) -> HttpAnswer:
    """Return what a broken service, or something between it and us, answers."""
    kind = "application/x-amz-json-1.1"
    if how == "garbage":
        return HttpAnswer(b"\x00<html>\xff{{", kind, after=slow)
    if how == "truncated":
        return HttpAnswer(b'{"StreamNames": ["' + b"x" * 200, kind, after=slow, cut=60)
    if how == "empty":
        return HttpAnswer(b"", kind, after=slow)
    text = dumped({"__type": "InternalFailure", "message": "Internal service failure."}, "json")
    return HttpAnswer(text, kind, HTTPStatus.INTERNAL_SERVER_ERROR, after=slow)

"""Kinesis's front door: what a request must be to be a call at all, and what AWS answers where it is none.

The order of the checks and the bodies are AWS's, as kinesalite's tests, which were run on AWS, have them: the method,
the body, its content type, its form, the operation. Who calls is looked at afterwards.
"""

import json
import secrets
import uuid
from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from streamwatch.reference.aws import cbor
from streamwatch.reference.http import Asked, HttpAnswer

JSON: Final = "application/x-amz-json-1.1"
CBOR: Final = "application/x-amz-cbor-1.1"
_OLD: Final = "application/json"
_UNDETERMINED: Final = "Unable to determine service/operation name to be authorized"
_PREFLIGHT_SECONDS: Final = 172_800
_EXPOSED: Final = "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date"


class Turned(Exception):
    """A request that is no call; ``page`` is what AWS answers."""

    def __init__(self, page: HttpAnswer) -> None:
        super().__init__(page.status)
        self.page = page


def preflight(asked: Asked) -> HttpAnswer | None:
    """Return the answer to a browser that asks whether it may ask; None for any other request."""
    if asked.method != "OPTIONS" or "origin" not in asked.headers:
        return None
    headers = _ids() | {"Access-Control-Allow-Origin": "*"}
    for asks, what in (("access-control-request-headers", "Headers"), ("access-control-request-method", "Methods")):
        wanted = asked.headers.get(asks)
        if wanted is not None:
            headers[f"Access-Control-Allow-{what}"] = wanted
    return HttpAnswer("", "", headers=headers | {"Access-Control-Max-Age": str(_PREFLIGHT_SECONDS)})


def headers(asked: Asked) -> dict[str, str]:
    """Return what every answer of AWS carries, and what a browser needs besides."""
    parameters = _ids() | {"x-amz-id-2": b64encode(secrets.token_bytes(72)).decode()}
    if "origin" in asked.headers:
        parameters |= {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
    return parameters


def _ids() -> dict[str, str]:
    return {"x-amzn-RequestId": str(uuid.UUID(bytes=secrets.token_bytes(16)))}


def understood(asked: Asked, kind: str, operation: str, known: Callable[[str], bool]) -> Any:  # noqa: ANN401
    """Return the body of a call.

    Args:
        asked: the request.
        kind: its content type.
        operation: what it asks for; empty where it does not say so, or of another service.
        known: whether there is such an operation.

    Raises:
        Turned: it is none.

    """
    if asked.method != "POST":
        raise Turned(refusal("AccessDeniedException", _UNDETERMINED))
    is_known = known(operation)
    if not asked.body:
        raise Turned(_bare("SerializationException" if is_known else "UnknownOperationException", kind))
    if kind not in {JSON, CBOR, _OLD}:
        prefix, _, name = asked.headers.get("x-amz-target", "").partition(".")
        if not prefix or not name:
            raise Turned(refusal("AccessDeniedException", _UNDETERMINED))
        raise Turned(HttpAnswer("<UnknownOperationException/>\n", "", HTTPStatus.NOT_FOUND))
    found = _parsed(asked.body, kind)
    if not isinstance(found, dict):
        raise Turned(_bare("SerializationException", kind, HTTPStatus.BAD_REQUEST))
    if kind == _OLD:
        raise Turned(_bare("UnknownOperationException", kind, HTTPStatus.NOT_FOUND))
    if not is_known:
        raise Turned(_bare("UnknownOperationException", kind))
    return found


def refusal(code: str, message: str) -> HttpAnswer:
    """Return a refusal of what is in no protocol that Kinesis speaks."""
    text = f"<{code}>\n  <Message>{message}</Message>\n</{code}>\n"
    return HttpAnswer(text, "", HTTPStatus.FORBIDDEN)


def _parsed(body: bytes, kind: str) -> Any:  # noqa: ANN401 - whatever came
    try:
        return cbor.loads(body) if kind == CBOR else json.loads(body)
    except (ValueError, RecursionError):
        return None


def _bare(code: str, kind: str, status: HTTPStatus | None = None) -> HttpAnswer:
    """Return a refusal without a message."""
    if kind == _OLD and status is not None:
        old = {"Output": {"__type": f"com.amazon.coral.service#{code}"}, "Version": "1.0"}
        return HttpAnswer(json.dumps(old), kind, status)
    if kind == JSON:
        return HttpAnswer(json.dumps({"__type": code}), JSON, HTTPStatus.BAD_REQUEST)
    return HttpAnswer(cbor.dumps({"__type": code}), CBOR, HTTPStatus.BAD_REQUEST)

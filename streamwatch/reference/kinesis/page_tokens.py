"""Tokens of the next page of a listing: opaque, good for five minutes."""

import base64
import json
from typing import Any, Final

from streamwatch.reference.kinesis.errors import expired_token, invalid

_SECONDS: Final = 300.0


def write(place: list[Any], now: float) -> str:
    """Return the token of a place."""
    return base64.b64encode(json.dumps([now, *place]).encode()).decode()


def read(token: str, parts: int, now: float) -> list[Any]:
    """Return the place, of so many parts.

    Raises:
        ServiceError: it is no token of such a place, or too old.

    """
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        at, place = found[0], list(found[1:])
        age = now - float(at)
    except (ValueError, TypeError, LookupError) as error:
        raise invalid("The NextToken is not valid.") from error
    if len(place) != parts:
        raise invalid("The NextToken is not valid.")
    if age > _SECONDS:
        raise expired_token()
    return place

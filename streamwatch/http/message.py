"""Requests and responses, as the server and whoever answers pass them."""

from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for. The path has no query; headers are looked up in any case of letters."""

    method: str
    path: str
    headers: Message
    keep_alive: bool = False
    spare: bool = False
    """Whether the connection is one too many: it is answered only because it may be a probe."""
    query: str = ""
    """The text after the path's question mark."""
    address: str = ""
    """Where the client is."""
    is_gone: Callable[[], bool] = lambda: False
    """Says whether the client has left, so that nobody reads the response."""
    body: Callable[[], bytes] = bytes
    """Reads the body of the request, once. It raises ``BodyError`` where the body cannot be read."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the client gets."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class BodyError(Exception):
    """The body of a request cannot be read. ``response`` says why."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def text_response(status: HTTPStatus, *lines: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return a response of a few lines of text."""
    return Response(status, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), headers=headers)

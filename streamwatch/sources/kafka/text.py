r"""Strings that are no UTF-8: Kafka never sends any, services that only speak its protocol may.

They are read with their odd bytes written out (``\xff``), so that nothing else in the answer is lost; whoever uses
such a string as a name must know that it is not the name: no request about it would find it.
"""

from types import FunctionType
from typing import Any


def readable(data: bytes) -> tuple[str, bool]:
    """Return bytes as text, and whether they are UTF-8; else the odd bytes are written out."""
    try:
        return str(data, "utf-8"), True
    except UnicodeDecodeError:
        return str(data, "utf-8", "backslashreplace"), False


def decode_readable(response: Any, version: int, body: bytes) -> tuple[Any, frozenset[str]]:  # noqa: ANN401
    """Decode an answer by its message class, strings that are no UTF-8 too; return it, and what became of those."""
    odd: set[str] = set()

    def text(data: memoryview, _encoding: str) -> str:
        found, is_utf8 = readable(bytes(data))
        if not is_utf8:
            odd.add(found)
        return found

    flexible = response.flexible_version_q(version)
    strict = response._struct.compiled_decode_from(  # noqa: SLF001 - kafka-python has no other way to its decoder
        version, compact=flexible, tagged=flexible, data_class=response[None]
    )
    # The generated decoder reads each string by ``str(bytes, "utf-8")``.
    lenient = FunctionType(strict.__code__, {**strict.__globals__, "str": text})
    return lenient(memoryview(body), 0)[0], frozenset(odd)

"""What was last seen, as bytes for the state file: a head of JSON and columns, compressed; nothing is unpickled."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]

_LEVEL: Final = 1
_HEAD_BYTES: Final = 4


class PackError(ValueError):
    """The bytes are not what was packed: another version's, or damaged."""


def pack(head: Mapping[str, Any], columns: Mapping[str, Column]) -> bytes:
    """Return bytes of what JSON can hold, and of columns of numbers."""
    shapes = {name: [column.dtype.str, *column.shape] for name, column in columns.items()}
    text = json.dumps({"head": head, "columns": shapes}, separators=(",", ":")).encode()
    parts = [len(text).to_bytes(_HEAD_BYTES, "big"), text, *(column.tobytes() for column in columns.values())]
    return zlib.compress(b"".join(parts), _LEVEL)


def unpack(body: bytes) -> tuple[dict[str, Any], dict[str, Column]]:
    """Return what was packed.

    Raises:
        PackError: it cannot be read.

    """
    try:
        raw = zlib.decompress(body)
        end = _HEAD_BYTES + int.from_bytes(raw[:_HEAD_BYTES], "big")
        text = json.loads(raw[_HEAD_BYTES:end])
        columns: dict[str, Column] = {}
        for name, (kind, *shape) in text["columns"].items():
            count = int(np.prod(shape))
            columns[name] = np.frombuffer(raw, kind, count, end).reshape(shape)
            end += columns[name].nbytes
        return text["head"], columns
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise PackError(str(error)) from error

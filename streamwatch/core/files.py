"""Small files, read within a bound: a path may lead to a device that never ends."""

import errno
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 64 * 1024


def read_short(path: Path) -> str:
    """Return the text of a file of at most 64 KiB, as secrets are.

    Raises:
        OSError: it cannot be read, or is larger.
        UnicodeDecodeError: it is no text in UTF-8.

    """
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {_MOST_BYTES} bytes")
    return data.decode()

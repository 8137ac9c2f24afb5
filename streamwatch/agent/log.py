"""The agent's log: key=value for a person at a terminal, a JSON object a line otherwise. Secrets are masked."""

import json
import logging
import math
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TextIO

from streamwatch.core.masking import MASK, masked_words
from streamwatch.core.words import printable, printable_lines
from streamwatch.settings.types import Secret, setting

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given by `extra`."""
_OWN: Final = frozenset({"at", "level", "event", "logger", "exception"})
"""What a line says of itself; an extra of that name gets another."""
NOISY: Final = ("kafka", "botocore", "asyncio", "urllib3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = setting("the least that is logged", default="info")
    format: Literal["auto", "keyvalue", "json"] = setting(
        "`auto` is `keyvalue` on a terminal and `json` otherwise", default="auto"
    )


def configure(config: Config, stream: TextIO, secrets: Iterable[Secret] = ()) -> None:
    """Send the process's log to a stream. Called by the command line only: the log is the process's own state."""
    as_json = config.format == "json" or (config.format == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter(as_json=as_json, secrets=secrets))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(config.level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


class Formatter(logging.Formatter):
    """Writes a record with its extra facts as keys, in one line."""

    def __init__(self, *, as_json: bool, secrets: Iterable[Secret] = ()) -> None:
        super().__init__()
        self._json = as_json
        self._secret = _any_of(secret.reveal() for secret in secrets)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception is one of its facts."""
        facts: dict[str, Any] = {
            "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": self._masked(record.getMessage()),
        }
        for key, value in vars(record).items():
            if key not in _PLAIN:
                facts[f"{key}_" if key in _OWN else key] = self._clean(value)
        facts["logger"] = record.name
        if record.exc_info:
            facts["exception"] = self._masked(self.formatException(record.exc_info))
        return _as_json(facts) if self._json else _as_pairs(facts)

    def _clean(self, value: Any) -> Any:  # noqa: ANN401 - a log takes any value
        """Return a value in types that JSON knows, its texts masked; a number stays one unless it is a secret."""
        if isinstance(value, dict):
            return {self._masked(str(key)): self._clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in value]
        text = self._masked(str(value))
        is_plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        return value if is_plain and text == str(value) else text

    def _masked(self, text: str) -> str:
        return masked_words(self._secret.sub(MASK, text) if self._secret else text)


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Return what finds these secrets, as they are or escaped; the longest first, lest the rest of one be seen."""
    forms = {form for secret in secrets if secret for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])}
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _as_json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)


def _as_pairs(facts: dict[str, Any]) -> str:
    words = [str(facts.pop("at")), f"{facts.pop('level'):7}", printable(str(facts.pop("event")))]
    exception = facts.pop("exception", None)
    words += [f"{key}={_quoted(str(value))}" for key, value in facts.items()]
    return " ".join(words) + (f"\n{printable_lines(exception)}" if exception else "")


def _quoted(value: str) -> str:
    is_bare = value and value.isprintable() and not any(c in value for c in ' "=')
    return value if is_bare else printable(json.dumps(value, ensure_ascii=False))

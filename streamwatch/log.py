"""The agent's log: key=value for a person at a terminal, a JSON object a line otherwise. Secrets are masked."""

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal, TextIO

from streamwatch.model.settings import Secret, setting

_PLAIN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest was given by `extra`."""
_MASK: Final = "********"
_NOISY: Final = ("apscheduler", "kafka", "botocore", "asyncio")


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
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class Formatter(logging.Formatter):
    """Writes a record with its extra facts as keys, in one line."""

    def __init__(self, *, as_json: bool, secrets: Iterable[Secret] = ()) -> None:
        super().__init__()
        self._json = as_json
        self._secrets = [secret.reveal() for secret in secrets if secret.reveal()]

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception is one of its facts."""
        facts: dict[str, Any] = {
            "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        facts |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        facts["logger"] = record.name
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return self._masked(_as_json(facts) if self._json else _as_pairs(facts))

    def _masked(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, _MASK).replace(json.dumps(secret)[1:-1], _MASK)
        return line


def _as_json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, default=str, ensure_ascii=False)


def _as_pairs(facts: dict[str, Any]) -> str:
    words = [str(facts.pop("at")), f"{facts.pop('level'):7}", str(facts.pop("event"))]
    exception = facts.pop("exception", None)
    words += [f"{key}={_quoted(str(value))}" for key, value in facts.items()]
    return " ".join(words) + (f"\n{exception}" if exception else "")


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False) if not value or any(c in value for c in ' "=\n\t') else value

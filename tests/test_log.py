import io
import json
import logging

import pytest

from streamwatch.log import Config, Formatter, configure
from streamwatch.model.settings import Secret


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "streamwatch.x", "msg": message, "args": args, "levelname": "INFO"})
    vars(made).update(created=0.0, msecs=5, **extra)
    return made


def test_a_line_for_machines_is_an_object() -> None:
    line = Formatter(as_json=True).format(record("source %s", "down", reason='said "no"'))

    assert json.loads(line) == {
        "at": "1970-01-01T00:00:00.005Z",
        "level": "info",
        "event": "source down",
        "reason": 'said "no"',
        "logger": "streamwatch.x",
    }


def test_a_line_for_people_is_words_and_pairs() -> None:
    line = Formatter(as_json=False).format(record("source down", broker=3, reason="said no"))

    assert line == '1970-01-01T00:00:00.005Z info    source down broker=3 reason="said no" logger=streamwatch.x'


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("password", ["hunter2", 'quo"te', "um\nlaut ä"])
def test_a_secret_is_masked_wherever_it_turns_up(as_json: bool, password: str) -> None:  # noqa: FBT001
    formatter = Formatter(as_json=as_json, secrets=[Secret(password)])
    made = record("login with %s", password, detail=f"x {password} y", given=Secret(password))
    made.exc_info = (ValueError, ValueError(password), None)
    line = formatter.format(made)

    assert password not in line
    assert json.dumps(password)[1:-1] not in line
    assert "********" in line


def test_an_exception_is_part_of_its_line() -> None:
    made = record("failed")
    made.exc_info = (ValueError, ValueError("broken"), None)

    assert "ValueError: broken" in json.loads(Formatter(as_json=True).format(made))["exception"]


def test_a_stream_that_is_no_terminal_gets_json() -> None:
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        configure(Config(level="info"), stream)
        logging.getLogger("streamwatch.test").debug("not this")
        logging.getLogger("streamwatch.test").info("but this")
        logging.getLogger("apscheduler").info("nor this")
    finally:
        root.handlers[:] = before
        root.setLevel(level)

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["but this"]

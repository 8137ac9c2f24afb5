import io
import json
import logging
from typing import Literal

import pytest

from streamwatch.agent.log import Config, Formatter, configure
from streamwatch.settings.types import Secret


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


@pytest.mark.parametrize("as_json", [True, False])
def test_masking_leaves_the_line_as_it_is_made(as_json: bool) -> None:  # noqa: FBT001
    formatter = Formatter(as_json=as_json, secrets=[Secret(one) for one in ("1", '"', "a", "level", "*")])
    line = formatter.format(record("plain", broker=1, share=0.5, n=2))

    assert line.startswith('{"at": "1970-01-01T00' if as_json else "1970-01-01T00")
    if as_json:
        assert json.loads(line)["level"] == "info"
        assert json.loads(line)["broker"] == "********"
        assert (json.loads(line)["share"], json.loads(line)["n"]) == (0.5, 2)


def test_a_secret_that_begins_like_another_is_masked_whole() -> None:
    formatter = Formatter(as_json=False, secrets=[Secret("hunter2"), Secret("hunter2-prod")])

    assert "-prod" not in formatter.format(record("login with hunter2-prod"))


def test_a_secret_is_masked_as_it_is_quoted_by_an_exception() -> None:
    made = record("failed")
    made.exc_info = (KeyError, KeyError("a\nb'c"), None)

    assert "KeyError: '********'" in Formatter(as_json=False, secrets=[Secret("a\nb'c")]).format(made).replace('"', "'")


def test_an_extra_does_not_replace_what_the_line_says_of_itself() -> None:
    facts = json.loads(Formatter(as_json=True).format(record("down", event="mine", at="never")))

    assert (facts["event"], facts["event_"], facts["at_"]) == ("down", "mine", "never")
    assert facts["at"].startswith("1970")


def test_every_line_for_machines_is_json_whatever_the_extras() -> None:
    line = Formatter(as_json=True).format(record("x", a=float("nan"), b={(1, 2): {3}}, c=[None, True, 1.5]))

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(line, parse_constant=refuse)["c"] == [None, True, 1.5]


def test_a_value_with_control_characters_is_quoted() -> None:
    line = Formatter(as_json=False).format(record("x", reason="a\r\x1b[2Jb"))

    assert 'reason="a\\r\\u001b[2Jb"' in line


def test_a_terminal_obeys_nothing_in_a_line_or_an_exception() -> None:
    made = record("no \x1b[2J", reason="a \x9b2J \u202e")
    made.exc_info = (ValueError, ValueError("two\nlines \x1b[2J"), None)
    line = Formatter(as_json=False).format(made)
    assert all(part.isprintable() for part in line.split("\n"))
    assert "ValueError: two\nlines" in line


def test_an_exception_is_part_of_its_line() -> None:
    made = record("failed")
    made.exc_info = (ValueError, ValueError("broken"), None)

    assert "ValueError: broken" in json.loads(Formatter(as_json=True).format(made))["exception"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("config", "stream", "is_json"),
    [
        (Config(), io.StringIO(), True),
        (Config(), Terminal(), False),
        (Config(format="json"), Terminal(), True),
        (Config(format="keyvalue"), io.StringIO(), False),
    ],
    ids=["auto_in_a_pipe", "auto_on_a_terminal", "json_on_a_terminal", "keyvalue_in_a_pipe"],
)
def test_the_stream_and_the_configuration_decide_the_form(config: Config, stream: io.StringIO, is_json: bool) -> None:  # noqa: FBT001
    configure(config, stream)
    logging.getLogger("streamwatch.test").info("x")

    assert stream.getvalue().startswith("{") is is_json


@pytest.mark.parametrize(("level", "expected"), [("debug", ["warned"]), ("error", [])])
def test_libraries_warn_at_most_and_only_if_the_level_allows(
    level: Literal["debug", "error"], expected: list[str]
) -> None:
    stream = io.StringIO()
    configure(Config(level=level), stream)
    logging.getLogger("kafka.client").info("told")
    logging.getLogger("kafka.client").warning("warned")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == expected


def test_less_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    configure(Config(level="info"), stream)
    logging.getLogger("streamwatch.test").debug("not this")
    logging.getLogger("streamwatch.test").info("but this")
    logging.getLogger("botocore").info("nor this")

    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["but this"]


@pytest.mark.parametrize("as_json", [True, False])
def test_what_looks_like_a_secret_in_the_words_of_others_is_masked(as_json: bool) -> None:  # noqa: FBT001
    words = "it is FAILED: password=hunter2"
    line = Formatter(as_json=as_json).format(record("reader: %s", words, detail=words, more=[words]))

    assert "hunter2" not in line
    assert line.count("password=********") == 3


def test_what_an_error_says_of_missing_credentials_is_legible() -> None:
    line = Formatter(as_json=False).format(record("no credentials: Unable to locate credentials: check `access`"))

    assert "no credentials: Unable to locate credentials: check `access`" in line

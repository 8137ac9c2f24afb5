"""A configuration as a whole, and what must hold of every file: no crash, no hang, no secret in a message."""

import re
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamwatch.agent import config
from streamwatch.core.errors import ConfigError
from streamwatch.settings.reader import read_settings
from streamwatch.settings.types import FilePath, HostPort, Pattern, Secret, Size, setting
from streamwatch.tools.docs import EXAMPLE


@dataclass(frozen=True, kw_only=True)
class Login:
    """Who asks."""

    username: str = setting("user name", default="me")
    password: Secret = setting("its password")


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """One of each kind that the agent's own settings do not have, or have deep inside."""

    version: Literal[1, 2] = setting("a literal that is a number", default=1)
    size: Size = setting("a size", default=1)
    at: HostPort | None = setting("an address", default=None)
    names: Pattern | None = setting("a pattern", default=None)
    file: FilePath | None = setting("a file", default=None)
    login: Login | None = setting("who asks", default=None)


def kinds(text: str, folder: Path = Path(), **environment: str) -> Kinds:
    return read_settings(Kinds, text, "file.yaml", folder, environment)


def refused(text: str, folder: Path = Path(), **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        kinds(text, folder, **environment)
    return "\n".join(caught.value.mistakes)


def parse(text: str) -> config.Config:
    return config.parse(text, "file.yaml", Path())


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.mistakes


def test_the_documented_example_is_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter2")
    found = parse(EXAMPLE)

    assert [cluster.name for cluster in found.kafka] == ["orders", "payments"]
    assert found.kafka[1].sasl is not None
    assert found.kafka[1].sasl.password == Secret("hunter2")
    assert found.listen.address == HostPort.read("0.0.0.0:9308")


def test_the_same_text_gives_equal_configurations() -> None:
    text = "kafka: [{name: a, bootstrap: ['h:1']}]"

    assert parse(text) == parse(text)


@pytest.mark.parametrize(
    ("cluster", "mistake"),
    [
        pytest.param("deadline: 20s", "kafka[0].deadline: 20s must be shorter than interval, 15s", id="deadline"),
        pytest.param(
            "tls: {cert_file: /dev/null}", "kafka[0].tls.cert_file: a certificate and its key", id="half_mtls"
        ),
        pytest.param("sasl: {mechanism: PLAIN}", "kafka[0].sasl.username: PLAIN needs it", id="no_user"),
        pytest.param("sasl: {mechanism: OAUTHBEARER}", "kafka[0].sasl.token_file: OAUTHBEARER needs it", id="no_token"),
        pytest.param(
            "sasl: {mechanism: AWS_MSK_IAM}", "kafka[0].tls: AWS_MSK_IAM works over TLS only", id="iam_in_clear"
        ),
    ],
)
def test_settings_that_disagree_are_told(cluster: str, mistake: str) -> None:
    text = "kafka: [{name: a, bootstrap: ['h:1'], " + cluster + "}]"

    assert mistakes(text)[0].startswith(f"file.yaml:1: {mistake}")


def test_nothing_to_watch_is_a_mistake_that_says_what_to_add() -> None:
    assert "bootstrap" in mistakes("")[0]


@pytest.mark.parametrize("kind", ["kafka", "kinesis", "connect"])
def test_what_is_no_list_is_one_mistake_and_not_nothing_to_watch(kind: str) -> None:
    (mistake,) = mistakes(f"{kind}: 5")
    assert re.match(f"file.yaml:1: {kind}: .* is not a list", mistake)


def test_every_name_that_two_clusters_share_is_told() -> None:
    clusters = ", ".join(f"{{name: {name}, bootstrap: ['h:1']}}" for name in "abcab")

    assert mistakes(f"kafka: [{clusters}]") == [
        "file.yaml:1: kafka: more than one source is called 'a', 'b': names tell them apart"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("regions: [eu-west-1]", "regions: [eu-north-1, eu-west-1]", id="a_region_in_both"),
        pytest.param(
            "regions: [eu-west-1], streams: {allow: ['a.*']}, interval: 30s",
            "regions: [eu-west-1], streams: {allow: ['a.*']}",
            id="the_same_streams_at_another_interval",
        ),
    ],
)
def test_streams_that_two_parts_would_count_are_refused(one: str, other: str) -> None:
    (mistake,) = mistakes(f"kinesis: [{{name: x, {one}}}, {{name: y, {other}}}]")

    assert mistake.startswith("file.yaml:1: kinesis: 'x' and 'y' read the same streams of eu-west-1: take one away")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("regions: [eu-north-1]", id="regions"),
        pytest.param("regions: [eu-west-1], access: {profile: b}", id="access"),
        pytest.param("regions: [eu-west-1], streams: {allow: ['b.*']}", id="streams"),
    ],
)
def test_two_parts_that_differ_are_two(other: str) -> None:
    found = parse(f"kinesis: [{{name: x, regions: [eu-west-1]}}, {{name: y, {other}}}]")

    assert [part.name for part in found.kinesis] == ["x", "y"]


def test_all_mistakes_of_a_file_are_told_in_their_order() -> None:
    text = """\
kafka:
  - name: orders
    bootstrap: [broker-1]
    interval: 15
    granulariy: topic
    sasl: {mechanism: SCRAM, username: me, password: hunter2}
  - bootstrap: ['h:1']
    max_frame: 1KiB
    topics: {deny: ['(']}
listen:
  reload: maybe
log: {level: loud}
colour: red
"""

    assert mistakes(text) == [
        "file.yaml:3: kafka[0].bootstrap[0]: 'broker-1' is not an address: write 'host:port', the port up to 65535",
        "file.yaml:4: kafka[0].interval: '15' has no unit: write '15s'",
        "file.yaml:5: kafka[0]: unknown key 'granulariy': did you mean 'granularity'?",
        (
            "file.yaml:6: kafka[0].sasl.mechanism: 'SCRAM' is not allowed: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512,"
            " OAUTHBEARER, AWS_MSK_IAM"
        ),
        (
            "file.yaml:7: kafka[1]: 'name' is missing: the cluster's name: the label `kafka_cluster` of everything read"
            " from it"
        ),
        "file.yaml:8: kafka[1].max_frame: '1KiB' is too little: at least 65536",
        ("file.yaml:9: kafka[1].topics.deny[0]: '(' is not a regular expression of RE2: missing ): ("),
        "file.yaml:11: listen.reload: 'maybe' is neither true nor false",
        "file.yaml:12: log.level: 'loud' is not allowed: one of debug, info, warning, error",
        (
            "file.yaml:13: unknown key 'colour': allowed are kafka, kinesis, connect, listen, rules, notify,"
            " journal, archive, audit, advise, export, remote_write, ha, log"
        ),
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "none.yaml")


def test_a_file_is_read_and_its_relative_paths_count_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "ca.pem").write_text("")
    file = tmp_path / "streamwatch.yaml"
    login = "sasl: {mechanism: PLAIN, username: me, password_file: password}"
    file.write_text(f"kafka: [{{name: a, bootstrap: ['h:1'], tls: {{ca_file: ca.pem}}, {login}}}]")
    found = config.load(file)

    assert found.kafka[0].tls is not None
    assert found.kafka[0].tls.ca_file == str(tmp_path / "ca.pem")
    assert found.kafka[0].sasl is not None
    assert found.kafka[0].sasl.password == Secret("hunter2")
    assert config.load(file) == found


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        pytest.param(b"#" * (2**20 + 1), "larger than 1048576 bytes", id="large"),
        pytest.param(b"\xff\xfe\xff", "is not UTF-8 text", id="bytes"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path: Path, content: bytes, mistake: str) -> None:
    file = tmp_path / "streamwatch.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=mistake):
        config.load(file)


def test_a_short_interval_shortens_the_deadline() -> None:
    found = parse("kafka: [{name: a, bootstrap: ['h:1'], interval: 5s}]")

    assert found.kafka[0].read_seconds == 4.0


def test_flags_make_the_configuration_of_one_cluster() -> None:
    found = config.from_flags("one:9092, two:9092", "127.0.0.1:1")

    assert (found.kafka[0].name, found.kafka[0].bootstrap) == ("one", (HostPort("one", 9092), HostPort("two", 9092)))
    assert found.listen.address == HostPort("127.0.0.1", 1)


@pytest.mark.parametrize("servers", ["here", "a'b:1, x", "h:1\nlisten: {}"])
def test_flags_that_are_no_address_are_told(servers: str) -> None:
    with pytest.raises(ConfigError, match="not an address"):
        config.from_flags(servers, None)


@pytest.mark.parametrize("text", ["h:1", "[::1]:9092", "[fe80::1%eth0]:1", "0.0.0.0:65535"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(HostPort.read(text)) == text


def test_all_mistakes_of_flags_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        config.from_flags("h:1, here", "::1:9308", "Ireland")

    assert caught.value.mistakes == [
        "command line: --kafka: 'here' is not an address: write 'host:port', the port up to 65535",
        "command line: --listen: '::1:9308': write an IPv6 address in brackets: '[::1]:9308'",
        "command line: --kinesis: regions: 'Ireland' is no AWS region: write it as in 'eu-west-1'",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("version: 2", Kinds(version=2), id="literal_number"),
        pytest.param("login: {password: '${PASSWORD}'}", Kinds(login=Login(password=Secret("x"))), id="variable"),
        pytest.param(
            "login: {password: 0123}", Kinds(login=Login(password=Secret("0123"))), id="digits_stay_as_written"
        ),
        pytest.param("login: {password: '*x'}", Kinds(login=Login(password=Secret("*x"))), id="quoted_sign"),
    ],
)
def test_a_kind_is_read(text: str, expected: Kinds) -> None:
    assert kinds(text, PASSWORD="x") == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        pytest.param("version: 3", "1: version: '3' is not allowed: one of 1, 2", id="literal_number"),
        pytest.param("[a]: 1", "1: unknown key: allowed are version, size,", id="key_that_is_a_list"),
        pytest.param("version: 1\nat: \0", r"2: not YAML: unacceptable character '\x00': remove it", id="nul"),
        pytest.param("at: 'h h:1'", "1: at: 'h h:1' is not an address", id="space_in_host"),
        pytest.param("at: http://h:1", "1: at: 'http://h:1' is not an address", id="url"),
        pytest.param(
            "at: 'fe80::1:9092'", "1: at: 'fe80::1:9092': write an IPv6 address in brackets: '[fe80::1]:9092'", id="v6"
        ),
    ],
)
def test_a_mistake_in_a_kind_is_told(text: str, mistake: str) -> None:
    assert refused(text).startswith(f"file.yaml:{mistake}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("size: " + "9" * 400 + "GiB", id="size_beyond_a_float"),
        pytest.param("at: h:" + "9" * 5000, id="port_of_many_digits"),
        pytest.param("names: 'a{1001}'", id="repetition_beyond_the_engine"),
        pytest.param("names: '" + "(" * 50_000 + "'", id="pattern_nested_too_deeply"),
        pytest.param("file: ~nobodyofthisname/x", id="home_of_nobody"),
        pytest.param('at: "\\UFFFFFFFF"', id="escape_beyond_unicode"),
        pytest.param("[" * 5000, id="nested_too_deeply"),
        pytest.param("login: {password_file: /proc/self/mem}", id="file_that_opens_but_cannot_be_read"),
    ],
)
def test_nothing_but_a_config_error_comes_out(text: str) -> None:
    assert refused(text).startswith("file.yaml:")


KEYS = ", ".join(f"k{i}: 1" for i in range(5000))
ALIASES = ", ".join(["*a"] * 5000)


@pytest.mark.parametrize(
    "anchor",
    [pytest.param(f"{{{KEYS}}}", id="many_unknown_keys"), pytest.param("'" + "(" * 9000 + "'", id="long_text")],
)
def test_what_its_anchors_multiply_is_refused_early(anchor: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"log: &a {anchor}\nkafka: [{ALIASES}]")

    assert caught.value.mistakes == ["file.yaml: more than 20000 values: do its anchors multiply?"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("login: {password: *hunter2}", id="taken_for_an_alias"),
        pytest.param("login: {password: !hunter2!x y}", id="taken_for_a_tag_handle"),
        pytest.param("login: {password: !hunter2 x}", id="taken_for_a_tag"),
        pytest.param("login: {password:hunter2}", id="no_space_after_the_colon"),
        pytest.param("login: {password:hu2, hunter2}", id="a_bare_word"),
        pytest.param("login: me:hunter2", id="not_a_mapping"),
        pytest.param("login: {password: [hunter2]}", id="a_list"),
        pytest.param("? {password: hunter2}\n: 1", id="inside_a_key"),
        pytest.param("login: {password: 'hunter2", id="an_open_quote"),
        pytest.param("login: {password: hunter2, password_file: x}", id="given_twice"),
        pytest.param("login: {password: hunter2, username: [x]}", id="beside_a_mistake"),
        pytest.param("at: 'kafka://me:hunter2@h:1'", id="inside_an_address"),
    ],
)
def test_a_secret_is_not_told_however_it_is_mistyped(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kinds(text)

    assert "hunter2" not in "".join(traceback.format_exception(caught.value)).partition("ConfigError")[2]
    assert "hunter2" not in refused(text)
    assert "hu2" not in refused(text)


@pytest.mark.parametrize("order", [("password: x", "password_file: y"), ("password_file: y", "password: x")])
def test_a_secret_given_both_ways_is_a_mistake_in_either_order(order: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "y").write_text("y")

    assert "exclude each other: keep one" in refused(f"login: {{{order[0]}, {order[1]}}}", tmp_path)


@pytest.mark.parametrize(
    ("how", "mistake"),
    [
        pytest.param("password: ''", "a secret is wanted here", id="text"),
        pytest.param("password: ~", "a secret is wanted here", id="null"),
        pytest.param("password: '${UNSET}'", "'UNSET' is not set", id="variable_unset"),
        pytest.param("password: '${EMPTY}'", "'EMPTY' is empty", id="variable"),
        pytest.param("password_file: empty", "'empty' is empty", id="file"),
    ],
)
def test_an_empty_secret_is_a_mistake(how: str, mistake: str, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")

    assert mistake in refused(f"login: {{{how}}}", tmp_path, EMPTY="")


@given(st.text(max_size=200) | st.text(alphabet="{}[]:,-?&*!|>'\"\n a", max_size=40))
@example("{{}}")
@example("{[a]: b}")
@example("kafka: {{a: b}: c}")
@example("? {}\n: {}\n")
def test_no_text_breaks_parse(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)

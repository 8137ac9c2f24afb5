"""The configuration in environment variables: it means what the file means that has the same keys."""

import re
from pathlib import Path
from typing import Final

import pytest

from streamwatch.agent import config, environment
from streamwatch.core.errors import ConfigError
from streamwatch.settings.secrets import secrets_of
from streamwatch.settings.variables import Variable

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "hunter2-in-the-environment"
KAFKA: Final = "STREAMWATCH_KAFKA_"
ONE: Final = {f"{KAFKA}BOOTSTRAP": "b1:9092"}
ARN: Final = "arn:aws:sns:eu-west-1:123456789012:oncall"

SAME: Final = {
    "one_cluster": (
        {f"{KAFKA}BOOTSTRAP": "b1:9092, [::1]:9093"},
        "kafka: [{name: kafka, bootstrap: ['b1:9092', '[::1]:9093']}]",
    ),
    "a_name_that_is_a_number": (
        {**ONE, f"{KAFKA}NAME": "007"},
        "kafka: [{name: '007', bootstrap: ['b1:9092']}]",
    ),
    "tls": ({**ONE, f"{KAFKA}TLS": "true"}, "kafka: [{name: kafka, bootstrap: ['b1:9092'], tls: {}}]"),
    "in_the_clear": ({**ONE, f"{KAFKA}TLS": "False"}, "kafka: [{name: kafka, bootstrap: ['b1:9092']}]"),
    "mutual_tls": (
        {
            **ONE,
            f"{KAFKA}TLS": "true",
            f"{KAFKA}TLS_CA_FILE": "/FOLDER/ca.pem",
            f"{KAFKA}TLS_CERT_FILE": "/FOLDER/cert.pem",
            f"{KAFKA}TLS_KEY_FILE": "/FOLDER/key.pem",
        },
        (
            "kafka: [{name: kafka, bootstrap: ['b1:9092'],"
            " tls: {ca_file: /FOLDER/ca.pem, cert_file: /FOLDER/cert.pem, key_file: /FOLDER/key.pem}}]"
        ),
    ),
    "tls_by_its_authorities": (
        {**ONE, f"{KAFKA}TLS_CA_FILE": "ca.pem"},
        "kafka: [{name: kafka, bootstrap: ['b1:9092'], tls: {ca_file: ca.pem}}]",
    ),
    "scram": (
        {
            **ONE,
            f"{KAFKA}SASL_MECHANISM": "SCRAM-SHA-512",
            f"{KAFKA}SASL_USERNAME": "true",
            f"{KAFKA}SASL_PASSWORD": SECRET,
        },
        (
            "kafka: [{name: kafka, bootstrap: ['b1:9092'],"
            f" sasl: {{mechanism: SCRAM-SHA-512, username: 'true', password: {SECRET}}}}}]"
        ),
    ),
    "a_password_that_looks_like_a_variable": (
        {
            **ONE,
            f"{KAFKA}SASL_MECHANISM": "PLAIN",
            f"{KAFKA}SASL_USERNAME": "me",
            f"{KAFKA}SASL_PASSWORD": "${HOME}: *a !b",
        },
        (
            "kafka: [{name: kafka, bootstrap: ['b1:9092'],"
            " sasl: {mechanism: PLAIN, username: me, password: '${LIKE_A_VARIABLE}'}}]"
        ),
    ),
    "a_password_of_a_file": (
        {
            **ONE,
            f"{KAFKA}SASL_MECHANISM": "PLAIN",
            f"{KAFKA}SASL_USERNAME": "me",
            f"{KAFKA}SASL_PASSWORD_FILE": "/FOLDER/secret",
        },
        (
            "kafka: [{name: kafka, bootstrap: ['b1:9092'],"
            " sasl: {mechanism: PLAIN, username: me, password_file: /FOLDER/secret}}]"
        ),
    ),
    "a_token": (
        {**ONE, f"{KAFKA}SASL_MECHANISM": "OAUTHBEARER", f"{KAFKA}SASL_TOKEN_FILE": "/FOLDER/secret"},
        "kafka: [{name: kafka, bootstrap: ['b1:9092'], sasl: {mechanism: OAUTHBEARER, token_file: /FOLDER/secret}}]",
    ),
    "msk": (
        {
            f"{KAFKA}MSK_CLUSTER": "shop",
            f"{KAFKA}MSK_REGION": "eu-west-1",
            f"{KAFKA}TLS": "true",
            f"{KAFKA}SASL_MECHANISM": "AWS_MSK_IAM",
        },
        "kafka: [{name: kafka, tls: {}, sasl: {mechanism: AWS_MSK_IAM}, msk: {cluster: shop, region: eu-west-1}}]",
    ),
    "streams": (
        {"STREAMWATCH_KINESIS_REGIONS": "eu-west-1,us-east-1"},
        "kinesis: [{name: kinesis, regions: [eu-west-1, us-east-1]}]",
    ),
    "both": (
        {**ONE, "STREAMWATCH_KINESIS_REGIONS": "eu-west-1", "STREAMWATCH_KINESIS_NAME": "shop"},
        "{kafka: [{name: kafka, bootstrap: ['b1:9092']}], kinesis: [{name: shop, regions: [eu-west-1]}]}",
    ),
    "where_it_runs": (
        {**ONE, "STREAMWATCH_LISTEN": "0.0.0.0:9308", "STREAMWATCH_STATE": "state.db"},
        "{kafka: [{name: kafka, bootstrap: ['b1:9092']}], listen: {address: '0.0.0.0:9308'}, rules: {state: state.db}}",
    ),
    "every_channel": (
        {
            **ONE,
            "STREAMWATCH_PAGERDUTY_ROUTING_KEY": SECRET,
            "STREAMWATCH_SLACK_URL": f"https://slack.example/{SECRET}",
            "STREAMWATCH_TEAMS_URL": f"https://teams.example/{SECRET}",
            "STREAMWATCH_WEBHOOK_URL": f"https://hook.example/{SECRET}",
            "STREAMWATCH_SNS_TOPIC_ARN": ARN,
        },
        (
            f"{{kafka: [{{name: kafka, bootstrap: ['b1:9092']}}], notify: {{"
            f"pagerduty: [{{name: pagerduty, routing_key: {SECRET}}}],"
            f"slack: [{{name: slack, url: 'https://slack.example/{SECRET}'}}],"
            f"teams: [{{name: teams, url: 'https://teams.example/{SECRET}'}}],"
            f"webhook: [{{name: webhook, url: 'https://hook.example/{SECRET}'}}],"
            f"sns: [{{name: sns, topic_arn: '{ARN}'}}]}}}}"
        ),
    ),
    "every_channel_of_a_file": (
        {
            **ONE,
            "STREAMWATCH_PAGERDUTY_ROUTING_KEY_FILE": "/FOLDER/secret",
            "STREAMWATCH_SLACK_URL_FILE": "/FOLDER/url",
            "STREAMWATCH_TEAMS_URL_FILE": "/FOLDER/url",
            "STREAMWATCH_WEBHOOK_URL_FILE": "url",
        },
        (
            "{kafka: [{name: kafka, bootstrap: ['b1:9092']}], notify: {"
            "pagerduty: [{name: pagerduty, routing_key_file: /FOLDER/secret}],"
            "slack: [{name: slack, url_file: /FOLDER/url}],"
            "teams: [{name: teams, url_file: /FOLDER/url}],"
            "webhook: [{name: webhook, url_file: url}]}}"
        ),
    ),
}
"""Variables, and the file that means the same."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the files that the examples name."""
    for name in ("ca.pem", "cert.pem", "key.pem", "secret"):
        (tmp_path / name).write_text(SECRET)
    (tmp_path / "url").write_text(f"https://hook.example/{SECRET}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def placed(variables: dict[str, str], folder: Path) -> dict[str, str]:
    return {name: value.replace("/FOLDER", str(folder)) for name, value in variables.items()}


def mistakes(variables: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        environment.load(variables)
    return caught.value.mistakes


@pytest.mark.parametrize(("variables", "text"), SAME.values(), ids=SAME)
def test_variables_mean_what_the_file_means(
    variables: dict[str, str], text: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIKE_A_VARIABLE", "${HOME}: *a !b")
    expected = config.parse(text.replace("/FOLDER", str(folder)), "file.yaml", folder)

    assert environment.load(placed(variables, folder)) == expected


def test_the_table_has_every_variable() -> None:
    assert {name for variables, _ in SAME.values() for name in variables} == {one.name for one in environment.VARIABLES}


@pytest.mark.parametrize("variables", [variables for variables, _ in SAME.values()], ids=SAME)
def test_the_printed_file_means_the_same_and_has_no_secret(
    variables: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = placed(variables, folder)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found, wrong, text = environment.examine(variables, lambda _: ())

    assert wrong == []
    assert config.parse(text, "file.yaml", folder) == found
    assert all(secret.reveal() not in text for secret in secrets_of(found))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param(
            {f"{KAFKA}BOOTSTRAP": "b1:9092,b2"},
            [f"{KAFKA}BOOTSTRAP: 'b2' is not an address: write 'host:port', the port up to 65535"],
            id="no_port",
        ),
        pytest.param(
            {f"{KAFKA}NAME": "orders"},
            [f"{KAFKA}BOOTSTRAP: at least one broker is needed: write {KAFKA}BOOTSTRAP=broker-1:9092,broker-2:9092"],
            id="no_broker",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}SASL_USERNAME": "me"},
            [f"{KAFKA}SASL_USERNAME: kafka[0].sasl: {KAFKA}SASL_MECHANISM is missing: the SASL mechanism"],
            id="no_mechanism",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}SASL_MECHANISM": "SCRAM-SHA-1"},
            [
                (
                    f"{KAFKA}SASL_MECHANISM: 'SCRAM-SHA-1' is not allowed: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512,"
                    " OAUTHBEARER, AWS_MSK_IAM"
                )
            ],
            id="another_mechanism",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}SASL_MECHANISM": "PLAIN", f"{KAFKA}SASL_PASSWORD": SECRET},
            [f"{KAFKA}SASL_USERNAME: PLAIN needs it"],
            id="no_user",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}SASL_MECHANISM": "AWS_MSK_IAM"},
            [f"{KAFKA}TLS: AWS_MSK_IAM works over TLS only: write {KAFKA}TLS=true"],
            id="iam_in_the_clear",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}TLS": "on"},
            [f"{KAFKA}TLS: 'on' is neither true nor false"],
            id="no_switch",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}TLS": "false", f"{KAFKA}TLS_CA_FILE": "ca.pem"},
            [f"{KAFKA}TLS: it is false, and {KAFKA}TLS_CA_FILE is set: leave one of them out"],
            id="no_tls_with_authorities",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}TLS_CA_FILE": "/no/ca.pem"},
            [(f"{KAFKA}TLS_CA_FILE: '/no/ca.pem' cannot be read: No such file or directory: give the path of a file")],
            id="no_file",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}TLS_CERT_FILE": "cert.pem"},
            [f"{KAFKA}TLS_CERT_FILE: a certificate and its key belong together: give both cert_file and key_file"],
            id="half_of_mutual_tls",
        ),
        pytest.param(
            {f"{KAFKA}MSK_CLUSTER": "shop"},
            [
                f"{KAFKA}MSK_REGION: a name alone does not say where the cluster is: give its region, or its ARN",
            ],
            id="msk_without_region",
        ),
        pytest.param(
            {"STREAMWATCH_KINESIS_REGIONS": "eu-west-1, Ireland"},
            ["STREAMWATCH_KINESIS_REGIONS: 'Ireland' is no AWS region: write it as in 'eu-west-1'"],
            id="no_region",
        ),
        pytest.param(
            {**ONE, f"{KAFKA}NAME": "a", "STREAMWATCH_KINESIS_REGIONS": "eu-west-1", "STREAMWATCH_KINESIS_NAME": "a"},
            [f"{KAFKA}NAME: kafka: more than one source is called 'a': names tell them apart"],
            id="one_name_twice",
        ),
        pytest.param(
            {**ONE, "STREAMWATCH_SLACK_URL": "https://slack.example/x", "STREAMWATCH_SLACK_URL_FILE": "url"},
            [
                (
                    "STREAMWATCH_SLACK_URL_FILE: notify.slack[0]: STREAMWATCH_SLACK_URL_FILE and STREAMWATCH_SLACK_URL"
                    " exclude each other: keep one"
                )
            ],
            id="a_secret_twice",
        ),
        pytest.param(
            {"STREAMWATCH_SLACK_URL": "https://slack.example/x"},
            [
                f"{KAFKA}BOOTSTRAP: there is nothing to watch: set it, or STREAMWATCH_KINESIS_REGIONS, or give a file",
            ],
            id="nothing_to_watch",
        ),
        pytest.param(
            {f"{KAFKA}BOOTSTRAPS": "b1:9092"},
            [
                f"{KAFKA}BOOTSTRAPS: there is no such setting: did you mean {KAFKA}BOOTSTRAP?",
                f"{KAFKA}BOOTSTRAP: there is nothing to watch: set it, or STREAMWATCH_KINESIS_REGIONS, or give a file",
            ],
            id="misspelt",
        ),
        pytest.param(
            {**ONE, "STREAMWATCH_WEBHOK_URL": SECRET},
            ["STREAMWATCH_WEBHOK_URL: there is no such setting: did you mean STREAMWATCH_WEBHOOK_URL?"],
            id="a_channel_misspelt",
        ),
        pytest.param(
            {"STREAMWATCH_LISTEN": "here", f"{KAFKA}BOOTSTRAP": "there", f"{KAFKA}SASL_MECHANISM": "PLAIN"},
            [
                f"{KAFKA}BOOTSTRAP: 'there' is not an address: write 'host:port', the port up to 65535",
                f"{KAFKA}SASL_USERNAME: PLAIN needs it",
                "STREAMWATCH_LISTEN: 'here' is not an address: write 'host:port', the port up to 65535",
            ],
            id="all_at_once",
        ),
    ],
)
def test_a_mistake_names_its_variable_and_what_to_do(variables: dict[str, str], expected: list[str]) -> None:
    assert mistakes(variables) == expected


@pytest.mark.parametrize("name", [one.name for one in environment.VARIABLES])
def test_a_variable_that_is_empty_is_one_mistake(name: str) -> None:
    found = mistakes({**ONE, name: ""})

    assert found.count(f"{name}: it is empty: set it, or leave it out") == 1
    assert [one for one in found if one.startswith(f"{name}: ") and "empty" not in one and "missing" not in one] == []


@pytest.mark.parametrize("one", [one for one in environment.VARIABLES if one.kind.startswith("secret")])
def test_a_secret_is_in_no_message_wherever_it_was_put(one: Variable) -> None:
    for value in (SECRET, f"https://{SECRET} .example", f"${{{SECRET}}}", f"'{SECRET}", f"/nowhere/{SECRET}"):
        variables = {f"{KAFKA}SASL_MECHANISM": "SCRAM-SHA-1", f"{KAFKA}BOOTSTRAP": "b1", one.name: value}
        found = mistakes(variables)
        assert found, "two variables of them are wrong in any case"
        assert SECRET not in "\n".join(found)


def test_the_file_of_a_secret_that_holds_nothing_is_told_without_its_name(folder: Path) -> None:
    (folder / "empty").write_text("")

    assert mistakes({**ONE, "STREAMWATCH_SLACK_URL_FILE": "empty"}) == [
        "STREAMWATCH_SLACK_URL_FILE: what it names is empty: write the secret into it"
    ]


def test_what_kubernetes_sets_for_a_service_of_the_name_is_no_setting() -> None:
    port = "tcp://10.0.0.1:9308"
    links = {
        f"STREAMWATCH{of}{name}": value
        for of in ("", "_KAFKA", "_SLACK")
        for name, value in {
            "_SERVICE_HOST": "10.0.0.1",
            "_SERVICE_PORT": "9308",
            "_SERVICE_PORT_METRICS": "9308",
            "_PORT": port,
            "_PORT_9308_TCP": port,
            "_PORT_9308_TCP_PROTO": "tcp",
            "_PORT_9308_TCP_PORT": "9308",
            "_PORT_9308_TCP_ADDR": "10.0.0.1",
        }.items()
    }

    assert not environment.is_configured(links)
    assert environment.load({**ONE, **links}) == environment.load(ONE)
    assert mistakes({**ONE, f"{KAFKA}PORT": "9092"}), "that was typed by a person"


def test_variables_of_the_tests_and_of_ci_are_no_settings() -> None:
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "test_environment.py"]
    files += [path for path in (ROOT / ".ci").rglob("*") if path.is_file()]
    settings = {one.name for one in environment.VARIABLES}
    own = {
        name for path in files for name in re.findall(r"\bSTREAMWATCH_[A-Z_]+\b", path.read_text("utf-8", "replace"))
    }
    own -= settings

    assert {"STREAMWATCH_REQUIRE_REAL", "STREAMWATCH_LIVES", "STREAMWATCH_WRITE_DOCS"} <= own
    assert not environment.is_configured(dict.fromkeys(own, "1"))


def test_a_setting_that_the_command_line_leaves_unread_is_told_unless_the_file_names_it() -> None:
    variables = {"STREAMWATCH_SLACK_URL": SECRET, "STREAMWATCH_LISTEN": "h:1", "STREAMWATCH_REQUIRE_REAL": "1"}

    (unread,) = environment.unread(variables, "notify: {slack: [{name: a, url: '${STREAMWATCH_SLACK_URL}'}]}")

    assert unread == (
        "STREAMWATCH_LISTEN: it is not read beside --config, --kafka or --kinesis: unset it, or set"
        " `listen.address` in the file"
    )

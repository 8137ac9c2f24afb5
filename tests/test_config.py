from pathlib import Path

import pytest

from streamwatch import config
from streamwatch.docs import EXAMPLE
from streamwatch.errors import ConfigError
from streamwatch.model.settings import Secret


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
    assert found.listen.address == "0.0.0.0:9308"


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


def test_two_clusters_of_one_name_are_a_mistake() -> None:
    assert "'a'" in mistakes("kafka: [{name: a, bootstrap: ['h:1']}, {name: a, bootstrap: ['h:2']}]")[0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "none.yaml")


def test_a_short_interval_shortens_the_deadline() -> None:
    found = parse("kafka: [{name: a, bootstrap: ['h:1'], interval: 5s}]")

    assert found.kafka[0].read_seconds == 4.0


def test_flags_make_the_configuration_of_one_cluster() -> None:
    found = config.from_flags("one:9092, two:9092", "127.0.0.1:1")

    assert (found.kafka[0].name, found.kafka[0].bootstrap) == ("one", ("one:9092", "two:9092"))
    assert found.listen.address == "127.0.0.1:1"


@pytest.mark.parametrize("servers", ["here", "a'b:1, x", "h:1\nlisten: {}"])
def test_flags_that_are_no_address_are_told(servers: str) -> None:
    with pytest.raises(ConfigError, match="not an address"):
        config.from_flags(servers, None)

"""The configuration in environment variables alone: one Kafka cluster, streams, and who is notified.

For where a file is too much, as in a container beside an application; whatever else there is takes a file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from streamwatch.agent.config import Config
from streamwatch.core.errors import ConfigError
from streamwatch.settings.variables import Variable, read_variables, secret, unknown_variables

_PREFIX: Final = "STREAMWATCH_"
_BOOTSTRAP: Final = f"{_PREFIX}KAFKA_BOOTSTRAP"
_REGIONS: Final = f"{_PREFIX}KINESIS_REGIONS"
_KAFKA: Final = f"{_PREFIX}KAFKA"
_SASL: Final = f"{_KAFKA}_SASL"

VARIABLES: Final[tuple[Variable, ...]] = (
    Variable(_BOOTSTRAP, "kafka[0].bootstrap", "brokers to ask first", "broker-1:9092,broker-2:9092", "list"),
    Variable(f"{_KAFKA}_NAME", "kafka[0].name", "the label `kafka_cluster`; `kafka` by default", "orders"),
    Variable(f"{_KAFKA}_TLS", "kafka[0].tls", "TLS towards the brokers, by the system's authorities", "true", "switch"),
    Variable(f"{_KAFKA}_TLS_CA_FILE", "kafka[0].tls.ca_file", "TLS, by the authorities of this PEM file", "/PATH"),
    Variable(f"{_KAFKA}_TLS_CERT_FILE", "kafka[0].tls.cert_file", "the agent's own certificate (mTLS)", "/PATH"),
    Variable(f"{_KAFKA}_TLS_KEY_FILE", "kafka[0].tls.key_file", "its private key, not encrypted", "/PATH"),
    Variable(
        f"{_SASL}_MECHANISM",
        "kafka[0].sasl.mechanism",
        "`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`, or `AWS_MSK_IAM` with AWS's usual credentials",
        "SCRAM-SHA-512",
    ),
    Variable(f"{_SASL}_USERNAME", "kafka[0].sasl.username", "user name (PLAIN and SCRAM)", "streamwatch"),
    *secret(f"{_SASL}_PASSWORD", "kafka[0].sasl.password", "its password", "PASSWORD"),
    Variable(f"{_SASL}_TOKEN_FILE", "kafka[0].sasl.token_file", "file of the bearer token (OAUTHBEARER)", "/PATH"),
    Variable(
        f"{_KAFKA}_MSK_CLUSTER",
        "kafka[0].msk.cluster",
        "name or ARN at Amazon MSK, which is asked for the brokers, too",
        "shop",
    ),
    Variable(f"{_KAFKA}_MSK_REGION", "kafka[0].msk.region", "its AWS region; an ARN says it itself", "eu-west-1"),
    Variable(_REGIONS, "kinesis[0].regions", "AWS regions of the streams", "eu-west-1,us-east-1", "list"),
    Variable(f"{_PREFIX}KINESIS_NAME", "kinesis[0].name", "what they are called; `kinesis` by default", "shop"),
    Variable(f"{_PREFIX}LISTEN", "listen.address", "where to listen; `127.0.0.1:9308` by default", "0.0.0.0:9308"),
    Variable(f"{_PREFIX}STATE", "rules.state", "file in which alerts outlive the agent", "/PATH/state.db"),
    *secret(f"{_PREFIX}PAGERDUTY_ROUTING_KEY", "notify.pagerduty[0].routing_key", "key of Events API v2", "KEY"),
    *secret(f"{_PREFIX}SLACK_URL", "notify.slack[0].url", "Slack's incoming webhook", "https://hooks.slack.com/…"),
    *secret(f"{_PREFIX}TEAMS_URL", "notify.teams[0].url", "Microsoft Teams' workflow webhook", "https://…"),
    *secret(f"{_PREFIX}WEBHOOK_URL", "notify.webhook[0].url", "what takes Alertmanager's webhook", "https://…"),
    Variable(
        f"{_PREFIX}SNS_TOPIC_ARN", "notify.sns[0].topic_arn", "Amazon SNS topic", "arn:aws:sns:REGION:ACCOUNT:NAME"
    ),
)
"""In the order of the documentation."""

_NAMES: Final = {
    "kafka[0].name": "kafka",
    "kinesis[0].name": "kinesis",
    **{f"notify.{kind}[0].name": kind for kind in ("pagerduty", "slack", "teams", "webhook", "sns")},
}


def is_configured(environment: Mapping[str, str]) -> bool:
    """Say whether a setting is in the environment, or what looks like one."""
    return any(one.name in environment for one in VARIABLES) or bool(_unknown(environment))


def load(environment: Mapping[str, str]) -> Config:
    """Read the configuration from environment variables; relative paths count from the working directory.

    Raises:
        ConfigError: with every mistake.

    """
    config, mistakes, _ = examine(environment, lambda _: ())
    if mistakes:
        raise ConfigError(mistakes)
    return config


def examine(
    environment: Mapping[str, str], more_problems: Callable[[Config], Iterable[str]]
) -> tuple[Config, list[str], str]:
    """Return as much as can be read, every mistake, and a YAML file that means the same, without its secrets.

    Args:
        environment: of the process.
        more_problems: yields more mistakes of what could be read, each as ``path: what``.

    Raises:
        ConfigError: nothing is to be watched.

    """
    unknown = _unknown(environment)
    if not any(one.name in environment and one.path.startswith(("kafka", "kinesis")) for one in VARIABLES):
        raise ConfigError([*unknown, f"{_BOOTSTRAP}: there is nothing to watch: set it, or {_REGIONS}, or give a file"])
    config, mistakes, text = read_variables(Config, VARIABLES, _NAMES, environment, Path.cwd(), more_problems)
    return config, [*unknown, *mistakes], text


def unread(environment: Mapping[str, str], text: str) -> Iterator[str]:
    """Yield a mistake for each setting in the environment that the configuration of the command line leaves unread.

    Args:
        environment: of the process.
        text: of the configuration file; what stands in it as ``${NAME}`` is read.

    """
    for one in VARIABLES:
        if one.name in environment and f"${{{one.name}}}" not in text:
            instead = f"`{one.path.replace('[0]', '[]')}` in the file"
            yield f"{one.name}: it is not read beside --config, --kafka or --kinesis: unset it, or set {instead}"


def _unknown(environment: Mapping[str, str]) -> list[str]:
    return unknown_variables(VARIABLES, environment, _PREFIX)

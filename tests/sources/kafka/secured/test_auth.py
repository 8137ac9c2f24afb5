"""SASL, against a broker that checks: who may come in, who may not and is told why, and no secret in what is told."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials as AwsCredentials

from streamwatch.model.kafka import ClusterSnapshot
from streamwatch.settings.types import Secret
from streamwatch.sources.kafka import broker_connection
from streamwatch.sources.kafka.config import Sasl
from tests.prepared import Truth
from tests.sources.kafka.secured.conftest import Trust
from tests.sources.kafka.secured.locked import LockedCluster, reading
from tests.sources.kafka.secured.locks import Lock
from tests.sources.kinesis.providing import EARLIER, LATER, Metadata, metadata
from tests.waiting import wait_for

RIGHT, WRONG = "right-password", "wrong-guess"
AWS = AwsCredentials("AKIDEXAMPLE", "example-secret-key", "example/token+==")
IAM = Sasl(mechanism="AWS_MSK_IAM", aws_region="eu-west-1")
SECRETS = (RIGHT, WRONG, "good-token", "bad-token", AWS.secret_key, AWS.token)
BY_PASSWORD = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")

Claim = Callable[..., Sasl]
"""What the agent says of itself: the truth, or not."""


def lock(**changes: Any) -> Lock:
    plain: dict[str, Any] = {"passwords": {"agent": RIGHT}, "tokens": {"good-token"}, "aws": AWS}
    return Lock(**(plain | changes))


def truth() -> Truth:
    return Truth({"orders": 3})


@pytest.fixture(params=[*BY_PASSWORD, "OAUTHBEARER", "AWS_MSK_IAM"])
def claim(request: pytest.FixtureRequest, tmp_path: Path, aws: pytest.MonkeyPatch) -> Claim:
    mechanism, token = request.param, tmp_path / "token"

    def made(*, honest: bool) -> Sasl:
        token.write_text("good-token" if honest else "bad-token")
        if not honest:
            aws.setenv("AWS_SECRET_ACCESS_KEY", WRONG)
        password = Secret(RIGHT if honest else WRONG)
        return Sasl(
            mechanism=mechanism, username="agent", password=password, token_file=str(token), aws_region="eu-west-1"
        )

    return made


def told(now: ClusterSnapshot, caplog: pytest.LogCaptureFixture) -> str:
    """Return everything that anyone is told."""
    return "\n".join([*(problem.detail for problem in now.problems), repr(now.problems), caplog.text])


def assert_no_secret(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def test_whoever_is_known_comes_in(trust: Trust, claim: Claim, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        LockedCluster(truth(), tls=trust.server(), lock=lock()) as cluster,
        reading(cluster, tls=trust.client(), sasl=claim(honest=True)) as source,
    ):
        now = source.read()

    assert now.problems == ()
    assert now.end_offset.tolist() == [100, 100, 100]
    assert_no_secret(told(now, caplog))


def test_whoever_is_not_is_told_so_and_does_not_try_again_at_once(
    trust: Trust, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        LockedCluster(truth(), tls=trust.server(), lock=lock()) as cluster,
        reading(cluster, tls=trust.client(), sasl=claim(honest=False)) as source,
    ):
        first, again = source.read(), source.read()
        attempts = cluster.asked["SaslHandshake"]

    assert first.topology is None
    assert {problem.reason for problem in (*first.problems, *again.problems)} == {"denied"}
    assert "refused" in first.problems[0].detail
    assert "check the user and its password or token" in first.problems[0].detail
    assert attempts == 3, "once a broker: an account that is tried often is locked"
    assert_no_secret(told(first, caplog))


def test_a_mechanism_that_is_not_offered_is_told_with_those_that_are(trust: Trust) -> None:
    sasl = Sasl(mechanism="SCRAM-SHA-256", username="agent", password=Secret(RIGHT))
    with (
        LockedCluster(truth(), tls=trust.server(), lock=lock(mechanisms=("PLAIN", "SCRAM-SHA-512"))) as cluster,
        reading(cluster, tls=trust.client(), sasl=sasl) as source,
    ):
        detail = source.read().problems[0].detail

    assert "does not offer SASL SCRAM-SHA-256: it offers PLAIN, SCRAM-SHA-512" in detail


def test_a_listener_that_wants_a_login_is_told_from_a_dead_broker() -> None:
    with LockedCluster(truth(), lock=lock()) as cluster, reading(cluster) as source:
        now = source.read()

    assert now.topology is None
    assert "does this listener want `sasl`?" in now.problems[0].detail


def test_a_session_is_authenticated_anew_before_it_ends() -> None:
    sasl = Sasl(mechanism="SCRAM-SHA-512", username="agent", password=Secret(RIGHT))
    woken = Counter[str]()
    with (
        LockedCluster(truth(), lock=lock(session_ms=1000)) as cluster,
        reading(cluster, lambda: woken.update(["times"]), sasl=sasl) as source,
    ):
        source.read()
        wait_for(lambda: cluster.asked["SaslHandshake"] >= 9, 10, "each of three sessions was renewed twice")
        now = source.read()

        assert now.problems == ()
        assert (cluster.too_late, woken["times"]) == (0, 0)
        assert cluster.asked["ApiVersions"] == 3, "on the connections that were there"


def test_a_password_that_is_changed_meanwhile_is_noticed_and_told() -> None:
    sasl = Sasl(mechanism="PLAIN", username="agent", password=Secret(RIGHT))
    with LockedCluster(truth(), lock=lock(session_ms=500)) as cluster, reading(cluster, sasl=sasl) as source:
        source.read()
        assert cluster.lock is not None
        cluster.lock.passwords["agent"] = "another"
        wait_for(lambda: not any(b.up for b in source.read().brokers), 10, "nobody lets the agent in")
        now = source.read()

    assert {problem.reason for problem in now.problems} == {"denied"}


@contextmanager
def role(aws: pytest.MonkeyPatch) -> Iterator[Metadata]:
    """A container's role is all there is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        aws.delenv(name)
    aws.setattr(broker_connection, "_ROLE_SECONDS", 0.2)
    with metadata() as service:
        aws.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)
        service.key = (AWS.access_key, AWS.secret_key)
        service.token = AWS.token
        yield service


def test_aws_is_asked_once_for_the_credentials_of_all_connections(trust: Trust, aws: pytest.MonkeyPatch) -> None:
    with (
        role(aws) as service,
        LockedCluster(truth(), tls=trust.server(), lock=lock(session_ms=1000)) as cluster,
        reading(cluster, tls=trust.client(), sasl=IAM) as source,
    ):
        source.read()
        wait_for(lambda: cluster.asked["SaslHandshake"] >= 6, 10, "each of three sessions was renewed")
        assert source.read().problems == ()
        assert len(service.asked) == 1


def silent(service: Metadata) -> None:
    service.status = 503


def garbled(service: Metadata) -> None:
    service.body = b"not yet"


def still_expired(service: Metadata) -> None:
    service.until = EARLIER


@pytest.mark.parametrize("fails", [silent, garbled, still_expired])
def test_credentials_that_come_late_are_told_and_used_as_soon_as_they_are_there(
    trust: Trust, aws: pytest.MonkeyPatch, fails: Callable[[Metadata], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "streamwatch")
    with (
        role(aws) as service,
        LockedCluster(truth(), tls=trust.server(), lock=lock()) as cluster,
        reading(cluster, tls=trust.client(), sasl=IAM, connect_timeout=5.0) as source,
    ):
        fails(service)
        now = source.read()
        assert now.topology is None
        assert "no credentials: " in now.problems[0].detail
        assert "container-role: " in now.problems[0].detail
        assert now.problems[0].reason == "denied"
        assert_no_secret(told(now, caplog))
        service.status, service.body, service.until = 200, b"", LATER
        wait_for(lambda: source.read().topology, 10, "the connections live on")


def test_keys_that_are_rotated_are_looked_up_when_the_old_ones_are_refused(
    trust: Trust, aws: pytest.MonkeyPatch
) -> None:
    with (
        role(aws) as service,
        LockedCluster(truth(), tls=trust.server(), lock=lock(session_ms=500)) as cluster,
        reading(cluster, tls=trust.client(), sasl=IAM) as source,
    ):
        assert source.read().problems == ()
        assert cluster.lock is not None
        cluster.lock.aws = AwsCredentials("AKIDNEW", "another-secret-key", AWS.token)
        wait_for(lambda: not any(b.up for b in source.read().brokers), 10, "nobody lets the agent in")
        service.key = ("AKIDNEW", "another-secret-key")
        wait_for(lambda: source.read().problems == (), 10, "the new ones were looked up")


def test_a_token_file_of_other_bytes_is_told_without_its_bytes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfegood-token")
    sasl = Sasl(mechanism="OAUTHBEARER", token_file=str(file))
    with LockedCluster(truth(), lock=lock()) as cluster, reading(cluster, sasl=sasl) as source:
        now = source.read()

    assert "token_file" in now.problems[0].detail
    assert_no_secret(told(now, caplog))


def test_a_broker_that_answers_scram_with_nonsense_is_not_trusted() -> None:
    """Whoever does not know the password either cannot sign the last message of SCRAM."""

    class Impostor(Lock):
        def begin(self, mechanism: str) -> Any:
            exchange = super().begin(mechanism)
            step = exchange.step

            def forged(said: bytes) -> tuple[bytes, bool]:
                answer, done = step(said)
                return (b"v=AAAA" if done else answer), done

            exchange.step = forged  # type: ignore[method-assign]
            return exchange

    sasl = Sasl(mechanism="SCRAM-SHA-256", username="agent", password=Secret(RIGHT))
    with LockedCluster(truth(), lock=Impostor(passwords={"agent": RIGHT})) as cluster, reading(cluster, sasl=sasl) as s:
        now = s.read()

    assert now.topology is None
    assert now.problems[0].reason == "misread"

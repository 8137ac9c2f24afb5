"""AWS_MSK_IAM on the reference: a role that is rotated, reloaded, refused or missing; and what doctor says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from streamwatch.agent import config
from streamwatch.agent.config import parse
from streamwatch.cli.doctor import check_up
from streamwatch.core.clock import SystemClock
from streamwatch.model.finding import Finding
from streamwatch.reference.kafka import faults
from streamwatch.reference.kafka.sasl import BrokerUsers
from streamwatch.reference.kafka.server import ReferenceKafka
from streamwatch.reference.kafka.site import Access, KafkaListener, Site
from streamwatch.reference.kafka.spec import Spec
from streamwatch.sources.kafka import KafkaSource, auth, broker_connection
from tests.conftest import Start, get
from tests.notify.receiver import receiver
from tests.sources.kafka.secured.conftest import Trust
from tests.sources.kinesis.providing import Metadata, metadata
from tests.waiting import wait_for

OLD, NEW = ("AKIDOLD", "the-old-secret"), ("AKIDNEW", "the-new-secret")


class Keys(dict[str, str]):
    """The keys that the brokers know, and those that were shown."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        super().__init__(pairs)
        self.shown: list[str] = []

    def __contains__(self, key: object) -> bool:
        self.shown.append(str(key))
        return super().__contains__(key)


@pytest.fixture
def role(aws: pytest.MonkeyPatch) -> Iterator[Metadata]:
    """A container's role is all there is."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        aws.delenv(name)
    aws.setattr(broker_connection, "_ROLE_SECONDS", 0.5)
    with metadata() as service:
        aws.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url)
        service.key = OLD
        yield service


@contextmanager
def brokers(trust: Trust, keys: Keys) -> Iterator[ReferenceKafka]:
    """A cluster that lets in whoever has one of the keys."""
    listener = KafkaListener("IAM", trust.server(), ("AWS_MSK_IAM",))
    with ReferenceKafka(
        Spec(brokers=1), Access(listeners=(listener,), credentials=BrokerUsers(aws_keys=keys))
    ) as kafka:
        yield kafka


def cluster(trust: Trust, kafka: ReferenceKafka) -> str:
    """The cluster, in a configuration."""
    sasl = "sasl: {mechanism: AWS_MSK_IAM, aws_region: us-east-1}"
    tls = f"tls: {{ca_file: '{trust.authority.file}'}}"
    return f"kafka: [{{name: iam, bootstrap: ['{kafka.bootstrap}'], interval: 1s, {tls}, {sasl}}}]\n"


def agent(trust: Trust, kafka: ReferenceKafka, more: str = "") -> config.Config:
    """An agent of this cluster."""
    text = f"{cluster(trust, kafka)}listen: {{address: '127.0.0.1:0', reload: true}}\n{more}"
    return parse(text, "test.yaml", Path())


def restart(kafka: ReferenceKafka) -> None:
    """End every connection: who comes again has to log in again."""
    kafka.do(lambda site, now: faults.stop(site, now, broker=1))
    kafka.do(lambda site, now: faults.start(site, now, broker=1))


def know(kafka: ReferenceKafka, keys: Keys) -> None:
    """Let in whoever has one of these keys, and nobody else."""

    def change(site: Site, _: float) -> None:
        site.access = replace(site.access, credentials=BrokerUsers(aws_keys=keys))

    kafka.do(change)


def is_up(page: str) -> bool:
    return 'streamwatch_source_up{source="iam"} 1' in page


def test_a_role_whose_keys_are_rotated_is_let_in_without_a_restart(trust: Trust, role: Metadata, start: Start) -> None:
    with brokers(trust, Keys(OLD)) as kafka:
        app = start(agent(trust, kafka))
        wait_for(lambda: is_up(get(app, "/metrics")[1]), 20, "the cluster is read")
        know(kafka, Keys(NEW))
        restart(kafka)
        wait_for(lambda: not is_up(get(app, "/metrics")[1]), 20, "nobody lets the agent in")
        role.key = NEW
        wait_for(lambda: is_up(get(app, "/metrics")[1]), 20, "the new keys are shown")
        app.stop()


def test_a_reload_resolves_the_credentials_of_logins_signatures_and_channels_anew(
    trust: Trust, role: Metadata, start: Start
) -> None:
    keys = Keys(OLD, NEW)  # the old ones are good, too: nothing but the reload says that there are others
    with brokers(trust, keys) as kafka, receiver() as samples:
        signed = "sigv4: {region: us-east-1}"
        more = f"remote_write: [{{name: amp, url: '{samples.url}', interval: 1s, version: '1.0', {signed}}}]\n"
        more += "notify: {sns: [{name: sms, topic_arn: 'arn:aws:sns:us-east-1:123456789012:t'}]}\n"
        settings = agent(trust, kafka, more)
        app = start(settings, lambda: settings)
        wait_for(lambda: samples.requests, 20, "samples are sent")
        channels = app._alerting.notifications._now.deliveries.all
        role.key = NEW
        restart(kafka)
        sent = len(samples.requests)
        wait_for(lambda: len(samples.requests) > sent + 1, 20, "samples are sent again")
        assert {one.headers["authorization"].split("/")[0] for one in samples.requests} == {
            "AWS4-HMAC-SHA256 Credential=AKIDOLD"
        }
        assert set(keys.shown) == {"AKIDOLD"}
        asked = len(role.asked)

        assert get(app, "/-/reload", "POST")[0] == 200
        restart(kafka)
        wait_for(lambda: "AKIDNEW" in keys.shown, 20, "the new keys are shown to the brokers")
        wait_for(lambda: "Credential=AKIDNEW/" in str(samples.requests[-1]), 20, "and sign what is sent")
        assert len(role.asked) == asked + 2
        fresh = app._alerting.notifications._now.deliveries.all
        assert not {one.integration.notifier for one in channels} & {one.integration.notifier for one in fresh}
        app.stop()


def findings(trust: Trust, kafka: ReferenceKafka) -> dict[str, Finding]:
    found: list[Finding] = []
    check_up(agent(trust, kafka), found.append)
    return {one.step: one for one in found}


def test_doctor_names_the_provider_of_what_is_shown_to_brokers(trust: Trust, role: Metadata) -> None:
    with brokers(trust, Keys(OLD)) as kafka:
        told = findings(trust, kafka)["login"]
        assert (told.verdict, told.detail) == ("ok", "AWS_MSK_IAM: accepted; from container-role")
        role.body = b"not yet"
        told = findings(trust, kafka)["login"]
        assert told.verdict == "failed"
        assert "env, assume-role" in told.detail
        assert "container-role: " in told.detail
        assert "role" in told.remedy


@pytest.mark.usefixtures("role")
def test_a_program_that_hangs_is_named_and_hangs_nothing_else(
    trust: Trust, aws: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A provider's time is not the brokers': it is no broker that does not answer."""
    aws.setattr(auth, "_LOOKUP_SECONDS", 0.3)
    aws.delenv("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    fifo = tmp_path / "never"
    os.mkfifo(fifo)
    (tmp_path / "config").write_text(f"[default]\ncredential_process = cat {fifo}\n", encoding="utf-8")
    aws.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with brokers(trust, Keys(OLD)) as kafka:
        watched = agent(trust, kafka).kafka[0]
        source = KafkaSource(watched, SystemClock(), lambda: None)
        try:
            now = source.read()
            assert {one.reason for one in now.problems} == {"denied"}
            assert "no provider gave credentials within 0.3s" in now.problems[0].detail
        finally:
            told = f'{{"Version": 1, "AccessKeyId": "{OLD[0]}", "SecretAccessKey": "{OLD[1]}"}}'
            fifo.write_text(told, encoding="utf-8")  # the program ends
        wait_for(lambda: source.read().problems == (), 10, "what it gives is shown")
        source.close()

"""Certificates and AWS credentials that the tests of locked clusters share."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest

from streamwatch.sources.kafka.config import KafkaTls
from tests.real.certificates import Authority, Identity


@dataclass(frozen=True)
class Trust:
    """An authority, what it issued, and what both sides need of it."""

    authority: Authority
    broker: Identity
    agent: Identity

    def server(self, *, mutual: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.broker.certificate, self.broker.key)
        if mutual:
            context.load_verify_locations(self.authority.file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self) -> KafkaTls:
        return KafkaTls(ca_file=str(self.authority.file))


@pytest.fixture(scope="package")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    authority = Authority(tmp_path_factory.mktemp("trust"))
    return Trust(authority, authority.issue("broker"), authority.issue("agent"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment in which AWS credentials are found, and found nowhere else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example-secret-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "example/token+==")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    return monkeypatch

"""Workers whose REST API is encrypted, and those that want to see the agent's certificate."""

import ssl
from pathlib import Path

import pytest

from streamwatch.model.connect import ConnectSnapshot
from tests.real.certificates import Authority, Identity
from tests.sources.connect.service import Service, running, served
from tests.sources.connect.test_source import reasons, source

SERVICE = Service({"out": running("RUNNING")})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def worker(authority: Authority) -> Identity:
    return authority.issue("worker")


def context(worker: Identity, clients: Authority | None = None) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(worker.certificate, worker.key)
    if clients is not None:
        found.load_verify_locations(clients.file)
        found.verify_mode = ssl.CERT_REQUIRED
    return found


def read(url: str, **tls: Path) -> ConnectSnapshot:
    files = ", ".join(f"{name}: '{path}'" for name, path in tls.items())
    return source([url], f", tls: {{{files}}}").read()


def test_a_worker_is_read_by_tls_and_one_that_is_not_trusted_is_refused(
    authority: Authority, worker: Identity, tmp_path: Path
) -> None:
    with served(SERVICE, context(worker)) as url:
        assert read(url, ca_file=authority.file).problems == ()
        other = Authority(tmp_path, "other")
        stranger = read(url, ca_file=other.file)

    assert (stranger.is_up, [one.is_up for one in stranger.workers]) == (False, [None])
    assert set(reasons(stranger)) == {("worker", "denied")}
    assert "tls.ca_file" in stranger.problems[0].detail


def test_the_agent_shows_its_certificate_where_one_is_wanted(authority: Authority, worker: Identity) -> None:
    agent = authority.issue("agent")
    with served(SERVICE, context(worker, authority)) as url:
        own = read(url, ca_file=authority.file, cert_file=agent.certificate, key_file=agent.key)
        bare = read(url, ca_file=authority.file)

    assert own.problems == ()
    assert not bare.is_up


def test_files_that_are_no_certificates_are_named(authority: Authority, tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("nothing")
    now = read("https://127.0.0.1:1", ca_file=authority.file, cert_file=odd, key_file=odd)

    assert set(reasons(now)) == {("worker", "denied")}
    assert "its files cannot be used" in now.problems[0].detail


def test_a_worker_without_tls_is_no_worker_with_it(authority: Authority) -> None:
    with served(SERVICE) as url:
        now = read(url.replace("http:", "https:"), ca_file=authority.file)

    assert not now.is_up
    assert [one.is_up for one in now.workers] == [None]

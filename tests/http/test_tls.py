import contextlib
import http.client
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from streamwatch.core.errors import ExportError
from streamwatch.http.server import Config, Server, ServerTls
from tests.http.serving import LOCAL, PATIENCE, World, ask, page, serving
from tests.real.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def tls(authority: Authority, client_ca_file: Path | None = None) -> Config:
    own = authority.issue("server")
    trusted = None if client_ca_file is None else str(client_ca_file)
    return replace(LOCAL, tls=ServerTls(cert_file=str(own.certificate), key_file=str(own.key), client_ca_file=trusted))


def client(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


def test_pages_are_served_encrypted(authority: Authority) -> None:
    world = World(page(200_000))
    with serving(tls(authority), world) as server:
        assert ask(server, "/metrics", tls=client(authority)).body == world.page.text


def test_old_tls_is_refused(authority: Authority) -> None:
    old = client(authority)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with serving(tls(authority)) as server, pytest.raises(ssl.SSLError):
        ask(server, "/metrics", tls=old)


def test_a_client_without_tls_gets_nothing_and_harms_nobody(authority: Authority) -> None:
    with serving(tls(authority)) as server:
        with pytest.raises((http.client.BadStatusLine, ConnectionError)):
            ask(server, "/metrics")
        assert ask(server, "/healthz", tls=client(authority)).status == 200


def test_a_client_that_says_nothing_does_not_keep_others_waiting(authority: Authority) -> None:
    with serving(tls(authority)) as server, contextlib.ExitStack() as silent:
        for _ in range(5):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        assert ask(server, "/healthz", tls=client(authority)).status == 200


def test_only_clients_with_a_certificate_are_heard(authority: Authority, tmp_path: Path) -> None:
    theirs = Authority(tmp_path, "theirs")
    known, stranger = client(authority), client(authority)
    pair, other = theirs.issue("prometheus"), authority.issue("stranger")
    known.load_cert_chain(pair.certificate, pair.key)
    stranger.load_cert_chain(other.certificate, other.key)
    with serving(tls(authority, theirs.file)) as server:
        assert ask(server, "/metrics", tls=known).status == 200
        for refused in (stranger, client(authority)):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                ask(server, "/metrics", tls=refused)


def test_a_new_certificate_on_disk_is_taken_without_a_restart(authority: Authority) -> None:
    def shown(server: Server) -> bytes | None:
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as plain,
            client(authority).wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        ):
            return encrypted.getpeercert(binary_form=True)

    with serving(tls(authority)) as server:
        before = shown(server)
        authority.issue("server")
        assert shown(server) == before
        server.reload_tls()
        assert shown(server) != before


def test_a_half_written_certificate_is_refused_and_the_old_one_stays(authority: Authority) -> None:
    config = tls(authority)
    assert config.tls is not None
    with serving(config) as server:
        Path(config.tls.cert_file).write_text("-----BEGIN CERT", encoding="ascii")
        with pytest.raises(ExportError, match=r"http server: tls: .*server\.crt"):
            server.reload_tls()
        assert ask(server, "/healthz", tls=client(authority)).status == 200


def test_an_encrypted_key_is_refused_and_not_asked_for_on_the_terminal(authority: Authority) -> None:
    config = tls(authority)
    assert config.tls is not None
    key = load_pem_private_key(Path(config.tls.key_file).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    Path(config.tls.key_file).write_bytes(encrypted)
    with pytest.raises(ExportError, match="give a PEM certificate and its plain key"), serving(config):
        pass


def test_a_missing_authority_is_named(authority: Authority, tmp_path: Path) -> None:
    config = tls(authority, tmp_path / "none.pem")
    with pytest.raises(ExportError, match=r"client_ca_file: .*none\.pem"), serving(config):
        pass

import base64
import contextlib
import gzip
import http.client
import socket
import threading
from dataclasses import replace

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import ConfigError, ExportError
from streamwatch.export.endpoints import HEALTHY, READY, Health, endpoints
from streamwatch.http.listener import CONNECTIONS, SPARE_CONNECTIONS, Slot
from streamwatch.http.server import BasicAuth, Server
from streamwatch.settings.types import HostPort, Secret
from tests.core.probes import eventually
from tests.http.serving import HOME, LOCAL, PATIENCE, WELL, World, ask, page, serving


@pytest.mark.parametrize(
    ("address", "host"),
    [("127.0.0.1:0", "127.0.0.1"), ("localhost:0", "127.0.0.1"), ("0.0.0.0:0", socket.gethostname())],
)
def test_it_says_where_it_can_be_asked(address: str, host: str) -> None:
    with serving(replace(LOCAL, address=HostPort.read(address))) as server:
        assert server.url == f"http://{host}:{server.port}"


class TestPages:
    @pytest.mark.parametrize("zipped", [False, True])
    @pytest.mark.parametrize("openmetrics", [False, True])
    def test_metrics_come_as_the_client_likes(self, *, zipped: bool, openmetrics: bool) -> None:
        headers = {"Accept": "application/openmetrics-text; version=1.0.0"} if openmetrics else {}
        headers |= {"Accept-Encoding": "gzip"} if zipped else {}
        world = World(page())
        with serving(world=world) as server:
            got = ask(server, "/metrics", headers)
        kind = "application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain; version=0.0.4"
        assert got.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert got.headers["Vary"] == "Accept, Accept-Encoding"
        assert got.headers["Content-Encoding"] == ("gzip" if zipped else None)
        body = gzip.decompress(got.body) if zipped else got.body
        assert body == (world.page.openmetrics if openmetrics else world.page.text)

    def test_a_new_page_is_served_at_once(self) -> None:
        world = World(page(1))
        with serving(world=world) as server:
            ask(server, "/metrics")
            world.page = page(2)
            assert ask(server, "/metrics").body == world.page.text

    def test_head_says_the_length_only(self) -> None:
        with serving() as server:
            got = ask(server, "/metrics", method="HEAD")
        assert (got.status, got.body) == (200, b"")
        assert int(got.headers["Content-Length"]) == len(page().text)

    def test_the_status_is_for_people(self) -> None:
        with serving() as server:
            got = ask(server, "/")
        assert (got.body, got.headers["Content-Type"]) == (b"all is well\n", "text/plain; charset=utf-8")

    @pytest.mark.parametrize("zipped", [False, True])
    def test_a_browser_gets_the_page_for_people(self, *, zipped: bool) -> None:
        with serving() as server:
            got = ask(server, "/", {"Accept": "text/html", **({"Accept-Encoding": "gzip, br"} if zipped else {})})
        assert got.headers["Content-Type"] == "text/html; charset=utf-8"
        assert got.headers["Content-Encoding"] == ("gzip" if zipped else None)
        assert (gzip.decompress(got.body) if zipped else got.body) == HOME

    @pytest.mark.parametrize("path", [*HEALTHY, *READY])
    def test_health_is_ok_or_the_reasons_why_not(self, path: str) -> None:
        world = World(page())
        with serving(world=world) as server:
            got = ask(server, path)
            assert (got.status, got.body) == (200, b"ok\n")
            world.health = world.ready = Health(("job 'prod': hangs", "no page yet"))
            got = ask(server, path)
            assert (got.status, got.body) == (503, b"job 'prod': hangs\nno page yet\n")

    def test_health_and_readiness_are_two_things(self) -> None:
        with serving(world=World(page(), ready=Health(("not yet",)))) as server:
            assert ask(server, "/healthz").status == 200
            assert ask(server, "/readyz").status == 503

    def test_an_unknown_path_is_told_what_there_is(self) -> None:
        with serving() as server:
            got = ask(server, "/metric")
        assert got.status == 404
        assert b"/metrics" in got.body

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", "/metrics", "GET, HEAD"),
            ("PUT", "/healthz", "GET, HEAD"),
            ("GET", "/-/reload", "POST"),
        ],
    )
    def test_a_wrong_method_is_told_the_right_one(self, method: str, path: str, allowed: str) -> None:
        with serving() as server:
            got = ask(server, path, method=method)
        assert (got.status, got.headers["Allow"]) == (405, allowed)

    def test_one_connection_serves_many_requests(self) -> None:
        with serving() as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
            with contextlib.closing(connection):
                connection.connect()
                before = connection.sock
                for _ in range(5):
                    connection.request("GET", "/metrics")
                    connection.getresponse().read()
                assert connection.sock is before

    def test_answers_are_counted_by_code(self) -> None:
        with serving() as server:
            for path in ("/metrics", "/", "/nowhere"):
                ask(server, path)
            assert server.counts() == {200: 2, 404: 1}


class TestReload:
    def test_it_is_off_unless_enabled(self) -> None:
        calls: list[int] = []
        with serving(world=World(page(), reload=lambda: calls.append(1))) as server:
            got = ask(server, "/-/reload", method="POST")
        assert (got.status, calls) == (403, [])
        assert b"reload: true" in got.body

    def test_it_reloads(self) -> None:
        calls: list[int] = []
        with serving(replace(LOCAL, reload=True), World(page(), reload=lambda: calls.append(1))) as server:
            got = ask(server, "/-/reload", method="POST")
        assert (got.status, calls) == (200, [1])

    @pytest.mark.parametrize(
        "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_a_page_of_another_site_reloads_nothing(self, headers: dict[str, str]) -> None:
        calls: list[int] = []
        with serving(replace(LOCAL, reload=True), World(page(), reload=lambda: calls.append(1))) as server:
            got = ask(server, "/-/reload", headers, method="POST")
        assert (got.status, calls) == (403, [])

    def test_a_refused_configuration_is_told_with_all_its_mistakes(self) -> None:
        def refuse() -> None:
            raise ConfigError(["a.yaml:1: one", "a.yaml:2: two"])

        with serving(replace(LOCAL, reload=True), World(page(), reload=refuse)) as server:
            got = ask(server, "/-/reload", method="POST")
        assert (got.status, got.body) == (400, b"a.yaml:1: one\na.yaml:2: two\n")


class TestBasicAuth:
    CONFIG = replace(LOCAL, reload=True, basic_auth=BasicAuth(username="prom", password=Secret("pä:ss")))

    @staticmethod
    def header(text: str, scheme: str = "Basic") -> dict[str, str]:
        return {"Authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}

    def test_who_knows_the_password_is_let_in(self) -> None:
        with serving(self.CONFIG) as server:
            assert ask(server, "/metrics", self.header("prom:pä:ss")).status == 200
            assert ask(server, "/metrics", self.header("prom:pä:ss", "bAsIc")).status == 200

    @pytest.mark.parametrize(
        "path", ["/metrics", "/", "/nowhere", "/-/reload", "/api/v1/query", "/api/v2/silences", "/healthz/x"]
    )
    def test_nobody_else_is_wherever_they_go(self, path: str) -> None:
        wrong = [
            {},
            self.header("prom:wrong"),
            self.header("other:pä:ss"),
            self.header("prom"),
            self.header("prom:pä:ss", "Bearer"),
            {"Authorization": "Basic"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic \xe4"},
        ]
        with serving(self.CONFIG) as server:
            for headers in wrong:
                got = ask(server, path, headers)
                assert got.status == 401
                assert got.headers["WWW-Authenticate"].startswith("Basic realm=")
                assert b"ss" not in got.body.replace(b"missing", b"").replace(b"password", b"")

    def test_probes_need_no_password(self) -> None:
        with serving(self.CONFIG) as server:
            assert ask(server, "/healthz").status == 200
            assert ask(server, "/readyz").status == 200


class TestAddress:
    def test_an_address_in_use_is_told_and_what_to_do(self) -> None:
        with serving() as first:
            taken = replace(LOCAL, address=HostPort.read(first.address))
            with pytest.raises(ExportError, match=r"cannot listen on '127.0.0.1:.*in use: stop what listens"):
                Server(taken, endpoints(page=page, health=Health, ready=Health, status=str)).start()

    @pytest.mark.parametrize("address", ["no-such-host.invalid:1", "192.0.2.1:1"])
    def test_an_address_that_cannot_be_had_is_told(self, address: str) -> None:
        config = replace(LOCAL, address=HostPort.read(address))
        with pytest.raises(ExportError, match="http server: cannot listen on"), serving(config):
            pass

    def test_ipv6_is_spoken(self) -> None:
        try:
            with serving(replace(LOCAL, address=HostPort("::1", 0))) as server:
                assert server.address == f"[::1]:{server.port}"
                with socket.create_connection(("::1", server.port), timeout=PATIENCE) as client:
                    client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                    assert client.recv(4096).startswith(b"HTTP/1.1 200")
        except ExportError as error:
            pytest.skip(f"no IPv6 here: {error}")


class TestCrowds:
    def test_fifty_scrapers_at_once_all_get_the_page(self) -> None:
        world = World(page(10_000))
        together = threading.Barrier(50)
        got: list[bytes] = []

        def scrape(server: Server) -> None:
            together.wait(PATIENCE)
            got.append(ask(server, "/metrics").body)

        with serving(world=world) as server:
            threads = [threading.Thread(target=scrape, args=(server,)) for _ in range(50)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        assert len(got) == 50
        assert set(got) == {world.page.text}

    def test_a_crowd_of_silent_clients_cannot_keep_probes_out(self) -> None:
        with serving() as server, contextlib.ExitStack() as crowd:
            for _ in range(CONNECTIONS):
                self.crowd_in(server, crowd)
            assert ask(server, "/healthz").status == 200
            got = ask(server, "/metrics")
            assert (got.status, got.headers["Retry-After"]) == (503, "1")
            assert b"busy" in got.body

    def test_who_comes_on_top_of_all_gets_the_slot_of_the_slowest(self) -> None:
        with serving() as server, contextlib.ExitStack() as crowd:
            first = self.crowd_in(server, crowd)
            for _ in range(CONNECTIONS + SPARE_CONNECTIONS - 1):
                self.crowd_in(server, crowd)
            assert ask(server, "/healthz").status == 200
            assert first.recv(1) == b""
            assert len(server._listener._connections) <= CONNECTIONS + SPARE_CONNECTIONS

    def test_who_comes_on_top_of_all_that_wait_for_a_response_is_turned_away(self) -> None:
        done, world = threading.Event(), World(page())

        def hangs() -> Health:
            done.wait(PATIENCE)
            return WELL

        with serving(world=World(page(), hangs=hangs)) as server:
            with contextlib.ExitStack() as crowd:
                for _ in range(CONNECTIONS + SPARE_CONNECTIONS):
                    self.crowd_in(server, crowd).sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
                assert eventually(lambda: not any(slot.waits for slot in self.slots(server)))
                with pytest.raises((http.client.BadStatusLine, ConnectionError)):
                    ask(server, "/readyz")
                done.set()
            assert eventually(lambda: not server._listener._connections)
            assert ask(server, "/metrics").body == world.page.text

    def test_one_address_cannot_keep_scrapers_of_another_out(self) -> None:
        with serving() as server, contextlib.ExitStack() as crowd:
            for _ in range(CONNECTIONS + SPARE_CONNECTIONS):
                self.crowd_in(server, crowd)
            scraper = self.crowd_in(server, crowd, "127.0.0.2")
            for _ in range(SPARE_CONNECTIONS):
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
            assert ask(server, "/readyz").status == 200
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert b"".join(iter(lambda: scraper.recv(65536), b"")).startswith(b"HTTP/1.1 200 ")

    def test_among_slow_clients_a_scraper_between_two_scrapes_is_the_last_to_go(self) -> None:
        with serving() as server, contextlib.ExitStack() as crowd:
            scraper = self.crowd_in(server, crowd)
            scraper.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert scraper.recv(65536).startswith(b"HTTP/1.1 200 ")
            for _ in range(CONNECTIONS + SPARE_CONNECTIONS - 1):
                self.crowd_in(server, crowd)
            for _ in range(2 * CONNECTIONS):
                crowd.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE))
            assert ask(server, "/healthz").status == 200
            scraper.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert scraper.recv(65536).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize(("address", "again"), [("127.0.0.1", False), ("127.0.0.2", True)])
    def test_probes_are_answered_beside_hundreds_of_slow_clients(self, address: str, *, again: bool) -> None:
        done = threading.Event()

        def drip(server: Server) -> None:
            """Send a byte on each of 600 connections, again and again; perhaps connect anew where one was dropped."""
            clients = [self.slow_client(server, address) for _ in range(600)]
            while not done.wait(0.02):
                for at, client in enumerate(clients):
                    try:
                        client.send(b"G")
                    except BlockingIOError:
                        continue
                    except OSError:
                        client.close()
                        clients[at] = self.slow_client(server, address) if again else client
            for client in clients:
                client.close()

        with serving() as server:
            crowd = threading.Thread(target=drip, args=(server,))
            crowd.start()
            try:
                assert eventually(lambda: len(self.slots(server)) == CONNECTIONS + SPARE_CONNECTIONS)
                assert [ask(server, "/healthz").status for _ in range(30)] == [200] * 30
            finally:
                done.set()
                crowd.join(PATIENCE)

    def test_probes_are_answered_beside_clients_that_do_not_read_their_answer(self) -> None:
        with serving(world=World(page(400_000))) as server, contextlib.ExitStack() as crowd:
            for _ in range(CONNECTIONS):
                client = crowd.enter_context(socket.socket())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.connect(("127.0.0.1", server.port))
                client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert [ask(server, "/healthz").status for _ in range(30)] == [200] * 30

    @staticmethod
    def slow_client(server: Server, address: str) -> socket.socket:
        client = socket.socket()
        client.bind((address, 0))
        client.setblocking(False)  # noqa: FBT003 - the name of the setting
        client.connect_ex(("127.0.0.1", server.port))
        return client

    def test_stop_ends_idle_connections_at_once_and_leaves_no_threads(self) -> None:
        before = set(threading.enumerate())
        clock = SystemClock()
        with serving() as server:
            idle = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(10)]
            for client in idle:
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                assert client.recv(4096).startswith(b"HTTP/1.1 200")
            begun = clock.monotonic()
        assert clock.monotonic() - begun < 2
        assert set(threading.enumerate()) <= before
        for client in idle:
            assert client.recv(1) == b""
            client.close()

    def crowd_in(self, server: Server, crowd: contextlib.ExitStack, address: str = "127.0.0.1") -> socket.socket:
        """Connect, and wait until the server has noticed."""
        before = set(self.slots(server))
        client = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE, source_address=(address, 0))
        crowd.enter_context(client)
        assert eventually(lambda: bool(set(self.slots(server)) - before))
        return client

    @staticmethod
    def slots(server: Server) -> list[Slot]:
        return list(server._listener._connections.values())

"""Alertmanager's API v2, over a real agent's sockets: what Grafana and a person ask, and who may not."""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatch.cli.alerts import alerts
from tests.notify.receiver import Receiver, receiver
from tests.notify.silencing import Client, running, silence, started
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def service() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


@pytest.fixture
def agent(tmp_path: Path, service: Receiver) -> Iterator[Client]:
    with running(tmp_path, service) as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, service: Receiver) -> Iterator[Client]:
    """An agent for questions whose answer does not depend on what others silenced."""
    with running(tmp_path_factory.mktemp("shared"), service) as found:
        yield found


def test_alerts_are_listed_as_alertmanager_does(agent: Client) -> None:
    assert agent.names() == ["Alive", "Down", "Effect", "Slow"], "what is pending is none yet"
    (down,) = agent.get("alerts", filter=['alertname="Down"', "team=~da.*"])
    assert down["annotations"] == {"summary": "it is down"}
    assert [one["name"] for one in down["receivers"]] == ["hook", "quiet"]
    assert down["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}
    assert datetime.fromisoformat(down["startsAt"]) < datetime.fromisoformat(down["endsAt"])
    (effect,) = agent.get("alerts", filter="alertname=Effect")
    assert effect["status"]["state"] == "suppressed"
    assert effect["status"]["inhibitedBy"] == [down["fingerprint"]]
    assert agent.names(inhibited="false") == ["Alive", "Down", "Slow"]
    assert agent.names(active="false") == ["Effect"]
    assert agent.names(receiver="hook") == ["Down", "Effect"]
    assert agent.names(receiver="null") == ["Alive"]
    assert agent.names(receiver="qu.*", filter="team=web") == ["Slow"]


def test_the_time_interval_that_mutes_an_alert_is_named(tmp_path: Path, service: Receiver) -> None:
    with running(tmp_path, service, muted=", mute_time_intervals: [always]") as agent:
        (slow,) = agent.get("alerts", filter="alertname=Slow")
        assert slow["status"] == {"state": "suppressed", "silencedBy": [], "inhibitedBy": [], "mutedBy": ["always"]}
        (group,) = [each for each in agent.get("alerts/groups") if each["alerts"][0]["labels"]["alertname"] == "Slow"]
        assert group["alerts"][0]["status"]["mutedBy"] == ["always"]
        groups = agent.get("alerts/groups", muted="false")
        names = {alert["labels"]["alertname"] for group in groups for alert in group["alerts"]}
        assert names == {"Down", "Alive"}
        assert (
            "nobody was notified · quiet is muted by always"
            in agent.ask("GET", "/", headers={"Accept": "text/html"})[1]
        )
        listed = CliRunner().invoke(alerts, ["--url", f"http://{agent.address}"]).stdout
        assert "Slow · fires for " in listed
        assert "nobody was notified · muted by always" in listed


def test_a_grafana_that_has_it_as_a_data_source_sees_and_silences(agent: Client, service: Receiver) -> None:
    """The calls that Grafana's Alertmanager data source makes, of the implementation `prometheus`."""
    status = agent.get("status")
    assert {one["name"] for one in json.loads(status["config"]["original"])["receivers"]} == {"hook", "quiet", "null"}
    assert status["versionInfo"]["version"]
    assert status["cluster"] == {"status": "disabled", "peers": []}
    assert [one["name"] for one in agent.get("receivers")] == ["hook", "null", "quiet"]
    groups = agent.get("alerts/groups", silenced="true", inhibited="true", active="true")
    assert {(one["receiver"]["name"], each["labels"]["alertname"]) for one in groups for each in one["alerts"]} == {
        ("hook", "Down"), ("hook", "Effect"), ("quiet", "Down"), ("quiet", "Effect"), ("quiet", "Slow"),
        ("null", "Alive"),
    }  # fmt: skip
    code, made = agent.ask("POST", "/api/v2/silences", silence(("team", "web")))
    assert (code, list(made)) == (200, ["silenceID"])
    (slow,) = agent.get("alerts", filter="alertname=Slow")
    assert slow["status"] == {
        "state": "suppressed", "silencedBy": [made["silenceID"]], "inhibitedBy": [], "mutedBy": [],
    }  # fmt: skip
    assert agent.names(silenced="false") == ["Alive", "Down", "Effect"]
    assert [one["id"] for one in agent.get("silences", filter='team="web"')] == [made["silenceID"]]
    assert agent.get("silences", filter='team="data"') == []
    (muted,) = [one for one in agent.get("alerts/groups", receiver="quiet") if one["labels"].get("alertname") == "Slow"]
    assert muted["alerts"][0]["status"]["state"] == "suppressed"
    assert all(one["labels"].get("alertname") != "Slow" for one in agent.get("alerts/groups", muted="false"))
    assert agent.ask("DELETE", f"/api/v2/silence/{made['silenceID']}")[0] == 200
    (one,) = agent.get("silences")
    assert one["status"] == {"state": "expired"}
    wait_for(lambda: any("Slow" in each.body.decode() for each in service.requests), 20, "it is told after all")


def test_a_silence_is_changed_as_alertmanager_does(agent: Client) -> None:
    _, made = agent.ask("POST", "/api/v2/silences", silence(("team", "data")))
    _, kept = agent.ask("GET", f"/api/v2/silence/{made['silenceID']}")
    longer = {**silence(("team", "data"), lasts=7200), "id": kept["id"], "startsAt": kept["startsAt"]}
    assert agent.ask("POST", "/api/v2/silences", longer)[1]["silenceID"] == made["silenceID"]
    other = {**longer, "matchers": silence(("team", "web"))["matchers"]}
    _, fresh = agent.ask("POST", "/api/v2/silences", other)
    assert fresh["silenceID"] != made["silenceID"]
    states = {one["id"]: one["status"]["state"] for one in agent.get("silences")}
    assert states == {made["silenceID"]: "expired", fresh["silenceID"]: "active"}
    _, coming = agent.ask("POST", "/api/v2/silences", silence(("team", "data"), starts=600))
    assert agent.ask("GET", f"/api/v2/silence/{coming['silenceID']}")[1]["status"]["state"] == "pending"
    assert [one["status"]["state"] for one in agent.get("silences")] == ["active", "pending", "expired"]
    assert len(agent.get("silences", expired="false", pending="false")) == 1
    assert agent.names(silenced="false") == ["Alive", "Down", "Effect"], "what is to come silences nothing yet"
    assert agent.ask("POST", "/api/v2/silences", {**longer, "id": "00000000-0000-4000-8000-000000000999"})[0] == 404
    assert agent.ask("GET", "/api/v2/silence/of-nobody")[0] == 404
    assert agent.ask("DELETE", "/api/v2/silence/00000000-0000-4000-8000-000000000999")[0] == 404


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ((("team", "dta"),), ["nothing has team=\"dta\": is 'data' meant?"]),
        ((("alertname", "Slowly"),), ["nothing has alertname=\"Slowly\": is 'Slow' meant?"]),
        ((("taem", "data"),), ["nothing has taem=\"data\": no alert, rule or series has a label 'taem'"]),
        ((("team", "web"), ("severity", "critical")), ["it matches no alert that is pending or fires now: it holds"]),
        ((("team", "late"),), []),
        ((("severity", "critical"), ("team", "data")), []),
    ],
)
def test_a_silence_that_matches_nothing_says_so(
    conditions: tuple[tuple[str, str], ...], said: list[str], shared: Client
) -> None:
    code, made = shared.ask("POST", "/api/v2/silences", silence(*conditions))
    assert code == 200
    found = made.get("warnings", [])
    assert len(found) == len(said)
    assert all(one.startswith(text) for one, text in zip(found, said, strict=True)), found


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        (b"[" * 50_000, "no JSON"),
        (b"[]", "no JSON object"),
        (silence(), "a list of 1 to 50"),
        (silence(("a b", "x")), "no name of a label"),
        (silence(("team", "")), "one must want a value"),
        (silence(("team", "x"), lasts=-1), "after startsAt"),
        (silence(("team", "x"), starts=-100, lasts=50), "in the past"),
        ({**silence(("team", "x")), "endsAt": "soon"}, "endsAt: an instant"),
        ({**silence(("team", "x")), "startsAt": 5}, "startsAt: an instant"),
        ({**silence(("team", "x")), "comment": None}, "comment: a text"),
        ({**silence(("team", "x")), "matchers": [{"name": "a", "value": "(", "isRegex": True}]}, "regular expression"),
        ({**silence(("team", "x")), "matchers": [{"name": "a", "value": "x", "isRegex": 1}]}, "true or false"),
        ({**silence(("team", "x")), "matchers": ["team=x"]}, "each is an object"),
        (silence(("team", "\ud800")), "team: its value is no text"),
        ({**silence(("team", "x")), "comment": "\udfff"}, "comment: a text"),
        ({**silence(("team", "x")), "createdBy": "\ud800"}, "createdBy: a text"),
    ],
)
def test_what_is_no_silence_is_refused_in_words(body: object, said: str, shared: Client) -> None:
    before = len(shared.get("silences"))
    code, told = shared.ask("POST", "/api/v2/silences", body)
    assert code == 400
    assert said in told
    assert len(shared.get("silences")) == before


@pytest.mark.parametrize(
    "end", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59", "9999-12-31T00:00:00+14:00", "9998-W01-1"]
)
def test_a_silence_without_an_end_in_sight_is_listed(end: str, shared: Client) -> None:
    code, made = shared.ask("POST", "/api/v2/silences", {**silence(("team", "none")), "endsAt": end})
    assert code == 200
    (found,) = [one for one in shared.get("silences") if one["id"] == made["silenceID"]]
    assert found["endsAt"] >= "9997-12"
    assert shared.ask("DELETE", f"/api/v2/silence/{made['silenceID']}")[0] == 200


@pytest.mark.parametrize(
    "query", ["filter=%22", "filter=team%3D~(", "receiver=(", "active=perhaps", "filter=" + "x" * 5000]
)
def test_a_question_that_cannot_be_understood_is_answered_400(query: str, shared: Client) -> None:
    assert shared.ask("GET", f"/api/v2/alerts?{query}")[0] == 400
    assert shared.ask("GET", f"/api/v2/alerts/groups?{query}")[0] == 400


FOREIGN: list[tuple[dict[str, str], int]] = [
    ({}, 200),
    ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ({"Origin": "http://HOST", "Sec-Fetch-Site": "same-origin"}, 200),
    ({"Host": "localhost:9308"}, 200),
    ({"Content-Type": ""}, 415),
    ({"Content-Type": "text/plain"}, 415),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://localhost:9999"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Host": "evil.example:9308", "Origin": "http://evil.example:9308"}, 403),
    ({"Host": "127.0.0.1.evil.example"}, 403),
    ({"Host": "[", "Origin": "http://["}, 403),
    ({"Origin": "http://["}, 403),
    ({"Origin": "http://HOST@evil.example"}, 403),
    ({"Origin": "http://HOST.evil.example"}, 403),
]


@pytest.mark.parametrize(("headers", "code"), FOREIGN)
def test_no_other_site_makes_a_silence(headers: dict[str, str], code: int, shared: Client) -> None:
    given = {name: text.replace("HOST", shared.address) for name, text in headers.items()}
    before = len(shared.get("silences"))
    found, made = shared.ask("POST", "/api/v2/silences", silence(("team", "data")), given)
    assert found == code
    assert len(shared.get("silences")) == before + (code == 200)
    if code == 200:
        assert shared.ask("DELETE", f"/api/v2/silence/{made['silenceID']}", headers=given)[0] == 200
    elif code == 403:
        assert shared.ask("DELETE", "/api/v2/silence/00000000-0000-4000-8000-000000000001", headers=given)[0] == 403


def test_bodies_are_bounded(shared: Client) -> None:
    assert shared.ask("POST", "/api/v2/silences", b" " * 65_537)[0] == 413
    assert shared.ask("POST", "/api/v2/silences", b"{}", {"Content-Length": "9" * 5000})[0] == 413
    assert shared.ask("POST", "/api/v2/silences", b"0\r\n\r\n", {"Transfer-Encoding": "chunked"})[0] == 411
    assert shared.ask("POST", "/api/v2/alerts", [])[0] == 405
    assert shared.ask("DELETE", "/api/v2/silences")[0] == 405
    assert shared.ask("PUT", "/api/v2/silences", {})[0] == 405
    assert shared.ask("OPTIONS", "/api/v2/silences")[0] == 405
    assert shared.ask("GET", "/api/v2/nothing")[0] == 404


def test_who_listens_for_everybody_takes_silences_of_those_who_are_known_only(
    tmp_path: Path, service: Receiver
) -> None:
    app = started(tmp_path, service, "0.0.0.0:0")
    try:
        code, told = Client(app).ask("POST", "/api/v2/silences", silence(("team", "data")))
        assert (code, "listen.basic_auth" in told) == (403, True)
        assert Client(app).get("silences") == []
    finally:
        app.stop()
    auth = ", basic_auth: {username: me, password: secret}"
    app = started(tmp_path, service, "0.0.0.0:0", auth)
    try:
        known = {"Authorization": f"Basic {b64encode(b'me:secret').decode()}"}
        client = Client(app)
        assert client.ask("POST", "/api/v2/silences", silence(("team", "data")))[0] == 401
        assert client.ask("POST", "/api/v2/silences", silence(("team", "data")), known)[0] == 200
        evil = {**known, "Origin": "https://evil.example"}
        assert client.ask("POST", "/api/v2/silences", silence(("team", "data")), evil)[0] == 403
    finally:
        app.stop()

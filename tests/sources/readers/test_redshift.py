"""Views of Redshift that read streams, watched on the reference."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.catalogue import attached_readers as a
from streamwatch.catalogue import readers as r
from streamwatch.core.errors import ConfigError
from streamwatch.reference.aws.redshift import MaterializedView, Redshift, Warehouse
from streamwatch.sources.readers.redshift_doctor import examine
from streamwatch.sources.readers.redshift_rows import statements
from tests.reference.kinesis.acting import Time
from tests.sources.kinesis.watching import config
from tests.sources.readers.attaching import World, world

WAREHOUSES: Final = ", interval: 300s, warehouses: [{workgroup: analytics, database: dev}]"
NAME: Final = "analytics/dev/clicks"
STATES, HISTORY, ERRORS = "sys_stream_scan_states", "sys_mv_refresh_history", "sys_stream_scan_errors"
VIEWS = "svv_mv_info"
OPERATIONS = ("ExecuteStatement", "DescribeStatement", "GetStatementResult")


@contextmanager
def asked(more: str = WAREHOUSES) -> Iterator[World]:
    """A warehouse called analytics, and the agent."""
    with world("redshift", more) as on:
        on.aws.do(lambda cloud, _: cloud.beside(Redshift).create("analytics"))
        yield on


def warehouse(on: World) -> Warehouse:
    return on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"])


def view(on: World) -> MaterializedView:
    poller = on.poller()
    return on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view("clicks", "s", poller))


def live(
    on: World, one: MaterializedView, seconds: float = 330, *, writes: bool = True, refreshes: bool = True
) -> None:
    """Write a record every ten seconds and refresh the view every thirty; the streams' source reads each minute."""
    until, turn = on.time.now() + seconds, 0
    while on.time.now() < until:
        if writes:
            on.put()
        if refreshes and turn % 3 == 0:
            on.aws.do(lambda _, now: one.refresh(now))
        if turn % 6 == 0:
            on.read(streams=True)
        turn += 1
        on.time.advance(10)


def test_one_that_is_well_is_joined_to_its_stream_and_its_lag_is_known() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 400)
        live(on, one)
        on.read(streams=True)

        assert on.all(r.STATE) == {("s", "redshift", NAME, "running"): 1}
        assert on.readers[NAME].positions[0].method == "moving"
        assert (on.value(r.LAG) or 0) <= 40
        assert (on.value(a.REFRESH_AGE) or 0) <= 30
        assert on.value(a.REFRESH_GAP) == pytest.approx(30, abs=5)
        assert on.value(r.LOST_RECORDS) == 0
        assert (on.value(r.TIME_TO_LOSS) or 0) > 86_000
        assert on.value(r.LAST_RESULT, "Refresh successfully updated MV incrementally.") == 1


def test_what_is_asked_costs_a_statement_for_each_system_view_and_interval() -> None:
    with asked() as on:
        live(on, view(on), 900)
        assert on.calls("ExecuteStatement") == 3 * 4


def test_a_quiet_stream_leaves_nothing_behind() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 60)
        on.time.advance(60)
        live(on, one, 1200, writes=False)
        on.read(streams=True)

        assert on.readers[NAME].positions[0].method == "idle"
        assert on.value(r.LAG) == 0


def test_a_view_that_is_not_refreshed_stands_still_and_grows_old() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 660)
        live(on, one, 1500, refreshes=False)
        on.read(streams=True)

        assert on.readers[NAME].positions[0].method == "standing"
        assert (on.value(r.LAG) or 0) > 1000
        assert (on.value(a.REFRESH_AGE) or 0) > 10 * (on.value(a.REFRESH_GAP) or 0) > 0


def test_a_refresh_that_failed_stops_it_in_the_services_words() -> None:
    with asked() as on:
        one = view(on)
        live(on, one)
        on.fault("view", warehouse="analytics", name="clicks", failing="Base table column type was changed")
        live(on, one, 400)
        on.read()

        assert on.value(r.UP) == 0
        assert on.value(a.REASON, "Refresh failed. Base table column type was changed") == 1

        on.fault("heal")
        live(on, one, 400)
        assert on.readers[NAME].state == "running"


def test_records_that_are_passed_over_are_lost_and_counted_once_each() -> None:
    with asked() as on:
        one = view(on)
        live(on, one)
        on.fault("view", warehouse="analytics", name="clicks", skipping=1)
        live(on, one, 300)
        on.fault("heal")
        live(on, one, 900)
        on.read()

        skipped = on.aws.do(lambda _, __: sum(scan.skipped for scan in one.scans))
        assert skipped > 5
        assert on.value(r.LOST_RECORDS) == skipped
        words = "Refresh successfully updated MV incrementally.; a record was passed over: Invalid JSON"
        assert on.value(r.LAST_RESULT, words) == 1


def test_one_of_a_topic_has_the_cluster_that_the_configuration_names_and_a_stream_has_none() -> None:
    more = WAREHOUSES.replace("database: dev", "database: dev, kafka_cluster: shop")
    with asked(more) as on:
        one = on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view("clicks", "orders"))
        on.aws.do(lambda _, now: one.scan_topic(3, 42, now))
        on.time.advance(100)
        on.read()
        assert on.reads() == ("shop", "orders", "")
        assert not any(why.startswith("cluster") for why in on.readers[NAME].unknown)
    with asked(more) as on:
        live(on, view(on))
        on.read()
        assert on.reads() == ("", "", "")


def test_one_of_a_topic_has_the_age_of_its_newest_record_as_bound() -> None:
    with asked() as on:
        one = on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view("clicks", "orders"))
        on.aws.do(lambda _, now: one.scan_topic(3, 42, now))
        on.time.advance(100)
        on.read()

        assert on.reads() == ("", "orders", "")
        assert [(p.part, p.method) for p in on.readers[NAME].positions] == [(str(at), "unknown") for at in range(3)]
        assert on.value(r.LAG) is None
        assert on.value(r.BOUND) == pytest.approx(100, abs=2)


def test_three_pages_are_read() -> None:
    with asked() as on:
        one = on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view("clicks", "orders"))
        on.aws.do(lambda _, now: one.scan_topic(250, 42, now))
        on.read()

        assert len(on.readers[NAME].positions) == 250
        assert on.calls("GetStatementResult") == 3 + 1 + 1 + 1


def drop(on: World, one: MaterializedView) -> None:
    on.aws.do(lambda _, __: setattr(one, "is_dropped", True))


def test_a_view_that_was_dropped_is_absent_from_the_next_answer_on() -> None:
    with asked() as on:
        one = view(on)
        on.aws.do(lambda cloud, _: cloud.beside(Redshift).warehouses["analytics"].view("other", "orders"))
        live(on, one)
        assert set(on.readers) == {NAME}

        drop(on, one)
        live(on, one, 330, refreshes=False)
        on.read()
        assert on.readers == {}
        assert on.problems() == set()


def test_a_list_without_any_view_is_not_believed_while_views_are_refreshed() -> None:
    with asked() as on:
        one = view(on)
        live(on, one)
        drop(on, one)
        live(on, one, 660)
        assert set(on.readers) == {NAME}, "the agent's user may not see it"

        live(on, one, 660, refreshes=False)
        assert on.readers == {}


def test_where_the_list_of_views_cannot_be_read_views_are_shown_as_before() -> None:
    with asked() as on:
        one = view(on)
        denied = "ERROR: permission denied for relation svv_mv_info"
        on.fault("statements", warehouse="analytics", of=VIEWS, error=denied)
        drop(on, one)
        live(on, one)

        assert set(on.readers) == {NAME}
        assert on.problems() == {("reader", "denied")}


def test_no_view_at_all_is_no_problem() -> None:
    with asked() as on:
        on.read()
        assert (on.snapshot.readers, on.problems()) == ((), set())


def test_a_statement_that_has_not_ended_is_not_begun_again() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 60)
        on.fault("statements", warehouse="analytics", takes=400)
        on.time.advance(300)
        on.read()
        begun = on.calls("ExecuteStatement")
        assert on.problems() == {("region", "timeout")}
        assert on.readers[NAME].state == "running", "what was answered last holds for two and a half intervals"

        on.time.advance(60)
        on.read()
        assert on.calls("ExecuteStatement") == begun
        on.aws.do(lambda cloud, _: setattr(cloud.beside(Redshift).warehouses["analytics"], "seconds", 0.0))
        on.time.advance(400)
        on.read()
        assert on.problems() == set()


def test_a_call_that_was_refused_is_made_again_at_the_next_look() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 60)
        on.fault("deny", operation="ExecuteStatement")
        on.time.advance(300)
        on.read()
        assert on.problems() == {("region", "denied")}

        on.fault("heal")
        on.time.advance(60)
        on.read()
        assert (on.value(r.UP), on.problems()) == (1, set())


def test_another_warehouse_is_known_though_one_is_refused() -> None:
    more = ", interval: 300s, warehouses: [{workgroup: analytics, database: dev}, {cluster: old, database: dev}]"
    with asked(more) as on:
        one = view(on)
        on.put()
        on.aws.do(lambda _, now: one.refresh(now))
        on.read()

        assert on.problems() == {("region", "error")}, "there is no such cluster"
        assert set(on.readers) == {NAME}


def test_scans_that_may_not_be_read_are_not_asked_for_again_before_their_time() -> None:
    with asked() as on:
        one = view(on)
        live(on, one, 60)
        denied = "ERROR: permission denied for relation sys_stream_scan_states"
        on.fault("statements", warehouse="analytics", of=STATES, error=denied)
        on.time.advance(300)
        on.read()
        begun = on.calls("ExecuteStatement")
        assert on.problems() == {("region", "denied")}
        assert on.snapshot.readers is None

        on.time.advance(60)
        on.read()
        assert on.calls("ExecuteStatement") == begun, "a statement that fails costs, too"


@pytest.mark.parametrize(("of", "unknown"), [(HISTORY, "refreshes"), (ERRORS, "errors")])
def test_a_part_that_cannot_be_read_leaves_the_others(of: str, unknown: str) -> None:
    with asked() as on:
        one = view(on)
        on.fault("statements", warehouse="analytics", of=of, error="ERROR: permission denied for relation")
        live(on, one, 60)

        assert on.problems() == {("reader", "denied")}
        assert any(word.startswith(unknown) for word in on.readers[NAME].unknown)
        assert on.readers[NAME].positions != ()
        assert (on.readers[NAME].state == "unknown") == (of == HISTORY)


def findings(on: World) -> dict[str, Any]:
    found = examine(on.config.readers.redshift, on.config.access, "us-east-1", Time(on.aws.clock()))
    return {one.step: one for one in found}


def test_the_check_up_tries_every_call_and_every_system_view() -> None:
    with asked() as on:
        one = view(on)
        on.put()
        on.aws.do(lambda _, now: one.refresh(now))
        found = findings(on)

    assert {step: each.verdict for step, each in found.items()} == dict.fromkeys(
        (*OPERATIONS, STATES, HISTORY, ERRORS, VIEWS), "ok"
    )


def test_the_check_up_warns_where_no_view_is_seen() -> None:
    with asked() as on:
        assert findings(on)[STATES].verdict == "warning"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_check_up_names_a_missing_right_with_its_policy(operation: str) -> None:
    with asked() as on:
        on.fault("deny", operation=operation)
        found = findings(on)[operation]

    assert found.verdict == "failed"
    policy: Any = json.loads(found.remedy.partition(": ")[2])
    actions = [policy["Action"]] if isinstance(policy["Action"], str) else policy["Action"]
    assert actions[0] == f"redshift-data:{operation}"


def test_the_check_up_says_which_system_view_may_not_be_read() -> None:
    with asked() as on:
        on.fault("statements", warehouse="analytics", of=HISTORY, error="ERROR: permission denied for relation x")
        found = findings(on)[HISTORY]
    assert (found.verdict, "sys:monitor" in found.remedy) == ("failed", True)


@pytest.mark.parametrize(
    ("warehouses", "wrong"),
    [
        ("[]", "at least one"),
        ("[{database: dev}]", "one of the two"),
        ("[{workgroup: w, cluster: c, database: dev}]", "one of the two"),
        ("[{workgroup: w, database: dev, db_user: me}]", "db_user"),
        ("[{workgroup: w, database: dev}, {workgroup: w, database: dev}]", "more than once"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(warehouses: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        config("http://127.0.0.1:1", f"readers: {{redshift: {{enabled: true, warehouses: {warehouses}}}}}")


def test_a_warehouse_says_its_region_where_there_are_several() -> None:
    more = "readers: {redshift: {enabled: true, warehouses: [{workgroup: w, database: dev}]}}"
    with pytest.raises(ConfigError, match="region"):
        config("http://127.0.0.1:1", more, regions="us-east-1, eu-west-1")


def test_it_is_off_unless_it_is_switched_on_and_asks_at_most_every_five_minutes() -> None:
    with asked() as on:
        assert not type(on.config.readers)().redshift.enabled
    with pytest.raises(ConfigError, match="interval"):
        config("http://127.0.0.1:1", "readers: {redshift: {interval: 60s}}")


STATEMENTS_OF: Final = r"(\w+) (?:of each every 15 min|statements, of|short statements|ExecuteStatement,|statements by)"


def test_the_documents_say_how_many_statements_an_answer_takes() -> None:
    pages = [Path(__file__).parents[3] / "docs" / name for name in ("readers.md", "readers-redshift.md")]
    said = re.findall(STATEMENTS_OF, "".join(page.read_text(encoding="utf-8") for page in pages))
    assert (len(statements(0.0, 1.0)), said) == (4, ["four", "four", "four", "4", "four"])

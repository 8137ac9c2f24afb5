"""Ten minutes without a service, in every way, in virtual time: nothing is lost, and no storm follows."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.core.errors import NotifyError, NotifyUnavailable
from tests.notify.alerts import alert
from tests.notify.house import House

FAILURES: dict[str, Exception] = {
    "refused": NotifyUnavailable("refused"),
    "hangs": NotifyUnavailable("no answer", reached=True),
    "429": NotifyUnavailable("429", retry_after=45.0),
    "500": NotifyUnavailable("500", reached=True),
    "certificate": NotifyUnavailable("its certificate is not trusted"),
    "bug": RuntimeError("a bug"),
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "state.db", group_by=("...",))
    made.target = {"rate": 2.0, "burst": 5}
    made.open()
    yield made
    made.state.close()


@pytest.mark.parametrize("name", FAILURES)
def test_after_an_outage_everything_is_told_in_order_and_at_its_pace(name: str, house: House) -> None:
    failure = FAILURES[name]
    house.service.failing = failure
    some = [alert(broker=str(number)) for number in range(60)]
    for one in some:
        house.fire(one)
        house.wait(10)
    attempts = house.service.calls
    assert attempts < 120, "an outage is no storm of attempts"
    assert not isinstance(failure, NotifyError) or failure.retry_after is None or attempts <= 600 / 45 + 1
    house.service.failing = None
    recovered = house.clock.now()
    house.wait(400)
    assert {one.alerts[0].labels["broker"] for one in house.service.received} == {str(n) for n in range(60)}
    assert len(house.service.received) == 60
    waited = max(house.service.at) - recovered
    assert waited >= (60 - 5 - 1) / 2.0, "no faster than its rate"
    for one in some:
        house.end(one)
    house.wait(400)
    by_key: dict[str, list[str]] = {}
    for told in house.service.received:
        by_key.setdefault(told.key, []).append(told.status)
    assert set(map(tuple, by_key.values())) == {("firing", "resolved")}


def test_one_that_makes_the_service_fail_lets_the_others_pass(house: House) -> None:
    house.service.failing, house.service.poison = FAILURES["500"], {"Poison"}
    house.fire(alert("Poison"))
    house.wait(5)
    house.fire(*(alert(broker=str(number)) for number in range(10)))
    house.wait(300)
    assert len(house.service.received) == 10
    assert max(house.service.at) < 1000 + 5 + 120


def test_very_many_that_wait_cost_disk_and_not_memory(tmp_path: Path) -> None:
    house = House(tmp_path / "state.db", group_by=("...",))
    house.service.failing = FAILURES["refused"]
    many = [alert(broker=str(number)) for number in range(5000)]
    house.fire(*many)
    house.deliver()
    tracemalloc.start()
    for _ in range(20):
        house.clock.advance(30)
        house.deliver()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(house.rows()) == 5000
    assert most < 10 * 2**20, "what waits is on the disk"
    house.state.close()
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) < 5000 * 8192

"""Reloads under load leave nothing behind, and lose nothing; tests/bench/bench_reloads.py does a thousand."""

from tests.bench.bench_reloads import reload_under_load

CONNECTIONS = 24
"""Of clients and brokers: so many descriptors and threads may come and go."""


def test_reloads_while_clients_scrape_lose_no_sample_and_leave_nothing_behind() -> None:
    load, before, after, _ = reload_under_load(20, clients=4)

    assert not load.errors
    assert load.lost == 0
    assert load.scrapes > 0
    assert after.threads - before.threads <= CONNECTIONS
    assert after.descriptors - before.descriptors <= CONNECTIONS

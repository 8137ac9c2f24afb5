"""What the page costs while many alerts fire, each of its own cause: ``python -m tests.bench.bench_incidents``."""

import time
from pathlib import Path

from streamwatch.agent.alerting import Alerting, groups
from streamwatch.agent.config import parse
from streamwatch.agent.home_page import HomePage
from streamwatch.core.clock import ManualClock
from streamwatch.samples.hub import Hub
from tests.incidents.knowing import alert

CONFIG = """
kafka: [{name: shop, bootstrap: ['127.0.0.1:1']}]
notify: {webhook: [{name: hook, url: 'http://127.0.0.1:1/'}]}
"""


def main() -> None:
    """Measure processor time, and print it."""
    config, clock = parse(CONFIG, "bench", Path()), ManualClock(1000.0)
    hub = Hub(clock)
    alerting = Alerting(config, groups(config.rules), hub, clock, tuple)
    for count in (100, 1_000, 10_000):
        alerts = [alert("KafkaGroupStuck", kafka_cluster="shop", group=f"g{at}", topic="t") for at in range(count)]
        alerting.alerts = alerting.book._alerts = lambda of=alerts: of  # type: ignore[method-assign, misc]
        page, seconds = HomePage(hub, clock, tuple), []
        for _ in range(5):
            clock.advance(100.0)
            began = time.process_time()
            size = len(page.page((), alerting, "http://127.0.0.1:9308").body)
            seconds.append(time.process_time() - began)
        print(f"{count:6,} alerts: {min(seconds) * 1000:.0f} ms, {size:,} bytes")


if __name__ == "__main__":
    main()

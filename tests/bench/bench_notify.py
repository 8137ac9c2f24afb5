"""What telling costs: 100,000 notifications that cannot be delivered, the memory and disk of them, and their recovery.

``python tests/bench/bench_notify.py``
"""

import resource
import tempfile
import time
from pathlib import Path

from streamwatch.core.errors import NotifyUnavailable
from tests.notify.alerts import alert
from tests.notify.house import House

SIZES = (1_000, 10_000, 100_000)


def resident_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            house = House(Path(folder) / "state.db", group_by=("...",))
            house.target = {"rate": 10.0, "burst": 50}
            house.open()
            house.service.failing = NotifyUnavailable("down")
            alerts = {one.labels: one for one in (alert(broker=str(number)) for number in range(size))}
            house.firing = alerts
            before = resident_mb()
            begun = time.perf_counter()
            house.decide()
            decided = time.perf_counter() - begun
            begun = time.perf_counter()
            house.decide()
            again = time.perf_counter() - begun
            begun = time.perf_counter()
            house.decide(changed=False)
            idle = time.perf_counter() - begun
            house.wait(600)
            attempts = house.service.calls
            house.service.failing = None
            begun, recovered = time.perf_counter(), house.clock.now()
            house.wait(60)
            rate = len(house.service.received) / (house.clock.now() - recovered)
            step = (time.perf_counter() - begun) / 60
            disk = sum(one.stat().st_size for one in Path(folder).iterdir()) / 2**20
            print(f"{size:7,} wait: decided in {decided:5.2f} s, once more {again:5.2f} s, idle {idle * 1e6:.0f} us")
            print(f"        disk {disk:.1f} MiB, peak RSS +{resident_mb() - before:.0f} MiB (of {resident_mb():.0f})")
            print(
                f"        {attempts} attempts in ten minutes of outage; then {rate:.1f}/s, {step * 1e3:.0f} ms a second"
            )
            house.state.close()


if __name__ == "__main__":
    main()

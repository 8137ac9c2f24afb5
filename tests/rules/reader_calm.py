"""What happens to readers of streams and is no reason to page: each makes a reader, and returns what happens."""

from tests.rules.reader_account import Account
from tests.rules.reader_faults import Break, application, connector, hose, task


def worker_dies(account: Account, stream: str) -> Break:
    """One of two workers dies, and another takes its leases; so it goes three times."""
    app = application(account, stream, 2)

    class Deaths:
        """Somebody who kills a worker and starts another, twice."""

        def __init__(self) -> None:
            self._next, self._at = 2, account.time.now() + 180

        def live(self, now: float) -> None:
            """Kill, where it is time."""
            if now >= self._at and self._next < 4:
                app.workers[f"worker-{self._next - 2}"].alive = False
                app.worker(f"worker-{self._next}")
                self._next, self._at = self._next + 1, now + 180

    return lambda: account.lives(Deaths())


def deployment(account: Account, stream: str) -> Break:
    """Both workers are replaced at once."""
    app = application(account, stream, 2)

    def break_() -> None:
        for at in range(2):
            app.workers[f"worker-{at}"].alive = False
            app.worker(f"worker-{at + 2}")

    return break_


def quiet_hose(account: Account, stream: str) -> Break:
    """Nobody writes what a delivery stream reads."""
    hose(account, stream)
    return lambda: account.quiet(stream)


def quiet_application(account: Account, stream: str) -> Break:
    """Nobody writes what an application reads."""
    application(account, stream)
    return lambda: account.quiet(stream)


def task_ends(account: Account, stream: str) -> Break:
    """A task of DMS is stopped on purpose."""
    task(account, stream)
    return lambda: account.fault("replication", name=stream, status="stopped", reason="NORMAL")


def connector_updated(account: Account, stream: str) -> Break:
    """A connector of MSK Connect is updated."""
    connector(account, stream)
    return lambda: account.fault("connector", name=stream, state="UPDATING")

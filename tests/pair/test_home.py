"""The home that lies tells its lies in what the agents read: one that it cannot tell would pass for a cut link."""

from pathlib import Path

from streamwatch.core.clock import SystemClock
from streamwatch.pair.lease.kubernetes import Config, KubernetesHome
from streamwatch.pair.lease.record import LeaseRecord
from tests.pair.home import LyingHome, Pager, serving
from tests.pair.lease.kube import TOKEN


def test_it_says_that_the_other_holds_the_lease(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    home = LyingHome()
    with serving(home, Pager()) as port:
        url = f"http://127.0.0.1:{port}/home/a"
        lease = KubernetesHome(Config(namespace="shop", url=url, token_file=str(token)), SystemClock())
        lease.write(LeaseRecord("a", "one", 3.0, 1, 1), None)

        home.lie = "the other holds it"
        seen = lease.read()

    assert seen is not None
    assert (seen.record.holder, seen.record.process) == ("b", "another")

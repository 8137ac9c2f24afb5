"""Several sources of one series: equal, different for a known reason, or marked."""

import contextlib
import io
import re

import pytest
from rich.table import Table

from streamwatch.catalogue import kafka as k
from streamwatch.catalogue import kafka_brokers as b
from streamwatch.catalogue import kafka_groups as g
from streamwatch.cli.compare import judged
from streamwatch.cli.tables import comparison_summary, show
from streamwatch.model.comparison import Line, Verdict
from streamwatch.model.metric import Metric


@pytest.mark.parametrize(
    ("metric", "values", "verdict", "reason"),
    [
        (k.PARTITIONS, {"kafka": 8, "topics": 8, "cloudwatch": 8}, "equal", ""),
        (k.PARTITIONS, {"kafka": 8, "cloudwatch": 24}, "differs", ""),
        (k.OFFLINE_PARTITIONS, {"kafka": 1, "topics": 0}, "differs", ""),
        (k.BROKER_LEADERS, {"kafka": 8, "pages": 9}, "explained", "leadership moved"),
        (b.BYTES_IN, {"pages": 1e9, "cloudwatch": 5}, "explained", "from the agent's beginning"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 101e6}, "explained", "between two reads"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 160e6}, "explained", "minute is over"),
        (b.MEMORY_FREE, {"pages": 100e6, "cloudwatch": 300e6}, "differs", ""),
        (b.DATA_DISK, {"kafka": 0.2, "cloudwatch": 0.18}, "explained", "minute is over"),
        (b.DATA_DISK, {"kafka": 0.002, "cloudwatch": 0.0001}, "explained", "minute is over"),
        (b.DATA_DISK, {"kafka": 0.9, "cloudwatch": 0.2}, "differs", ""),
        (b.HANDLER_IDLE, {"pages": 0.9, "cloudwatch": 90.0}, "differs", ""),
        (g.GROUP_TOPIC_LAG, {"kafka": 45, "cloudwatch": 0}, "explained", "minute is over"),
        (g.GROUP_TOPIC_LAG, {"kafka": 45_000, "cloudwatch": 30_000}, "explained", "minute is over"),
        (g.GROUP_TOPIC_LAG, {"kafka": 45_000, "cloudwatch": 0}, "differs", ""),
    ],
)
def test_values_are_judged(metric: Metric, values: dict[str, float], verdict: Verdict, reason: str) -> None:
    found, why = judged(metric, values)

    assert found == verdict
    assert reason in why
    assert bool(why) is (verdict == "explained")


def test_a_comparison_ends_with_how_many_are_equal_and_what_differs() -> None:
    def line(name: str, verdict: Verdict) -> Line:
        return Line(name, {}, {"kafka": 1.0, "pages": 1.0}, verdict, "")

    assert comparison_summary(
        [line("a", "equal"), line("b", "differs"), line("b", "differs"), line("c", "explained")]
    ) == ("4 series have more than one source: 1 equal, 1 explained, 2 different: b")
    assert comparison_summary([line("a", "equal")]).endswith("1 equal, 0 explained, 0 different")


@pytest.mark.parametrize("width", [40, 80, 110])
def test_no_width_of_a_terminal_cuts_a_word(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    address = "b-1.shop.abcdef.c2.kafka.us-east-1.amazonaws.com:9098"
    table = Table("broker", "address", *(["under-replicated"] * 5))
    table.add_row("1", address, *(["123"] * 5))
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        show(table)

    text = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    cells = [cell.strip() for line in text.splitlines() if "│" in line for cell in line.split("│")]
    assert "…" not in text
    assert all(len(line.rstrip()) <= width for line in text.splitlines())
    assert address in cells if width >= 80 else address in "".join(cells)
    assert text.count("under-replicated") == 5


def test_an_age_excuses_cloudwatch_and_no_other_source() -> None:
    assert judged(b.DATA_DISK, {"kafka": 0.2, "pages": 0.24, "cloudwatch": 0.2})[0] == "differs"

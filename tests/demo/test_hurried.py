"""The shipped rules in a hurry: whatever is a time in them is shorter."""

from pathlib import Path

from streamwatch.demo.hurried import hurried


def test_what_waits_looks_back_or_compares_an_age_is_so_many_times_shorter(tmp_path: Path) -> None:
    hurried(tmp_path, 5)
    transactions = (tmp_path / "transactions.yml").read_text(encoding="utf-8")
    assert transactions.count("transaction_start_timestamp_seconds > 192") == 2
    assert "transaction_start_timestamp_seconds > 120" in transactions, "reads are in no hurry"
    assert "for: 12000ms" in transactions
    assert "max_over_time(kafka_group_members[720000ms])" in (tmp_path / "groups.yml").read_text(encoding="utf-8")
    parameters = (tmp_path / "parameters.yml").read_text(encoding="utf-8")
    assert "record: streamwatch:group_lag_seconds:warning\n        expr: vector(60)" in parameters

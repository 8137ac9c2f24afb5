"""Rule files that are too large: few words, few bytes, and what follows is not even read."""

import tracemalloc
from pathlib import Path

import pytest

from streamwatch.core.errors import RuleError
from streamwatch.rules.load import MOST_BYTES, MOST_RULES, load

MIB = 2**20


def rule_file(path: Path, count: int) -> Path:
    rules = "".join(f"  - {{alert: A{number}, expr: up == 0}}\n" for number in range(count))
    path.write_text(f"groups:\n- name: {path.stem}\n  rules:\n{rules}")
    return path


def refused(paths: list[Path]) -> tuple[RuleError, int]:
    """Load them; return what is said, and the most memory that was held meanwhile."""
    tracemalloc.start()
    try:
        with pytest.raises(RuleError) as found:
            load(paths)
        return found.value, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_file_of_a_hundred_thousand_rules_is_refused_before_any_of_them_is_read(tmp_path: Path) -> None:
    file = rule_file(tmp_path / "many.yml", 100_000)
    assert file.stat().st_size > MOST_BYTES
    error, held = refused([file])
    (mistake,) = error.mistakes
    assert "many.yml" in mistake
    assert len(mistake) < 300
    assert held < 16 * MIB


def test_of_a_hundred_thousand_rules_in_many_files_those_up_to_the_limit_are_read(tmp_path: Path) -> None:
    some = [rule_file(tmp_path / f"f{number}.yml", MOST_RULES // 2) for number in range(3)]
    absent = [tmp_path / f"absent{number}.yml" for number in range(97)]
    error, held = refused([*some, *absent])
    (mistake,) = error.mistakes
    assert "f2.yml" in mistake
    assert f"more than {MOST_RULES} rules" in mistake
    assert held < 100 * MIB

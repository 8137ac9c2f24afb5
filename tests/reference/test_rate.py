"""A rate of the load is a number that there can be."""

import click
import pytest
from click.testing import CliRunner

from streamwatch.demo.commands import demo
from streamwatch.reference.commands import reference


@pytest.mark.parametrize("rate", ["nan", "inf", "-1", "0", "many"])
@pytest.mark.parametrize(("command", "words"), [(demo, []), (reference, ["kafka"]), (reference, ["kinesis"])])
def test_a_rate_that_is_none_is_refused(command: click.Command, words: list[str], rate: str) -> None:
    answer = CliRunner().invoke(command, [*words, "--rate", rate])
    assert answer.exit_code == 2
    assert "Invalid value for '--rate'" in answer.output

"""The reference Kinesis beside other emulators of it: the same calls, and each difference is known and has a reason.

AWS's documentation decides who is right, and its model of the API (what breaks a constraint is a ValidationException).
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from streamwatch.core.clock import SystemClock
from streamwatch.reference.aws.server import ReferenceAws
from tests.real.conftest import had
from tests.real.emulators import EMULATORS
from tests.real.observing_kinesis import Observer, client

_CODE: Final = "a code of its own for what is wrong"
_UNCHECKED: Final = "it does not check"
_FAILS: Final = "it fails inside: HTTP 500, or no answer any more"
_LACKS: Final = "it has no such call, parameter or field"
_UNEVEN: Final = "UNIFORM_SCALING makes shards of equal size; it merges neighbours"
_HORIZON: Final = "AT_TRIM_HORIZON means shards that were open then: no children of a later split"
_OLDER: Final = "its model of the API is older: the maximum was a constraint then"


def _all(why: str, *wrong: str) -> dict[str, str]:
    return dict.fromkeys((f"error: {one}" for one in wrong), why)


KNOWN: Final[Mapping[str, Mapping[str, str]]] = {
    "kinesis-local": {
        "their borders": "it divides 2^128 - 1, so that no border of its shards is where AWS's are",
        "at the number 0": _UNCHECKED,
        "shards AT_TRIM_HORIZON": _HORIZON,
        "scaled to two": _UNEVEN,
        **_all(_CODE, "no shards", "a name with a space", "no name", "no partition key", "an empty partition key",
               "a partition key of 257", "a hash key of -1", "a record too large", "an unknown type",
               "a number of letters", "a limit of 10001", "a limit of 0", "an unknown metric",
               "a split of a closed shard", "a merge with itself", "a merge with a closed one",
               "a merge named from above"),
        **_all(_UNCHECKED, "501 records", "0 records", "a wrong number", "a time to come", "a split at the start"),
        **_all(_FAILS, "an iterator of letters"),
    },
    "kinesalite": {
        "shards AT_TRIM_HORIZON": _HORIZON,
        **dict.fromkeys(("the end of shardId-000000000000", "the end of shardId-000000000002", "shards AT_LATEST",
                         "shards after the fourth", "shards in pages", "described in pages", "scaled to two",
                         "summary", "monitoring"), _LACKS),
        **_all(_LACKS, "scaled to five times", "an unknown metric"),
        **_all(_CODE, "a hash key of -1"),
        **_all(_UNCHECKED, "a split of a closed shard"),
        **_all(_OLDER, "a retention of 8761 h", "51 tags"),
        **_all(_FAILS, "no token", "listed of no name"),
    },
    "moto": {
        "routed to a child": "it takes records into closed shards, and so they never end",
        "at the number 0": _UNCHECKED,
        "shards AT_TRIM_HORIZON": _HORIZON,
        "scaled to two": _UNEVEN,
        "shards in pages": "it wants the parameters of the first page again, which AWS forbids",
        **dict.fromkeys(("the end of shardId-000000000000", "the end of shardId-000000000002", "shards AT_LATEST",
                         "shards after the fourth", "summary"), _LACKS),
        **_all(_CODE, "no partition key", "a partition key of 257", "an unknown type", "no token",
               "listed of no name"),
        **_all(_UNCHECKED, "a name with a space", "no name", "an empty partition key", "a record too large",
               "0 records", "a wrong number", "no time", "a time to come", "a limit of 10001", "a limit of 0",
               "scaled to five times", "51 tags", "an unknown metric", "a token and a name"),
        **_all(_FAILS, "no shards", "a hash key of -1", "no number", "a number of letters", "an iterator of letters"),
    },
}  # fmt: skip
"""By emulator and observation: why it differs from the reference, which is right, or free to choose."""


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """A second passes with each look at its clock: the limits, which others do not have, are never met."""
    ticks = itertools.count(SystemClock().now())
    with ReferenceAws(clock=lambda: next(ticks)) as aws:
        return Observer(client(aws.url)).all()


@pytest.mark.parametrize("name", EMULATORS)
def test_the_reference_and_another_emulator_differ_only_where_it_is_known(
    name: str, reference: dict[str, Any], tmp_path: Path
) -> None:
    with had(lambda: EMULATORS[name](tmp_path)) as emulator:
        seen = Observer(client(emulator.url)).all()

    differing = {what: (seen.get(what), expected) for what, expected in reference.items() if seen.get(what) != expected}
    assert {what: both for what, both in differing.items() if what not in KNOWN[name]} == {}
    assert sorted(set(KNOWN[name]) - set(differing)) == [], "they agree by now"

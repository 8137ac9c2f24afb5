"""Whether a controller is active, as a broker finds it."""

import asyncio
import math
from typing import Any, cast

import pytest

from streamwatch.sources.kafka.apis import DESCRIBE_QUORUM
from streamwatch.sources.kafka.broker_connection import Unanswered
from streamwatch.sources.kafka.quorum import Opinion, ask_quorum


class Silent:
    """A broker, and a read, of which no answer comes in time."""

    name = "1"

    def __init__(self, *, is_short: bool) -> None:
        self.is_short = is_short

    def version(self, _api: object) -> int:
        return 0

    async def ask(self, *_: object) -> bytes:
        raise Unanswered(DESCRIBE_QUORUM, 1.5, is_short=self.is_short)


@pytest.mark.parametrize(("is_short", "active"), [(False, 0.0), (True, math.nan)])
def test_silence_says_that_there_is_no_controller_only_where_it_was_listened_to(
    active: float, *, is_short: bool
) -> None:
    silent = cast("Any", Silent(is_short=is_short))
    opinion: Opinion = asyncio.run(ask_quorum(silent, silent, silent))
    assert opinion.active == pytest.approx(active, nan_ok=True)
    assert (opinion.problem is not None) is is_short, "what is not known is said"

"""Values of samples: whether they are the same."""

import math
import struct

import numpy as np
import pytest

from streamwatch.model.metric import are_same
from streamwatch.promql.series import STALE


@pytest.mark.parametrize("size", [1, 7, 2_000])
def test_values_are_the_same_by_their_bits(size: int) -> None:
    values = np.arange(size, dtype=np.float64)
    values[-1] = math.nan
    assert are_same(values, values.copy())
    for other in (1.5, STALE, -math.inf, struct.unpack(">d", b"\x7f\xf8\0\0\0\0\0\x07")[0]):
        changed = values.copy()
        changed[-1] = other
        assert not are_same(values, changed)
    assert not are_same(values, values[1:])


def test_no_values_are_the_same_as_none() -> None:
    assert are_same(np.zeros(0), np.zeros(0))

import numpy as np
import numpy.typing as npt
import pytest

from streamwatch.model.distinct import distinct


@pytest.mark.parametrize(
    "values",
    [
        np.array([], dtype=np.int32),
        np.array([7], dtype=np.int64),
        np.array([3, -1, 3, 2**40, -1]),
        np.array([[2, 1], [1, 2]], dtype=np.int8),
        np.array([0.5, np.inf, -0.0, 0.0, np.inf]),
    ],
)
def test_they_are_what_numpy_says(values: npt.NDArray[np.number]) -> None:
    now, theirs = distinct(values), np.unique(values)

    assert now.dtype == theirs.dtype
    assert now.tolist() == theirs.tolist()

"""Tests against real servers, and the harness that starts them."""

import warnings

with warnings.catch_warnings():
    # kafka-python reads its schemas, as it is imported, with a function that is deprecated in 3.11 and 3.12, and
    # pytest -W error outranks the exception that pyproject.toml makes for it.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka  # noqa: F401

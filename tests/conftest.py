"""What all tests share."""

import warnings

with warnings.catch_warnings():
    # kafka-python reads its schemas with importlib.resources.read_text, which Python 3.11 and 3.12 deprecate: the one
    # warning that is not ours. It comes when the message classes are made, so they are made here.
    warnings.filterwarnings("ignore", "(read|open)_text is deprecated", DeprecationWarning)
    import streamwatch.reference.kafka.wire
    import streamwatch.sources.kafka.apis  # noqa: F401

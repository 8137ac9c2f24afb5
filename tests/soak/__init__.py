"""The agent while all that it watches comes and goes, at an interval of a second: ``python -m tests.soak MINUTES``."""

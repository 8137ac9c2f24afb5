"""Every parser of what others write, fed with spoilt seeds: ``python -m tests.fuzz MINUTES``."""

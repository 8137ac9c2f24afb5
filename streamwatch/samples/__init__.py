"""The samples of all sources, now and over time."""

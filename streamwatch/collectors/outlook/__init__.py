"""What would break, and what may be restarted now: computed from the last reads, which are passed in."""

"""Sources: all the I/O towards what is watched; each returns an immutable snapshot with its problems."""

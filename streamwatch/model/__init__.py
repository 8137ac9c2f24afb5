"""Frozen types that everybody shares: no I/O, nothing from third parties but numpy."""

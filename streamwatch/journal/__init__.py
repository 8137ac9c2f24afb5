"""The journal: what reads saw change, each change once."""

"""The agent: what it watches, wired."""

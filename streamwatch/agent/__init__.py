"""The agent: its targets, wired with all that reads their samples."""

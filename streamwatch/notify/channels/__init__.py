"""One file a channel: its configuration, and how it sends."""

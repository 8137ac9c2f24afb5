"""What sources said, now and over time."""

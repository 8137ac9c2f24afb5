"""What everything stands on: errors, clocks, jobs."""

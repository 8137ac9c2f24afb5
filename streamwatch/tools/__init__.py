"""What writes documents and dashboards; not in the wheel."""

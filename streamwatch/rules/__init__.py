"""Prometheus's rules: read, tested, evaluated, remembered."""

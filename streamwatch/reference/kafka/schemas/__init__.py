"""Schemas of APIs that kafka-python lacks (KIP-848)."""

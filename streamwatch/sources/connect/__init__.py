"""Kafka Connect, by the REST API of its workers."""

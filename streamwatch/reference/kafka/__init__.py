"""A reference Kafka cluster: a pure model (time is passed in), the wire protocol in front of it, and faults."""

"""StreamWatch: one small agent that watches Kafka, Amazon MSK and Kinesis, and pages within seconds."""

__version__ = "0.1.0"

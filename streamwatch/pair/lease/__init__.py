"""Who of several agents notifies: a lease in something that users run already.

`record.py` takes turns by any home that can write on a condition; each home is one file: `dynamodb.py`, `s3.py`,
`kubernetes.py`. Of a Kafka consumer group (`kafka_group.py`) the coordinator itself is the lock.
"""

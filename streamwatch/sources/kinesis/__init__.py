"""Kinesis streams. What needs boto3 is in ``source`` and ``doctor``: who watches none does not pay for importing it."""

"""AWS: who the agent is there, one session an account, each API within its own rate, every error understood.

The only home of boto3.
"""

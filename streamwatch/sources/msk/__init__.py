"""Amazon MSK: its control plane, and CloudWatch for what no cheaper source has. ``source`` needs boto3."""

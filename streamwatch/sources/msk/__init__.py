"""Amazon MSK: its control plane, and CloudWatch for what no cheaper source tells. ``source`` needs boto3."""

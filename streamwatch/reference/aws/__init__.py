"""One HTTP endpoint that speaks as AWS's services do: Kinesis, CloudWatch, MSK's control plane, STS, tagging."""

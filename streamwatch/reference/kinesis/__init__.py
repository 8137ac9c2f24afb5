"""A reference Kinesis: a pure model (time is passed in) that keeps the limits of the real one."""

"""Message schemas that kafka-python lacks, in its own JSON form."""

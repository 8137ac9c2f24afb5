"""Records of the agent's own through each broker of a Kafka cluster: the only place that writes or reads records.

``ProbeSource`` is what a target reads: the probe runs by itself, on a loop of its own, and is asked for its figures.
"""

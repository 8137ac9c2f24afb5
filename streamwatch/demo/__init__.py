"""The demonstration: the reference cluster, load, the agent and one incident, in one process tree."""

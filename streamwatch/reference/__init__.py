"""The other side of the network: clusters and streams that behave like the real ones and can be broken on purpose.

Imports nothing of the agent, which reaches them as it reaches real ones.
"""

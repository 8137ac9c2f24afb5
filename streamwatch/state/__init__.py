"""What outlives the agent."""

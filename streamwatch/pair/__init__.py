"""Several agents as one: all decide, one notifies, and each knows what the others see and what was notified."""

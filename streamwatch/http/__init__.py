"""HTTP's client."""

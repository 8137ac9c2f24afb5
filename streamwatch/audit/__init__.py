"""What is set so that something will go wrong: findings, each with its evidence and the command that mends it."""

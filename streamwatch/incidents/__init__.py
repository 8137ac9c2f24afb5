"""What is the matter: alerts of one cause as one incident, by a decision list over what is known at once."""

"""Who an agent is, what it may do, and how often."""

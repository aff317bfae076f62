"""The reports of a session's results, for people and for machines."""

"""The identity, the permissions and the rate limits of agents."""

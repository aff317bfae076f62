"""The balancing of calls between the agents that offer a capability."""

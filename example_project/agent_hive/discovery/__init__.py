"""The discovery of agents: where the agents with a capability can be reached."""

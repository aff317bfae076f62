"""The gateway: a server in front of all agents, through which every call of an agent goes."""

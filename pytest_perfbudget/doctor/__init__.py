"""How noisy this machine is, and what the gate can catch on it: shown by running the gate."""

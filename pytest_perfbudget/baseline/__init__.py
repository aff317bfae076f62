"""The committed baseline: its file, and the machine its times hold for."""

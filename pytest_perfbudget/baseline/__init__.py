"""The committed baseline: its file, and the machine that its times hold for."""

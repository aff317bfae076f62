"""Numbers in, verdicts out: no clock, no disk, no pytest."""

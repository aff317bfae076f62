"""The measurement of running code; `core` decides what the numbers mean."""

"""The collection of perf tests, and its comparison with the baseline and the configuration."""

"""Inside a fresh process: pytest once more, for the requested tests only."""

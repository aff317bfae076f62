"""The gate of a pull request: finds its base, decides whether to measure, runs pytest and reports one verdict."""

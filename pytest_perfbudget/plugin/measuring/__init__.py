"""One perf test: the fixture, the repeated body, the benchmark fixture."""

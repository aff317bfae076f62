"""The measurement of one perf test: by the `perf` fixture, the repeated body, or the benchmark fixture."""

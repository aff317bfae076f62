"""The integration with pytest: hooks, options and the `perf` fixture. No other package depends on pytest."""

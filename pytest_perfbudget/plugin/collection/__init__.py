"""Which tests are perf tests, and which the baseline expects."""

"""Several processes of one session: the controller's side, and the lock that lets a perf test run alone."""

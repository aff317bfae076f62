"""From a session's results to the terminal, the files and the baseline."""

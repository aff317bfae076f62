"""The output of a session's results to the terminal, to files and to the baseline."""

"""A small analyser of access logs: the project in which `culprits.py` plants regressions."""

"""The code that runs inside a fresh process, a new pytest process for the requested tests only."""

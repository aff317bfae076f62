"""The storage of agents and their tasks in a SQLite file."""

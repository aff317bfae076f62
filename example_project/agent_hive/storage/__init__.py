"""What the hive keeps in a SQLite file: its agents and their tasks."""

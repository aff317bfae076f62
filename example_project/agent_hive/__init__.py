"""Agent Hive: a gateway through which agents sign in, are limited, and share a queue of tasks."""

"""The history of a project on disk and in git."""

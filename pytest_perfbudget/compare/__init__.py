"""Measurements against something else, the committed baseline or another commit."""

"""The configuration by the user, checked once: the table of pyproject.toml, and the keywords of markers and calls."""

from pytest_perfbudget.config.checks import duration_ns
from pytest_perfbudget.config.parser import load_settings, parse_limits, parse_settings

__all__ = ["duration_ns", "load_settings", "parse_limits", "parse_settings"]

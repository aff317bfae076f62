"""The settings of pytest in the text of a configuration file, as pytest itself reads them; nothing is run for that."""

from __future__ import annotations

import configparser
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES: Final = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
"""The files in which pytest looks for its settings, the first of them that has some wins."""

_ALWAYS_COUNTS: Final = FILES[:4]


def pytest_settings(text: str, name: str) -> Mapping[str, Any] | None:
    """Return the settings in the text of a file; None if the file is none of pytest's configuration.

    Args:
        text: the text; empty if there is no such file.
        name: the name of the file.
    """
    found = _of_toml(text, name) if name.endswith(".toml") else _of_ini(text, name)
    return {} if found is None and text and name in _ALWAYS_COUNTS else found


def _of_toml(text: str, name: str) -> Mapping[str, Any] | None:
    table: Any = {}
    with suppress(ValueError):
        table = tomllib.loads(text)
    found = table.get("tool", {}).get("pytest") if name == "pyproject.toml" else table.get("pytest")
    found = found.get("ini_options", found) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _of_ini(text: str, name: str) -> Mapping[str, Any] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(configparser.Error):
        parser.read_string(text)
    section = "tool:pytest" if name == "setup.cfg" else "pytest"
    return dict(parser.items(section)) if parser.has_section(section) else None

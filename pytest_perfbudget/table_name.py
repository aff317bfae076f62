"""The name of the plugin's table in pyproject.toml, looked for without a TOML parser.

Every pytest session imports this module, so it imports next to nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

NAME: Final = "perfbudget"
DUET_TABLE: Final = f"[tool.{NAME}.duet]"

_KEY: Final = re.compile(rb"""(?<![\w-])["']?perfbudget["']?\s*[\].=]""")
_HEADER: Final = re.compile(rb"""\[\s*tool\s*\.\s*["']?([\w-]+)""")
"""The header of a table of a tool, even if a bracket is missing."""
_SECTION: Final = rb"""(?m)^\[(?:tool\s*[:.]\s*)?["']?(?:pytest[-_])?perf[-_]?budgets?\b"""
"""The header of a section of an INI file. Not compiled, because few INI files come so far."""
_INI_FILES: Final = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")


def nearest_file(root: Path) -> Path | None:
    """Return the pyproject.toml of pytest's root folder, or else the nearest above it; None if there is none.

    A pytest.ini in `tests/` makes that folder the root folder, and the table above it is not read.
    """
    files = (folder / "pyproject.toml" for folder in (root, *root.parents))
    return next((file for file in files if file.is_file()), None)


def misplaced(root: Path) -> Path | None:
    """Return an INI file of the root folder with the table, which belongs in pyproject.toml; None if there is none."""
    return next((file for file in (root / name for name in _INI_FILES) if _has_section(_content(file))), None)


def _has_section(content: bytes) -> bool:
    return b"perf" in content and re.search(_SECTION, content) is not None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # pytest itself complains about a file that it cannot read
        return b""


def is_misspelt(name: str) -> bool:
    """Return whether a user must have meant this plugin's table by the name of another.

    The name has a hyphen, an underscore, `pytest` or a plural too much, or two letters of it are exchanged.
    """
    letters = name.lower().replace("-", "").replace("_", "").removeprefix("pytest").removesuffix("s")
    return name != NAME and sorted(letters) == sorted(NAME)


def may_have_table(content: bytes) -> bool:
    """Return whether the content of a pyproject.toml may have the table, under its name or a misspelt name.

    A project that merely depends on `pytest-perfbudget` does not have the table. A comment may look like the table.
    """
    names = {found.decode() for found in _HEADER.findall(content) if found.isascii()}
    return bool(_KEY.search(content)) or NAME in names or any(map(is_misspelt, names))

"""The name of the plugin's table in pyproject.toml, looked for without a TOML parser.

Every pytest session imports this module, so it imports next to nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

NAME: Final = "perfbudget"

MISSPELT: Final = frozenset({"perf-budget", "perf_budget", "perf-budgets", "perfbudgets", "pytest-perfbudget"}) | {
    "perf_budgets",
    "pytest_perfbudget",
    "pytest-perf-budget",
    "pytest_perf_budget",
}
"""Names of a table that nobody else reads, so that a user must have meant this plugin's table."""

_KEY: Final = re.compile(rb"""(?<![\w-])["']?perfbudget["']?\s*[\].=]""")
_HEADER: Final = re.compile(rf"""\[\s*tool\s*\.\s*["']?(?:{"|".join(sorted({NAME, *MISSPELT}))})""".encode())
"""The header of the table, even if a bracket is missing."""


def nearest_file(root: Path) -> Path | None:
    """Return the pyproject.toml of pytest's root folder, or else the nearest above it; None if there is none.

    A pytest.ini in `tests/` makes that folder the root folder, and the table above it is not read.
    """
    files = (folder / "pyproject.toml" for folder in (root, *root.parents))
    return next((file for file in files if file.is_file()), None)


def may_have_table(content: bytes) -> bool:
    """Return whether the content of a pyproject.toml may have the table, under its name or a misspelt name.

    A project that merely depends on `pytest-perfbudget` does not have the table. A comment may look like the table.
    """
    return bool(_KEY.search(content) or _HEADER.search(content))

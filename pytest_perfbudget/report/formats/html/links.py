"""Links to a measurement within the report, which other reports and comments use as well."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

_PLAIN: Final = "/:[],=@"
"""Characters that need no escape in a fragment, and without which a link to a test would be hard to read."""


def well_formed(text: str) -> str:
    """Return a text that every encoding can hold: half of a surrogate pair, as names may have, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def anchor_of(identity: str) -> str:
    """Return the id of a measurement's failure, to which its link leads where no script runs."""
    return link_to(identity)[1:]


def link_to(identity: str) -> str:
    """Return the fragment that opens a measurement: `#test=tests/test_api.py::test_login`."""
    return f"#test={quote(well_formed(identity), safe=_PLAIN)}"


def search_for(text: str) -> str:
    """Return the fragment that searches for a text."""
    return f"#q={quote(well_formed(text), safe=_PLAIN)}"

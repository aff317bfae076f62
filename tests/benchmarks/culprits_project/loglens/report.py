"""Reports about entries: a table as text, and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from loglens.entries import Entry
from loglens.summary import overview, top_paths


def cell(value: object) -> str:
    return str(value).rjust(8)


def row(one: Entry) -> str:
    return " ".join(cell(value) for value in (one.host, one.path, one.status, one.size))


def table(entries: Sequence[Entry]) -> str:
    return "\n".join([row(one) for one in entries])


def document(entries: Sequence[Entry]) -> str:
    return json.dumps({"top": top_paths(entries, 10), **overview(entries)})


def page(entries: Sequence[Entry]) -> str:
    return f"<pre>{table(entries)}</pre><script>{document(entries)}</script>"

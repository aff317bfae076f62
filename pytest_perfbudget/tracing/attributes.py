"""The names of attributes of spans that reports of queries read."""

from __future__ import annotations

from typing import Final

STATEMENT: Final = "statement"
"""The attribute with the text of a query, by which repeated queries are told apart."""

SITE: Final = "perfbudget.site"
"""The attribute with the line of the project that made a query, of spans whose number is limited."""

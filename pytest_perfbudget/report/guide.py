"""Draws the guide's Markdown for a terminal."""

from __future__ import annotations

import io
from typing import Final

from rich.console import Console
from rich.markdown import Markdown

_WIDEST: Final = 120
"""Columns beyond which lines are hard to read."""


def render_guide(text: str, *, width: int, color: bool) -> str:
    """Return Markdown as a terminal shows it.

    Args:
        text: the Markdown.
        width: columns of the terminal.
        color: whether to use colours; bold and underlined text stay without.
    """
    sink = io.StringIO()
    console = Console(
        file=sink, width=min(width, _WIDEST), force_terminal=True, color_system="standard", no_color=not color
    )
    # A theme of the terminal's own colours: one with a background is unreadable on half of all terminals.
    console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    return sink.getvalue()

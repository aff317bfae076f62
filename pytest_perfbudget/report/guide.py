"""The rendering of the guide's Markdown for a terminal."""

from __future__ import annotations

import io
import re
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.theme import Theme

_WIDEST: Final = 120
"""The greatest width in columns, because longer lines are hard to read."""

# rich's own styles have a black background, and a code theme has a background of its own.
_STYLES: Final = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})
_CODE_THEME: Final = "ansi_dark"
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]*\)")


def render_guide(text: str, *, width: int, color: bool) -> str:
    """Return Markdown as a terminal shows it.

    Args:
        text: the Markdown.
        width: the columns of the terminal.
        color: whether to use colours; bold and underlined text does not depend on this.
    """
    sink = io.StringIO()
    console = Console(
        file=sink,
        width=min(width, _WIDEST),
        force_terminal=True,
        color_system="standard",
        no_color=not color,
        theme=_STYLES,
    )
    # Only the words of a link are kept, because a terminal cannot follow the link to another page.
    console.print(Markdown(_LINK.sub(r"\1", text), code_theme=_CODE_THEME))
    return sink.getvalue()

"""The colours of a terminal, each beside a word that says the same."""

from __future__ import annotations

from typing import Final

from pytest_perfbudget.core.health import FAIR, GOOD, Health
from pytest_perfbudget.core.readiness import Grade

RED: Final = "31"
GREEN: Final = "32"
YELLOW: Final = "33"
GRADE_COLORS: Final = {Grade.READY: GREEN, Grade.CONDITIONAL: YELLOW, Grade.NOT_READY: RED}


def painted(text: str, code: str, *, color: bool) -> str:
    """Return a text in a colour, if the terminal shows colours; without a code, the text as it is."""
    return f"\033[{code}m{text}\033[0m" if color and code else text


def health_color(health: Health) -> str:
    """Return the colour of a health."""
    return GREEN if health.score >= GOOD else YELLOW if health.score >= FAIR else RED

"""A plugin for a session that suggests budgets: measurements without a limit take as many rounds as a bound needs."""

from __future__ import annotations

from typing import Final

FEWEST_ROUNDS: Final = 64
"""More than the 59 rounds whose maximum bounds a p95."""

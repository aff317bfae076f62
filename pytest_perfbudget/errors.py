"""What can go wrong because of what a user wrote; knows nothing of pytest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PerfBudgetError(Exception):
    """Base of all errors of this package; the message names the place and the remedy."""


class ConfigError(PerfBudgetError):
    """A marker, an option or a table of pyproject.toml says something that cannot be."""


class MisuseError(PerfBudgetError):
    """The `perf` fixture was called in a way that cannot be measured."""


class BaselineError(PerfBudgetError):
    """The baseline file cannot be read or written."""


class GitError(PerfBudgetError):
    """git does not know what it was asked for, or cannot do it."""


class GuideError(PerfBudgetError):
    """The guide has no such topic."""


class SetupError(PerfBudgetError):
    """The command that prepares the base does not."""


class WorkerError(PerfBudgetError):
    """A fresh process gave no measurements; the message says in a line what became of it."""


class WrongCodeError(WorkerError):
    """A side of a duet would run other code than its own: a matter of how the project is installed."""


class WorkerHangsError(WorkerError):
    """A fresh process said nothing for too long."""


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest known word, or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""

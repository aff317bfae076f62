"""The exceptions of this package; none of them depends on pytest."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from json import JSONDecodeError


class PerfBudgetError(Exception):
    """The base class of this package's errors; the message names the place of the mistake and the remedy."""


class ConfigError(PerfBudgetError):
    """An impossible setting in a marker, an option or a table of pyproject.toml."""


class MisuseError(PerfBudgetError):
    """A use of the `perf` fixture that cannot be measured."""


class BaselineError(PerfBudgetError):
    """A baseline file that cannot be read or written."""


class ComparisonError(PerfBudgetError):
    """A comparison that cannot take place, usually because the other side is not there: nothing would be compared."""


class ReportError(PerfBudgetError):
    """A report that cannot be read or written."""


class GitError(PerfBudgetError):
    """A git command that fails, or a commit that cannot be used."""


class BisectionError(PerfBudgetError):
    """A search for a slow commit that cannot begin or go on: good is not good, or a test is not there."""


class GuideError(PerfBudgetError):
    """A topic that the guide does not have."""


class HistoryError(PerfBudgetError):
    """A history that cannot be read or written."""


class InitError(PerfBudgetError):
    """A file that `perfbudget init` cannot read or write, or a session that it cannot measure."""


class MonitorError(PerfBudgetError):
    """A service whose monitor cannot be asked."""


class SetupError(PerfBudgetError):
    """A failure of the command that prepares the base."""


class WorkerError(PerfBudgetError):
    """A fresh process without measurements; the message says in one line what happened to the process."""


class WrongCodeError(WorkerError):
    """A side of a duet that would run other code than its own, because of the way in which the project is installed."""


class WorkerRefusedError(WorkerError):
    """A fresh process with the code of a commit whose options pytest refuses."""


class WorkerHangsError(WorkerError):
    """A fresh process that was silent for too long."""


_MOST_SHOWN = 80


def shown(value: object) -> str:
    """Return a value for a message, cut with an ellipsis if it is long."""
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return `` (did you mean 'x'?)`` for the nearest known word, or an empty text if no known word is near."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""


def json_problem(text: str, error: JSONDecodeError) -> str:
    """Return what is wrong with a text that is no JSON: `is empty`, `is cut off`, or `is no JSON: ... at column 1`."""
    if not text.strip():
        return "is empty"
    is_at_end = re.fullmatch(r",?\s*[\w.+-]*\s*", text[error.pos :]) or error.msg.startswith("Unterminated string")
    if text.strip()[0] in "{[" and is_at_end:
        return "is cut off"
    return f"is no JSON: {error.msg.removesuffix(' starting at')} at column {error.colno}"

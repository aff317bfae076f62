"""The errors which say that no answer came in time: a client's own timeout is one, like the timeout of the load.

Every client library has classes of its own for that, so the names of the classes decide.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_perfbudget.measure.load.call import grouped

_NAMED: Final = re.compile("timeout|timedout|tooslow|deadlineexceeded", re.IGNORECASE)
"""In `TimeoutError`, `ReadTimeout`, `ServerTimeoutError`, trio's `TooSlowError` and Google's `DeadlineExceeded`."""

_DEEPEST: Final = 10
"""The most exceptions of a chain that are looked at; a chain may have a loop."""


def names_timeout(kind: str) -> bool:
    """Return whether the name of an exception's class says that no answer came in time."""
    return _NAMED.search(kind) is not None


def is_timeout(error: BaseException, deepest: int = _DEEPEST) -> bool:
    """Return whether an exception, its cause or an exception of its group says that no answer came in time."""
    if any(names_timeout(one.__name__) for one in type(error).__mro__):
        return True
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inner = [*grouped(error), *([] if cause is None else [cause])]
    return deepest > 0 and any(is_timeout(one, deepest - 1) for one in inner)

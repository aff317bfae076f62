"""Results that have done nothing yet, such as a generator: the call that returned them is no measure of the work."""

from __future__ import annotations

import contextlib
import inspect
import sys
from types import AsyncGeneratorType, GeneratorType
from typing import Final

_CONSUME: Final = "consume it in the measured function, such as perf(lambda: list(rows()))"

_LAZY: Final = (
    (GeneratorType, f"a generator: {_CONSUME}"),
    ((map, filter, zip, enumerate), f"a lazy iterator: {_CONSUME}"),
    (
        AsyncGeneratorType,
        "an asynchronous generator: consume it in the measured function, such as [row async for row in rows()]",
    ),
    (
        (contextlib._GeneratorContextManager, contextlib._AsyncGeneratorContextManager),  # noqa: SLF001 - no public name
        "a context manager: enter it in the measured function, by a `with` statement",
    ),
)

_FUTURES: Final = (
    ("concurrent.futures", "Future", "a future: wait for its result() in the measured function"),
    ("asyncio", "Future", "a future: await it in the measured function"),
    ("multiprocessing.pool", "AsyncResult", "a result of a pool: wait for it in the measured function, by get()"),
)
"""The module, the class and the text; if the module is not imported, a result cannot be of the class."""


def unfinished(result: object) -> str:
    """Return why the work is not done when a function returns this result, with a remedy; empty if the work is done.

    A future is refused even if it is done: the next future may not be.
    """
    # By type(), because a proxy or a mock may claim to be an instance of anything.
    kind = type(result)
    text = next((text for one, text in _LAZY if issubclass(kind, one)), "")
    if kind.__module__ == "itertools":
        text = f"a lazy iterator: {_CONSUME}"
    if inspect.isawaitable(result):
        text = "something to await: write `await perf.aio(...)` in an async test"
    for module, name, future in _FUTURES:
        found = sys.modules.get(module)
        if found is not None and issubclass(kind, getattr(found, name)):
            text = future
    return f"the function returned before its work was done; its result is {text}" if text else ""

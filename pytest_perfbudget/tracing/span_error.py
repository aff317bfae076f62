"""The exceptions that are errors of a span, and their words."""

from __future__ import annotations

from typing import Final

_ENDS: Final = (GeneratorExit, StopIteration, StopAsyncIteration)
_CANCELLED: Final = ("CancelledError", "Cancelled")
"""The exceptions of asyncio and trio, by name: to import them takes milliseconds."""


def words_of(error: BaseException) -> str:
    """Return the type and the message of an exception; empty if the exception is an intended end and no error."""
    name = type(error).__name__
    if isinstance(error, _ENDS) or name in _CANCELLED:
        return ""
    try:
        return f"{name}: {error}"
    except Exception:  # noqa: BLE001 - the message is the application's code, and the error must stay the error
        return name

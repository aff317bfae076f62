"""`track`, the decorator and context manager that makes spans of an application's parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, TypeVar, cast

from pytest_perfbudget.tracing import span as spans
from pytest_perfbudget.tracing.functions import tracked_function

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MOST_NAMES: Final = 10_000


class Tracked:
    """The result of `track`: a decorator, and a context manager that may be entered any number of times."""

    __slots__ = ("_attributes", "_name")

    def __init__(self, name: str, attributes: Mapping[str, Any]) -> None:
        self._name = name
        self._attributes = attributes

    def __enter__(self) -> None:
        """Begin a span, if tracking is on."""
        if spans.sinks:
            spans.OpenSpan(self._name, self._attributes, self, 2)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the span, unless tracking was off when the block began."""
        # An enclosing block of the same object is told apart by the order: the innermost span ends first.
        span = spans.current_span.get()
        if isinstance(span, spans.OpenSpan) and span.owner is self:
            span.end(error)

    def __call__(self, function: _Function) -> _Function:
        """Return a function of the same kind. Each call is a span; of a generator, the time within the generator."""
        return cast("_Function", tracked_function(function, self._begin))

    def _begin(self) -> spans.OpenSpan:
        """Begin a span for a wrapped function, at the line that calls the wrapper."""
        return spans.OpenSpan(self._name, self._attributes, None, 3)


def track(name: str, /, **attributes: Any) -> Tracked:  # noqa: ANN401 - any value that describes the operation
    """Time a part of an application as a span, as a decorator of a function or as the context manager of a block.

    Args:
        name: the name of the component or of the operation, such as `db.query`.
        attributes: further facts about the operation, such as `statement=`; a block may give them, and a decorator
            gives the same for each call.
    """
    if spans.sinks:
        return Tracked(name, attributes)
    known = _untimed.get(name)
    if known is None or attributes:
        known = Tracked(name, attributes)
        if not attributes and len(_untimed) < _MOST_NAMES:
            _untimed[name] = known
    return known


_untimed: dict[str, Tracked] = {}

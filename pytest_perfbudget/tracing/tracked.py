"""`track`, the decorator and context manager that makes spans of an application's parts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Final, TypeVar, cast

from pytest_perfbudget.tracing.attributes import STATEMENT
from pytest_perfbudget.tracing.functions import tracked_function
from pytest_perfbudget.tracing.open_span import OpenSpan, begin, current_span
from pytest_perfbudget.tracing.span import when_switched
from pytest_perfbudget.tracing.steps import is_in_event_loop, is_suspendable
from pytest_perfbudget.tracing.task import UNKNOWN_TASK

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MAY_REST: Final = 0x20 | 0x80 | 0x100 | 0x200
"""The flags of the code of a generator and of a coroutine."""

_MOST_NAMES: Final = 10_000
_getframe = sys._getframe  # noqa: SLF001 - the function of a block, without the cost of `inspect`
_blocks: dict[FrameType | None, OpenSpan] = {}
"""The innermost open block of each function call, by its frame. A generator that rests in a block goes on
while other blocks have begun and ended, so the order of all blocks says nothing."""
_begun = _blocks.setdefault
_ended = _blocks.pop


class Tracked:
    """The result of `track`: a decorator, and a context manager that may be entered any number of times.

    Attributes:
        name: the name of the spans.
        statement: the text of the query that the spans make; None if they make none.
        attributes: the attributes of the spans, the text of the query among them; None until a span needs them.
    """

    __slots__ = ("attributes", "name", "statement")

    name: str
    statement: object
    attributes: Mapping[str, Any] | None

    def __enter__(self) -> None:
        """Begin a span."""
        span = begin(self)
        caller = _getframe(1)
        if span.task is None and caller.f_code.co_flags & _MAY_REST and is_suspendable(caller.f_code):
            span.task = UNKNOWN_TASK
        span.frame = caller
        span.below = None
        below = _begun(caller, span)
        if below is not span:
            span.below = below
            _blocks[caller] = span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the span."""
        frame: FrameType | None = _getframe(1)
        span = _ended(frame, None)
        if span is None or span.source is not self:
            if span is not None:
                _blocks[frame] = span
            span = self._entered_elsewhere()
            if span is None:
                return
            frame = span.frame
            _blocks.pop(frame, None)
        span.frame = None
        if span.below is not None:
            _blocks[frame] = span.below
        span.end(error)

    def _entered_elsewhere(self) -> OpenSpan | None:
        """Return the span that another function began, such as `ExitStack.enter_context`: the innermost one."""
        span = current_span.get()
        while isinstance(span, OpenSpan):
            if span.source is self and span.frame is not None:
                if span.task is None and is_in_event_loop():
                    span.task = UNKNOWN_TASK
                return span
            span = span.parent
        return None

    def __call__(self, function: _Function) -> _Function:
        """Return a function of the same kind. Each call is a span; of a generator, the time within the generator."""
        return cast("_Function", tracked_function(function, self))


def track(name: str, /, statement: object = None, attributes: Mapping[str, Any] | None = None) -> Tracked:
    """Time a part of an application as a span, as a decorator of a function or as the context manager of a block.

    The keywords are fixed, because `**` would make a dictionary for each block while tracking is off.

    Args:
        name: the name of the component or of the operation, such as `db.query`.
        statement: the text of the query that the span makes, by which repeated queries are told apart.
        attributes: further facts about the operation.

    Raises:
        TypeError: the name is no text, such as the function below `@track`.
    """
    if attributes is None:
        try:
            if statement is None:
                return _known[name]
            if (last := _last[name]).statement is statement:
                return last
            # In place of a call of `_described`, for a function that makes its queries anew each time.
            tracked = Tracked()
            tracked.name = name
            tracked.statement = statement
            tracked.attributes = None
            _last[name] = tracked
        except KeyError:
            pass
        else:
            return tracked
    return _described(name, statement, attributes)


def _described(name: str, statement: object, attributes: Mapping[str, Any] | None) -> Tracked:
    """Return an object of its own for a name and facts, or the object that all uses of a mere name share."""
    if not isinstance(name, str):
        raise TypeError(_nameless(name))
    tracked = Tracked()  # without a constructor in Python, which would take twice as long
    tracked.name = name
    tracked.statement = statement
    tracked.attributes = None
    if attributes is not None:
        tracked.attributes = {**attributes} if statement is None else {STATEMENT: statement, **attributes}
        return tracked
    if statement is None:
        return _known.setdefault(name, tracked) if len(_known) < _MOST_NAMES else tracked
    if len(_last) < _MOST_NAMES:
        _last[name] = tracked
    return tracked


def names_of_track() -> Sequence[str]:
    """Return the names that code has given to `track`, as decorators do when they are imported."""
    return [*_known, *_last]


def _nameless(found: object) -> str:
    """Return what is wrong with `@track` on a function, or with a name that is no text."""
    name = getattr(found, "__name__", "")
    if callable(found) and name:
        return f'track needs the name of the span: write @track("{name}") instead of @track'
    return f"track needs the name of the span, a text, found {found!r}"


_known: dict[str, Tracked] = {}
_last: dict[str, Tracked] = {}
"""The last object of a name with a statement: the text of a query is mostly the same one again."""


def _end_nothing(_: object, __: object, ___: object, ____: object = None, /) -> None:
    """End a block that is off; an `ExitStack` gives the object as well."""


_ON: Final = (Tracked.__enter__, Tracked.__exit__)
_OFF: Final = (memoryview(b"").__exit__, staticmethod(_end_nothing))
"""The fastest functions that return None whatever their arguments. A method of the interpreter begins a block. The end
has three arguments, for which such a method needs a tuple, and a plain function takes less time since Python 3.11.

The statement `with` looks both methods up before a block begins, so a block ends as it began.
"""


def _switch(is_on: bool) -> None:  # noqa: FBT001 - as `when_switched` calls
    methods: Any = _ON if is_on else _OFF
    Tracked.__enter__, Tracked.__exit__ = methods  # type: ignore[method-assign]  # in place of a check in each block


when_switched(_switch)

"""The request that a load repeats, and the user that it is made for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.load.plan import LoadPlan
from pytest_perfbudget.core.units import time_text
from pytest_perfbudget.errors import MisuseError, shown
from pytest_perfbudget.measure.lazy import unfinished
from pytest_perfbudget.measure.load.missing_answers import Decide, grouped, has_no_answer

User = Callable[[], "AbstractContextManager[Any] | AbstractAsyncContextManager[Any]"]
"""A function without arguments that returns a context manager: what a user keeps from request to request."""

MOST_IN_FLIGHT: Final = 10_000
"""The most requests of an open load that wait for an answer at a time."""

Look = Callable[[], str]
"""A function that returns the reason to end a load early; empty if there is none."""

_STOPS: Final = (KeyboardInterrupt, SystemExit, GeneratorExit, MisuseError)

_ENDS: Final = frozenset(
    {
        "BrokenResourceError",  # trio and anyio
        "ClosedResourceError",
        "ConnectionClosed",  # websockets and trio-websocket
        "EndOfStream",
        "WebSocketConnectionClosedException",  # websocket-client
    }
)
"""The names of further exceptions which say that a connection has ended."""


def never_early() -> str:
    """Return no reason to end a load early."""
    return ""


@dataclass(frozen=True)
class LoadCall:
    """The request that a load repeats.

    Attributes:
        function: the function that makes a request; it takes what `user` yields, if there is a `user`.
        user: what each user keeps; None if users keep nothing.
        stops: further exceptions that end the load and the test; other exceptions are errors of their request.
        checks: the exceptions of failed checks, which fail the test where they are no errors of a request.
        place: the line of the test, with which the message of a mistake begins.
        has_no_answer: the function that decides which errors of requests say that no answer came.
    """

    function: Callable[..., Any]
    user: User | None = None
    stops: tuple[type[BaseException], ...] = ()
    checks: tuple[type[BaseException], ...] = (AssertionError,)
    place: str = "perf_load()"
    has_no_answer: Decide = has_no_answer

    def is_error(self, error: BaseException) -> bool:
        """Return whether an exception is an error of its request, and does not end the load.

        A nursery, or a group of tasks, inside the request puts exceptions into a group.
        """
        return not isinstance(error, (*_STOPS, *self.stops)) and all(map(self.is_error, grouped(error)))

    def ends_connection(self, error: BaseException) -> bool:
        """Return whether an exception says that what a user keeps is of no further use: its connection has ended.

        All further requests of the user would fail at once, and a single lost connection would be thousands of errors.
        """
        is_end = isinstance(error, (ConnectionError, EOFError))
        return self.user is not None and (is_end or any(one.__name__ in _ENDS for one in type(error).__mro__))

    def refuse(self, result: object) -> None:
        """Refuse the result of a request that has done nothing yet, such as a coroutine of a plain function.

        Raises:
            MisuseError: the result is of this kind.
        """
        if problem := unfinished(result):
            if inspect.iscoroutine(result):
                result.close()  # without a warning that it was never awaited
            told = problem.replace("perf.aio(", "perf_load(").replace("perf(", "perf_load(")
            message = f"{self.place}: {told}"
            raise MisuseError(message)

    def not_ready(self, users: int, plan: LoadPlan) -> MisuseError:
        """Return the error for users whose context manager was not entered in time."""
        limit = f"{plan.timeout_ns / 1e9:g} s"
        return MisuseError(f"{self.place}: user=: {users} of {plan.users} users were not ready within {limit}")

    def no_request(self, plan: LoadPlan) -> MisuseError:
        """Return the error for a load without a request, which would keep every limit."""
        load = f"the {time_text(plan.duration_ns)} {'after the warm-up' if plan.warm_up_ns else 'of the load'}"
        verb = "was due" if plan.is_open else "began"
        remedy = "make the load longer"
        if plan.warm_up_ns and not plan.is_open:
            remedy += ", because every user still waited for an answer or in its think time; does the server answer?"
        return MisuseError(f"{self.place}: no request {verb} in {load}: {remedy}")

    def no_threads(self, number: int, users: int) -> MisuseError:
        """Return the error for users of a plain function that are more than there can be threads."""
        return MisuseError(
            f"{self.place}: users={users}: each user of a plain function needs a thread, and only {number:,} can be "
            "had: give rate= instead, or a coroutine function, whose users are tasks of the event loop"
        )

    def enter(self, stack: ExitStack) -> tuple[Any, ...]:
        """Enter the context manager of one user, to leave it with a stack; return the arguments of the function."""
        if self.user is None:
            return ()
        return (stack.enter_context(self._made("__enter__")),)

    async def enter_async(self, stack: AsyncExitStack) -> tuple[Any, ...]:
        """Do the same as `enter`; the context manager may be asynchronous."""
        if self.user is None:
            return ()
        made = self._made("__enter__", "__aenter__")
        if hasattr(made, "__aenter__"):
            return (await stack.enter_async_context(made),)
        return (stack.enter_context(made),)

    def _made(self, *methods: str) -> Any:  # noqa: ANN401 - a user's object
        """Return the context manager of a user, which has one of these methods.

        Raises:
            MisuseError: `user` returned something else.
        """
        made = self.user() if self.user is not None else None
        if any(hasattr(made, one) for one in methods):
            return made
        kind, remedy = "a context manager", "decorate it with contextlib.contextmanager"
        if hasattr(made, "__aenter__"):
            kind, remedy = "a plain context manager for a plain function", "make both asynchronous, or none"
        elif inspect.isasyncgen(made) or inspect.iscoroutine(made):
            remedy = "decorate it with contextlib.asynccontextmanager"
        if inspect.iscoroutine(made):
            made.close()  # without a warning that it was never awaited
        message = f"{self.place}: user= must return {kind}, it returned {shown(made)}: {remedy}"
        raise MisuseError(message)

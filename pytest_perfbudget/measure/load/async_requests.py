"""The requests of a load of coroutines: a user enters its context manager, and each request is recorded once.

This module does not know when a request is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from pytest_perfbudget.measure.load.async_users import AsyncUser, AsyncUsers
from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.event_loop import Work
from pytest_perfbudget.measure.load.recorder import LoadRecorder


class AsyncRequests:
    """The requests of one load.

    Args:
        call: the request.
        recorder: the recorder of the load.
        users: the users of the load.
    """

    def __init__(self, call: LoadCall, recorder: LoadRecorder, users: AsyncUsers) -> None:
        self._call = call
        self._recorder = recorder
        self._users = users
        self._checked: set[type] = set()

    async def with_kept(self, user: AsyncUser, work: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
        """Do work with a user's context manager; an error at the end of the context manager is noted."""
        has_worked = False
        try:
            async with AsyncExitStack() as stack:
                await work(stack)
                has_worked = True
        except BaseException as error:
            if not has_worked or self._is_to_be_raised(user, error):
                raise
            self._users.unclean.add(error)
        finally:
            self._users.leaving.pop(user, None)

    async def enter(
        self, user: AsyncUser, stack: AsyncExitStack, due_ns: int | None
    ) -> tuple[Any, ...] | BaseException:
        """Enter a user's context manager; return the arguments of the requests, or the error that was raised.

        Args:
            user: the user.
            stack: the stack of context managers that keeps the user's.
            due_ns: the time at which the request was due that the user enters for; None before the load.
        """
        if due_ns is not None:
            self._users.starts(user, due_ns)
        try:
            return await self._call.enter_async(stack)
        except BaseException as error:
            if self._is_to_be_raised(user, error):
                raise
            return error
        finally:
            self._users.flying.pop(user, None)

    async def make(self, user: AsyncUser, arguments: tuple[Any, ...], due_ns: int) -> bool:
        """Make one request and record it; return False if the next request needs a new connection."""
        self._users.starts(user, due_ns)
        try:
            result = await self._call.function(*arguments)
            if type(result) not in self._checked:
                self._call.refuse(result)
                self._checked.add(type(result))
        except BaseException as error:
            if self._is_to_be_raised(user, error):
                raise
            self.fail(error, due_ns)
            return user.cancelled_ns is None and not self._call.ends_connection(error)
        else:
            if user.cancelled_ns is None:
                self._recorder.answered(due_ns, self._recorder.now_ns())
            return user.cancelled_ns is None
        finally:
            del self._users.flying[user]

    def fail(self, error: BaseException, due_ns: int) -> None:
        """Record the error of a request, which ends now."""
        end_ns = self._recorder.now_ns()
        no_answer = self._call.has_no_answer(error, end_ns - due_ns)
        self._recorder.raised(error, due_ns, end_ns, has_no_answer=no_answer)

    async def until_given_up(self, user: AsyncUser, work: Work) -> None:
        """Do work of a user until the work comes to its end, or a request in it is given up."""
        try:
            await user.task.part(work)
        except BaseException as error:
            if user.cancelled_ns is None or user.task.is_cancelled_by(error) or not self._call.is_error(error):
                raise
        user.cancelled_ns = None

    def _is_to_be_raised(self, user: AsyncUser, error: BaseException) -> bool:
        """Return whether an exception is more than the error of its request."""
        return user.cancelled_ns is not None or user.task.is_cancelled_by(error) or not self._call.is_error(error)

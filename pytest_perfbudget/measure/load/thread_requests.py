"""The requests of a load of plain functions: a user enters its context manager, and each request is recorded once.

This module does not know when a request is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from pytest_perfbudget.measure.load.call import LoadCall
from pytest_perfbudget.measure.load.recorder import LoadRecorder
from pytest_perfbudget.measure.load.thread_users import Request, ThreadUsers


class ThreadRequests:
    """The requests of one load, which the threads of all users make.

    Args:
        call: the request.
        recorder: the recorder of the load, which several threads use.
        users: the users of the load.
    """

    def __init__(self, call: LoadCall, recorder: LoadRecorder, users: ThreadUsers) -> None:
        self._call = call
        self._recorder = recorder
        self._users = users
        self._checked: set[type] = set()

    @contextmanager
    def kept(self) -> Iterator[ExitStack]:
        """Yield the stack of a user's context manager; an error at the end of the context manager is noted."""
        has_worked = False
        try:
            with ExitStack() as stack:
                yield stack
                has_worked = True
        except BaseException as error:
            if not has_worked or not self._call.is_error(error):
                raise
            self._users.unclean.add(error)

    def begun(self, due_ns: int) -> Request:
        """Return a request that begins with the set-up of its user."""
        request = Request(due_ns)
        self._users.starts(request)
        return request

    def enter(self, stack: ExitStack, begun: Request | None) -> tuple[Any, ...] | BaseException:
        """Enter a user's context manager; return the arguments of the requests, or the error that was raised."""
        try:
            return self._call.enter(stack)
        except BaseException as error:
            if not self._call.is_error(error):
                raise
            return error
        finally:
            if begun is not None:
                self._users.ends()

    def fail(self, error: BaseException, due_ns: int, end_ns: int) -> None:
        """Record the error of a request."""
        no_answer = self._call.has_no_answer(error, end_ns - due_ns)
        self._recorder.raised(error, due_ns, end_ns, has_no_answer=no_answer)

    def make(self, arguments: tuple[Any, ...], due_ns: int, request: Request | None = None) -> bool:
        """Make one request and record it; return False if it was given up before, or has ended the user's connection.

        Args:
            arguments: of the request.
            due_ns: the time at which the request is due.
            request: the request if it has begun with the set-up of its user.
        """
        recorder = self._recorder
        own = request or Request(due_ns)
        self._users.starts(own)
        try:
            result = self._call.function(*arguments)
            if type(result) not in self._checked:
                self._call.refuse(result)
                self._checked.add(type(result))
        except BaseException as error:
            if not self._call.is_error(error):
                raise
            end_ns = recorder.now_ns()
            if goes_on := own.settle():
                self.fail(error, due_ns, end_ns)
                goes_on = not self._call.ends_connection(error)
        else:
            end_ns = recorder.now_ns()
            if goes_on := own.settle():
                recorder.answered(due_ns, end_ns)
        finally:
            self._users.ends()
        return goes_on

"""The errors at the end of users' context managers, which say nothing about a request."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_perfbudget.core.load.error_groups import ErrorGroup, ErrorGroups
from pytest_perfbudget.measure.load.recorder import of_the_user


class LeavingErrors:
    """The errors of a load with which users left their context managers.

    Attributes:
        first: of each type of exception, the first, with the frames of the user's code only.
    """

    def __init__(self) -> None:
        self.first: dict[type[BaseException], BaseException] = {}
        self._groups = ErrorGroups()

    def __iter__(self) -> Iterator[ErrorGroup]:
        """Yield the groups of the same type and message, the largest first."""
        return iter(self._groups)

    def add(self, error: BaseException) -> None:
        """Add the error of one user."""
        self._groups.add(type(error).__name__, str(error), 0)
        self.first.setdefault(type(error), error.with_traceback(of_the_user(error.__traceback__)))

    def failed_check(self, checks: tuple[type[BaseException], ...]) -> BaseException | None:
        """Return the first exception of a failed check, such as an assertion; None if there is none.

        A connection that cannot be closed cleanly, because the server was killed, is none.
        """
        return next((one for one in self.first.values() if isinstance(one, checks)), None)

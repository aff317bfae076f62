"""The output of repeated code: a reader wants to see the output of the first execution only."""

from __future__ import annotations

import contextlib
import logging
import os
import unittest
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TextIO

import pytest

_CAPTURING: Final = {"capsys", "capfd", "capsysbinary", "capfdbinary", "capteesys"}
_SUBTESTS: Final = "subtests"


class QuietOutput:
    """Silence for the repetitions of a test's code, so that they report nothing and the rounds do not time reports.

    Printed text, log records, warnings and subtests of the repetitions are dropped. What a fixture of the test reads,
    such as `capsys` or `caplog`, stays as it is. Another plugin's timeout is lifted: it was meant for one execution.

    Args:
        item: the test.
        lift_timeout: a function that lifts the timeout.
    """

    def __init__(self, item: pytest.Item, lift_timeout: Callable[[], None]) -> None:
        self._item = item
        self._fixtures = set(getattr(item, "fixturenames", ()))
        self._lift_timeout = lift_timeout
        self._is_silent = False

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Drop the output within the block."""
        self._lift_timeout()
        with ExitStack() as undo:
            if not self._fixtures & _CAPTURING:
                undo.enter_context(contextlib.redirect_stdout(_nowhere()))
                undo.enter_context(contextlib.redirect_stderr(_nowhere()))
            if "recwarn" not in self._fixtures:
                undo.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
            if "caplog" not in self._fixtures:
                undo.enter_context(_without_log_handlers())
            undo.enter_context(self._without_subtests())
            yield

    def quiet_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the test's function with a `subtests` fixture that can be silent."""
        found = dict(arguments)
        if _SUBTESTS in found:
            found[_SUBTESTS] = _Subtests(found[_SUBTESTS], self)
        return found

    @property
    def is_silent(self) -> bool:
        """Whether repetitions are running."""
        return self._is_silent

    @contextmanager
    def _without_subtests(self) -> Iterator[None]:
        instance = getattr(self._item, "instance", None)
        is_case = isinstance(instance, unittest.TestCase)
        self._is_silent = True
        if is_case:
            vars(instance)["subTest"] = _no_subtest
        try:
            yield
        finally:
            self._is_silent = False
            if is_case:
                vars(instance).pop("subTest", None)


class _Subtests:
    """The `subtests` fixture, whose `test` reports nothing while the output is silent."""

    def __init__(self, fixture: Any, output: QuietOutput) -> None:  # noqa: ANN401
        self._fixture = fixture
        self._output = output

    def test(self, *args: Any, **kwargs: Any) -> AbstractContextManager[Any]:  # noqa: ANN401
        found: AbstractContextManager[Any] = self._fixture.test(*args, **kwargs)
        return nullcontext() if self._output.is_silent else found

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._fixture, name)


def _no_subtest(*args: object, **kwargs: object) -> AbstractContextManager[None]:  # noqa: ARG001
    return nullcontext()


@lru_cache(maxsize=1)
def _nowhere() -> TextIO:
    """Return a file that drops everything; the file stays open, because the measured code may keep it."""
    return Path(os.devnull).open("w", encoding="utf-8")


@contextmanager
def _without_log_handlers() -> Iterator[None]:
    """Take pytest's own handlers from the root logger; another handler keeps Python from its last resort."""
    root = logging.getLogger()
    before = root.handlers[:]
    ours = [one for one in before if type(one).__module__ == "_pytest.logging"]
    for one in ours:
        root.removeHandler(one)
    stand_in = logging.NullHandler()
    root.addHandler(stand_in)
    try:
        yield
    finally:
        root.removeHandler(stand_in)
        # In their old order, before handlers that the code may have added.
        root.handlers[:0] = [one for one in ours if one not in root.handlers]

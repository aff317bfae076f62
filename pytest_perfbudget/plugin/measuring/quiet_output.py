"""The output of repeated code: a reader wants to see the output of the first execution only."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import unittest
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from typing import Any, Final, TextIO

import pytest

from pytest_perfbudget.errors import MisuseError
from pytest_perfbudget.measure.timed_rounds import REPEATED

_SUBTESTS: Final = "subtests"

_SKIPPING: Final = (pytest.skip.Exception, pytest.xfail.Exception, unittest.SkipTest)


class QuietOutput:
    """Silence for the repetitions of a test's code, so that they report nothing and the rounds do not time reports.

    Printed text, log records, warnings and subtests of the repetitions are dropped. What a fixture of the test reads,
    such as `capsys` or `caplog`, stays as it is.

    Args:
        item: the test.
        relaxed_timeout: a function that returns a context in which another plugin's timeout leaves time to measure.
    """

    def __init__(self, item: pytest.Item, relaxed_timeout: Callable[[], AbstractContextManager[None]]) -> None:
        self._item = item
        self._relaxed_timeout = relaxed_timeout
        self._is_silent = False

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Drop the output within the block; a block within a block changes nothing.

        Raises:
            MisuseError: an execution skipped the test, which the first execution did not.
        """
        if self._is_silent:
            yield
            return
        fixtures = self._fixtures()
        with ExitStack() as undo:
            undo.enter_context(self._relaxed_timeout())
            if not self._is_captured():
                undo.enter_context(contextlib.redirect_stdout(_nowhere()))
                undo.enter_context(contextlib.redirect_stderr(_nowhere()))
            if "recwarn" not in fixtures:
                # Filters stay as they are, so that a warning that is an error stays an error.
                undo.enter_context(warnings.catch_warnings(record=True))
            if "caplog" not in fixtures:
                undo.enter_context(_without_log_handlers())
            undo.enter_context(self._without_subtests())
            try:
                yield
            except _SKIPPING as skipped:
                message = f"a repetition skipped the test ({skipped}). {REPEATED}"
                raise MisuseError(message) from None

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

    def _fixtures(self) -> set[str]:
        """Return the names of the test's fixtures, those requested at run time included."""
        request = getattr(self._item, "_request", None)
        return {*getattr(self._item, "fixturenames", ()), *getattr(request, "_fixture_defs", ())}

    def _is_captured(self) -> bool:
        """Return whether a fixture of the test reads the output, or has replaced the streams."""
        capture = self._item.config.pluginmanager.getplugin("capturemanager")
        is_read = getattr(capture, "_capture_fixture", None) is not None
        return is_read or not (_is_usual(sys.stdout, sys.__stdout__) and _is_usual(sys.stderr, sys.__stderr__))

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
        return _no_subtest() if self._output.is_silent else found

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._fixture, name)


@contextmanager
def _no_subtest(*args: object, **kwargs: object) -> Iterator[None]:  # noqa: ARG001
    """Run a subtest without a report; a subtest may skip, and a failure fails the test."""
    with contextlib.suppress(*_SKIPPING):
        yield


def _is_usual(stream: object, original: object) -> bool:
    """Return whether a stream is the process's own, or pytest's capture."""
    return stream is original or type(stream).__module__ == "_pytest.capture"


@lru_cache(maxsize=1)
def _nowhere() -> TextIO:
    """Return a file that drops everything; the file stays open, because the measured code may keep it.

    The descriptor is not the file's own, so the end of the process warns of no file that was left open.
    """
    return open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)


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

"""The perf tests that the base chooses by its own settings; a plugin, because the base is asked after the last test."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_perfbudget.compare.strategy import ComparisonStrategy
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.plugin.collection.perf_tests import PerfTests

if TYPE_CHECKING:
    from pytest_perfbudget.checkout.base_tests import BaseTests


class TestsOfBase:
    """The question to the base, whose answer shows what a pull request keeps pytest from collecting or measuring.

    A pull request that changes nothing but modules without a word about tests cannot do that, and costs no question.

    Args:
        tests: the perf tests of the session.
        changes: the changes of the pull request.
        comparison: the comparison with the base.
    """

    def __init__(self, tests: PerfTests, changes: BaseTests, comparison: ComparisonStrategy) -> None:
        self._tests = tests
        self._changes = changes
        self._comparison = comparison

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Ask the base after the last test, if tests have run."""
        result = yield
        option = session.config.option
        if not (option.collectonly or option.setuponly or option.setupplan) and self._changes.changes_concerning_tests:
            try:
                self._tests.note_chosen_by_base(self._comparison.perf_tests_of_base())
            except WorkerError as error:
                self._tests.note_unknown_base(str(error))
        return result

"""The question to the base about its perf tests; a plugin, because the base is asked after the last test."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_perfbudget.compare.strategy import ComparisonStrategy
from pytest_perfbudget.errors import WorkerError
from pytest_perfbudget.plugin.collection.collected import nodeid_of
from pytest_perfbudget.plugin.collection.perf_tests import PerfTests
from pytest_perfbudget.plugin.collection.xfail_marks import is_expected_to_fail
from pytest_perfbudget.plugin.keys import replaces_fixtures
from pytest_perfbudget.plugin.lock import ExclusiveLock
from pytest_perfbudget.report.changed_tests import changed_test_text

if TYPE_CHECKING:
    from pytest_perfbudget.compare.changed_tests import ChangedTests


class TestsOfBase:
    """The question to the base, whose answer shows what a pull request keeps from being measured or from failing.

    A pull request that changes the product alone may do that, too, because a condition of a test may read a value of
    the product.

    Args:
        tests: the perf tests of the session.
        comparison: the comparison with the base.
        lock: the lock that keeps other workers of pytest-xdist from measuring beside the base's processes.
        is_first: whether this process asks for all tests; other workers of pytest-xdist ask for those that they skip.
        changed: the tests that the pull request changes; None if that does not matter.
    """

    def __init__(
        self,
        tests: PerfTests,
        comparison: ComparisonStrategy,
        lock: ExclusiveLock,
        *,
        is_first: bool,
        changed: ChangedTests | None = None,
    ) -> None:
        self._tests = tests
        self._comparison = comparison
        self._lock = lock
        self._is_first = is_first
        self._changed = changed
        self._skipped: dict[str, None] = {}
        self._expected_to_fail: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skipped test."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped[report.nodeid] = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Ask the base after the last test, if tests have run."""
        # Before a test: a fixture may add a mark.
        self._expected_to_fail = [nodeid_of(item) for item in session.items if is_expected_to_fail(item)]
        result = yield
        option = session.config.option
        if option.collectonly or option.setuponly or option.setupplan:
            return result
        try:
            with self._lock.exclusive():
                self._ask(session)
        except WorkerError as error:
            self._tests.note_unknown_base(str(error))
        if self._changed is not None:
            with self._lock.exclusive():
                self._note_changed(self._changed, session.config.option.perf_against)
        return result

    def _note_changed(self, changed: ChangedTests, against: str) -> None:
        for test, one in changed.compared().items():
            if one.change is not None:
                self._tests.note_reason(one.change.value, test, changed_test_text(one, test, against))

    def _ask(self, session: pytest.Session) -> None:
        answer = self._comparison.choice_of_base() if self._is_first or self._expected_to_fail else None
        if answer is not None:
            self._tests.note_chosen_by_base(answer.perf_tests)
            added = set(self._expected_to_fail) & set(answer.perf_tests) - set(answer.expected_to_fail)
            self._tests.note("xfail added", sorted(added))
            replacing = {nodeid_of(item) for item in session.items if replaces_fixtures(item)}
            self._tests.note("replacing", sorted(replacing & set(answer.perf_tests) - set(answer.replacing)))
        skipped = [one for one in self._tests.among(session.items) if one in self._skipped]
        ended = self._comparison.run_by_base(skipped) if skipped else ()
        self._tests.note("run by base", [one.nodeid for one in ended if not one.problem])
        self._tests.note("skipped by base", [one.nodeid for one in ended if one.is_skipped])

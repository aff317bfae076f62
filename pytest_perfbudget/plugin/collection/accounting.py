"""The baseline's measurements that a session should make; a plugin, because it has to observe the collection."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.plugin.collection.collected import Collected, nodeid_of

Expectations = dict[str, list[list[str]]]
"""Measurements, each as test and name: those `expected` of the session, those that are `absent`, and the `others`.

For a comparison with a commit, `collected` has the perf tests that were collected, `chosen` those that should run,
`by conftest` those that a conftest.py has left out, and `both` those tests that the commit has, too. Of the commit's
perf tests, `unmarked` are no perf tests any more, and the files of `skipped` were skipped. `running` has the perf tests
that are about to run, whatever they are compared with, and `deselected` those that were collected and do not run.

Where the policy of the commit counts, the commit is asked: `of base` has the perf tests that its own settings choose,
`xfail added` those that are expected to fail here by marks, and not there, and `replacing` those that measure through a
fixture of the project here, and not there. Of the tests that were skipped here,
`run by base` has those that run there, and `skipped by base` those that do not. If the commit cannot tell,
`base unknown` has the reason. `measures less` has the changed tests that measure less than those of the commit, and
`may measure less` those of which that is not known and only a conftest.py differs, each with the reason in the place of
the name; so has `measures other code` those that measure other code, where the code before is the same in both commits.
`other file` has the modules that are imported from another file than in the commit, each with both files, and
`shadowed file` those whose file of the commit hides no change. For a history, `used` has the distributions that the
tests use, each with its version. A list that would be empty may be missing."""


class CollectionObserver:
    """An observer that notes visited, uncollected and deselected files and tests during the collection.

    Attributes:
        visited: the files that were visited.
        skipped: the files that were skipped as a whole.
        by_conftest: the tests that a conftest.py of the suite has deselected.
        has_errors: whether a file could not be collected.
    """

    def __init__(self) -> None:
        self.visited: set[str] = set()
        self.skipped: set[str] = set()
        self._uncollected: set[str] = set()
        self._deselected: set[str] = set()
        self.by_conftest: set[str] = set()
        self.has_errors = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a visited file, and whether it could not be collected or was skipped."""
        file = file_of(report.nodeid)
        self.visited.add(file)
        self.has_errors |= report.failed
        if not report.passed:
            self._uncollected.add(file)
        if report.skipped:
            self.skipped.add(file)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note the tests that a hook reports as deselected, and whether the hook is the suite's own."""
        found = {nodeid_of(item) for item in items}
        self._deselected |= found
        frame = sys._getframe(1)  # noqa: SLF001 - the way to the caller's file
        while frame.f_back is not None and Path(frame.f_code.co_filename).parent.name == "pluggy":
            frame = frame.f_back
        if Path(frame.f_code.co_filename).name == "conftest.py":
            self.by_conftest |= found

    def is_deselected(self, test: str) -> bool:
        """Return whether a hook has reported a test as deselected."""
        return test in self._deselected

    def expectations(
        self,
        known: Iterable[tuple[str, str]],
        collected: Collected,
        chosen: Collection[str],
        perf_tests: Collection[str],
    ) -> Expectations:
        """Return the state of each measurement of the baseline.

        A measurement that the command line left out is neither expected nor absent, but among the others.

        Args:
            known: the measurements of the baseline, each as test and name.
            collected: the collected tests.
            chosen: the tests that will run.
            perf_tests: the collected perf tests, chosen or not.
        """
        # A hook may drop tests without reporting them, as no option does. Such tests were expected to run.
        dropped = {test for test in collected.nodeids if test not in chosen and test not in self._deselected}
        expectations: Expectations = {"expected": [], "absent": [], "others": []}
        for test, name in known:
            # Nothing is known about the tests of a file that was skipped or is broken, so they are not forgotten.
            unknown = file_of(test) in self._uncollected
            # A test that is no longer a perf test counts as gone.
            gone = collected.is_gone(test) or (test in collected.nodeids and test not in perf_tests)
            if gone and not unknown:
                expectations["absent"].append([test, name])
            elif test in chosen or test in dropped or unknown:
                expectations["expected"].append([test, name])
            else:
                expectations["others"].append([test, name])
        return expectations

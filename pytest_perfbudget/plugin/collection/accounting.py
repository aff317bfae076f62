"""Takes account of what the baseline has of a session's tests; a plugin, for it watches them being collected."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest

from pytest_perfbudget.plugin.collection.collected import Collected, nodeid_of

Expectations = dict[str, list[list[str]]]
"""Test and measurement of what is `expected` to be measured, what is `absent`, and the `others`."""


class CollectionObserver:
    """Notes what becomes of files and tests while they are collected."""

    def __init__(self) -> None:
        self.visited: set[str] = set()
        self._uncollected: set[str] = set()
        self._deselected: set[str] = set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note which files were looked into, and which of them could not be or were skipped."""
        file = report.nodeid.partition("::")[0]
        self.visited.add(file)
        if not report.passed:
            self._uncollected.add(file)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note what was deselected and said so."""
        self._deselected |= {nodeid_of(item) for item in items}

    def expectations(
        self,
        known: Iterable[tuple[str, str]],
        collected: Collected,
        chosen: Collection[str],
        perf_tests: Collection[str],
    ) -> Expectations:
        """Return where each measurement of the baseline stands.

        What the command line left out is neither expected nor absent, it is among the others.

        Args:
            known: test and measurement of all that the baseline has.
            collected: what was collected.
            chosen: the tests that will run.
            perf_tests: those collected that are perf tests, chosen or not.
        """
        # A hook may drop items without a word, as no option does: those were expected.
        dropped = {test for test in collected.nodeids if test not in chosen and test not in self._deselected}
        expectations: Expectations = {"expected": [], "absent": [], "others": []}
        for test, name in known:
            # Of a file that was skipped or is broken nothing is known: that is no reason to forget its tests.
            unknown = test.partition("::")[0] in self._uncollected
            # A test that is no perf test any more is as good as gone.
            gone = collected.is_gone(test) or (test in collected.nodeids and test not in perf_tests)
            if gone and not unknown:
                expectations["absent"].append([test, name])
            elif test in chosen or test in dropped or unknown:
                expectations["expected"].append([test, name])
            else:
                expectations["others"].append([test, name])
        return expectations

"""The perf tests of a session: which of the collected tests they are, and which of them will run."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline
from pytest_perfbudget.checkout.other_files import OtherFile
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.plugin.collection.accounting import CollectionObserver, Expectations
from pytest_perfbudget.plugin.collection.codspeed import codspeed_limits, hide_max_rounds, is_codspeed_test
from pytest_perfbudget.plugin.collection.collected import Collected, nodeid_of
from pytest_perfbudget.plugin.collection.config_checks import ConfigChecks
from pytest_perfbudget.plugin.collection.kind import PerfTestKind, is_perf_test, kind_of
from pytest_perfbudget.plugin.collection.markers import marker_limits, may_limit_spans, may_need_scipy, needs_scipy
from pytest_perfbudget.plugin.collection.parameters import data_files_of, digest_of, family_of
from pytest_perfbudget.plugin.keys import CHILD

PERF_TEST: Final = pytest.StashKey[bool]()
"""The key under which a perf test is known."""


class PerfTests:
    """The perf tests among the collected tests of a session.

    Attributes:
        observer: the plugin that observes the collection.
        collected: all collected tests.
        expectations: the measurements of the baseline or of another commit, by their state in this session.
        is_any: whether there is a perf test.
        looks_at_spans: whether a table or a marker limits spans, or a call may.
        needs_scipy: whether a table or a marker limits a mean or spans, or a test generates load.
    """

    def __init__(self, config: pytest.Config, settings: Settings, policy: Policy) -> None:
        self.observer = CollectionObserver()
        self.collected = Collected(config, ())
        self.expectations: Expectations = {}
        self.is_any = False
        tables = [settings.limits, *(rule.limits for rule in (*settings.entries, *settings.components))]
        self.needs_scipy = any(map(needs_scipy, tables))
        self.looks_at_spans = bool(config.option.perf_spans) or any(one.spans for one in tables)
        self._config = config
        self._settings = settings
        self._policy = policy
        self._child: Any = config.pluginmanager.getplugin(CHILD)
        self._checks = ConfigChecks(config, settings, strict=policy.strict)
        self._known: set[str] = set()
        self._collected: list[pytest.Item] = []
        self._cases: dict[Hashable, list[str]] = {}

    def find(self, collected: list[pytest.Item], baseline: Baseline) -> None:
        """Find the perf tests among the collected tests.

        Raises:
            UsageError: there are mistakes in the configuration or in markers.
        """
        self.collected = Collected(self._config, collected, self.observer.visited)
        self._collected = collected
        self._known = {key.test for key in baseline.lines}
        mistakes: dict[str, None] = {}
        for check in (*(partial(self._classify, item) for item in collected), partial(self._check, collected)):
            try:
                check()
            except ConfigError as error:
                mistakes[str(error)] = None
        if mistakes:
            raise pytest.UsageError("\n".join(mistakes))

    def kind(self, item: pytest.Item) -> PerfTestKind | None:
        """Return which part of a test is measured; None if the test is no perf test.

        Other plugins decide after the collection how often and in how many threads they run a test.
        """
        return kind_of(item) if PERF_TEST in item.stash else None

    def among(self, items: Iterable[pytest.Item]) -> list[str]:
        """Return the node ids of the perf tests among items."""
        return [nodeid_of(item) for item in items if PERF_TEST in item.stash]

    def limits_of(self, item: pytest.Item) -> list[Limits]:
        """Return the limits in the markers of an item, from the test outwards.

        A fresh process judges nothing, so a mistake in a marker of another commit does not matter there.
        """
        found: list[Limits] = []
        for node, mark in item.iter_markers_with_node("perf_budget"):
            with suppress(ConfigError) if self._child is not None else nullcontext():
                found.append(marker_limits(node, mark))
        if self._settings.codspeed or any(rule.matches(nodeid_of(item)) for rule in self._settings.entries):
            with suppress(ConfigError) if self._child is not None else nullcontext():
                found += codspeed_limits(item)
        return found

    def select(self, items: list[pytest.Item], *, is_updating: bool) -> None:
        """Leave out the perf tests, or all other tests, if the command line asks for that."""
        option = self._config.option
        if not (option.perf_only or is_updating or option.perf_skip):
            return
        left_out = [item for item in items if (PERF_TEST in item.stash) is bool(option.perf_skip)]
        items[:] = [item for item in items if (PERF_TEST in item.stash) is not bool(option.perf_skip)]
        self._config.hook.pytest_deselected(items=left_out)

    def check_identity(self, items: list[pytest.Item]) -> None:
        """Refuse perf tests whose node id does not tell their file, so that other processes could not find them.

        Raises:
            UsageError: there is such a test.
        """
        for item in items:
            file = file_of(nodeid_of(item))
            if PERF_TEST in item.stash and not (file and (self._config.rootpath / file).is_file()):
                message = (
                    f"{nodeid_of(item)} of {item.path} lies outside the root folder {self._config.rootpath}, so its "
                    "node id does not name its file: add --rootdir with a folder that holds the tests"
                )
                raise pytest.UsageError(message)

    def expect(self, items: list[pytest.Item], collected: list[pytest.Item], baseline: Baseline) -> set[str]:
        """Note the state of each measurement of the baseline, and return the files of those of this machine.

        Args:
            items: the tests that will run.
            collected: all collected tests.
            baseline: the baseline.
        """
        known: list[tuple[str, str]] = []
        if baseline.lines:
            # A test that another machine has measured may exist on that machine only.
            here = this_machine().key
            known = sorted({(key.test, key.name) for key in baseline.lines if key.machine == here})
        chosen = {nodeid_of(item) for item in items}
        self.expectations = self.observer.expectations(known, self.collected, chosen, self.among(collected))
        if self._config.option.perf_against is not None:
            self._note("chosen", [[test, ""] for test in self.among(items)])
            if perf_tests := self.among(collected):
                self._note("collected", [[test, ""] for test in perf_tests])
                left_out = [test for test in perf_tests if test not in chosen and self._is_left_out_by_suite(test)]
                self._note("by conftest", [[test, ""] for test in left_out])
        return {file_of(test) for test, _ in known}

    def _is_left_out_by_suite(self, test: str) -> bool:
        """Return whether a conftest.py has left a test out, and has reported that to pytest or not."""
        if self.observer.is_deselected(test):
            return test in self.observer.by_conftest
        hooks = self._config.hook.pytest_collection_modifyitems.get_hookimpls()
        return any(Path(getattr(one.plugin, "__file__", None) or "").name == "conftest.py" for one in hooks)

    def note_running(self, items: list[pytest.Item]) -> None:
        """Note the perf tests that are about to run, and those left out, when no plugin leaves out tests any more."""
        running = dict.fromkeys(self.among(items))
        self._note("running", [[test, ""] for test in running])
        self._note("deselected", [[test, ""] for test in self.among(self._collected) if test not in running])

    def data_files(self, nodeid: str) -> list[Path]:
        """Return the files that the parameters of a test name."""
        return [file for item in self._collected if nodeid_of(item) == nodeid for file in data_files_of(item)]

    def note_base(self, perf_tests: Collection[str]) -> None:
        """Note the perf tests of another commit: those that are none any more, and those that both sides have."""
        self._note("both", [[test, ""] for test in perf_tests if test in self.collected.nodeids])
        skipped = {test for test in perf_tests if file_of(test) in self.observer.skipped}
        gone = [test for test in perf_tests if test not in skipped and self.collected.is_gone(test)]
        own = set(self.among(self._collected))
        self._note("skipped", [[test, ""] for test in perf_tests if test in skipped])
        self._note("absent", [[test, ""] for test in gone])
        self._note("unmarked", [[test, ""] for test in perf_tests if test in self.collected.nodeids - own])

    def note_chosen_by_base(self, perf_tests: Collection[str]) -> None:
        """Note the perf tests that another commit chooses by its own settings."""
        self.note_base(perf_tests)
        self.note("of base", perf_tests)

    def note_unknown_base(self, problem: str) -> None:
        """Note why another commit cannot tell what it does with its perf tests."""
        self._note("base unknown", [[problem, ""]])

    def note_reason(self, state: str, test: str, reason: str) -> None:
        """Note a test in a state that has a reason in the place of the name; see `accounting.Expectations`."""
        self._note(state, [[test, reason]])

    def note(self, state: str, tests: Collection[str]) -> None:
        """Note tests in a state; see `accounting.Expectations`."""
        self._note(state, [[test, ""] for test in tests])

    def note_lost(self, nodeid: str, names: Collection[str]) -> None:
        """Note those measurements of another commit's test that the test no longer makes."""
        self._note("absent", [[nodeid, name] for name in names])

    def note_other_files(self, found: Iterable[OtherFile]) -> None:
        """Note the modules that the session imports from another file than another commit."""
        for one in found:
            state = "other file" if one.is_hiding else "shadowed file"
            self._note(state, [[one.module, f"{one.head} instead of {one.base}"]])

    def _note(self, state: str, measurements: list[list[str]]) -> None:
        known = self.expectations.setdefault(state, [])
        known += [one for one in measurements if one not in known]

    def cases_of(self, item: pytest.Item) -> list[str]:
        """Return the digests of all collected cases of a test."""
        family = family_of(item)
        if family not in self._cases:
            found = (digest_of(one) for one in self._collected if family_of(one) == family)
            self._cases[family] = [one for one in found if one]
        return self._cases[family]

    def _is_requested(self, item: pytest.Item) -> bool:
        """Return whether this is a fresh process and its session wants the test measured.

        The session decides, because another commit may lack a test's marker, or the table that names the test.
        """
        return self._child is not None and self._child.is_requested(item)

    def _classify(self, item: pytest.Item) -> None:
        settings = self._settings
        is_own = is_perf_test(item, settings.entries, codspeed=settings.codspeed)
        if not (is_own or self._is_requested(item)):
            known = nodeid_of(item) in self._known
            if not (known and "benchmark" in getattr(item, "fixturenames", ())):
                return
        for limits in self.limits_of(item):  # an unknown keyword is an error before anything runs
            self.needs_scipy |= needs_scipy(limits)
            self.looks_at_spans |= bool(limits.spans)
            if self._child is None:
                self._checks.component(limits.component, item)
        self.needs_scipy |= "perf_load" in getattr(item, "fixturenames", ()) or may_need_scipy(item.path)
        self.looks_at_spans |= may_limit_spans(item.path)
        if is_codspeed_test(item):
            hide_max_rounds(item)
        item.stash[PERF_TEST] = True
        self.is_any = True

    def _check(self, items: list[pytest.Item]) -> None:
        if self._child is not None:  # its session has checked the configuration, and collects more
            return
        perf_tests = self.among(items)
        self._checks.table_above()
        if not self.observer.has_errors:  # a pattern may match tests of a file that could not be collected
            self._checks.patterns(self.collected, perf_tests)
        if not (self._policy.gate is GateMode.OFF or (self._config.rootpath / self._settings.baseline).exists()):
            self._checks.root_folder(perf_tests)

"""The measuring half of the plugin: which tests are perf tests, and what happens around each."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import pytest

from pytest_perfbudget.baseline.call_profiles import calls_file, check_calls
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline
from pytest_perfbudget.baseline.store import read
from pytest_perfbudget.compare.launcher import ProcessLauncher
from pytest_perfbudget.compare.strategy import ComparisonStrategy
from pytest_perfbudget.config import duration_ns, load_settings, parse_limits
from pytest_perfbudget.core.limits import Limits, Settings
from pytest_perfbudget.errors import BaselineError, ConfigError, GitError, MisuseError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.plugin.collection.accounting import CollectionObserver, Expectations
from pytest_perfbudget.plugin.collection.collected import Collected, nodeid_of, typed
from pytest_perfbudget.plugin.collection.config_checks import Checks, check_update
from pytest_perfbudget.plugin.collection.kind import PerfTestKind, mode_of
from pytest_perfbudget.plugin.hooks import ACCOUNT_OUTPUT, WORKER, asks
from pytest_perfbudget.plugin.measuring.item_run import ItemRun
from pytest_perfbudget.plugin.reporting.progress import Progress
from pytest_perfbudget.plugin.xdist.exclusive import LOCK_INPUT, ExclusiveLock
from pytest_perfbudget.report.changes import changes_text
from pytest_perfbudget.report.view import failure_text

MODE: Final = pytest.StashKey[PerfTestKind]()
RUN: Final = pytest.StashKey["ItemRun | None"]()


class PerfSession:
    """One pytest process's perf tests."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        option = config.option
        self.config = config
        self.settings = settings
        self.gate: str = option.perf_gate
        self.strict: bool = settings.strict or option.perf_strict
        self.max_time_ns = (
            duration_ns(option.perf_max_time, "--perf-max-time", "command line") if option.perf_max_time else None
        )
        self.alone = ExclusiveLock(getattr(config, "workerinput", {}).get(LOCK_INPUT))
        self.clock = SYSTEM
        self.progress = Progress(config)
        self.baseline_file = config.rootpath / settings.baseline
        self.is_child = config.pluginmanager.hasplugin(WORKER)
        self.is_updating = bool(option.perf_update_baseline) and not self.is_child
        self.baseline = Baseline()
        self.comparison = self._comparison()
        self._known = {key.test for key in self.baseline.lines}
        self.fresh = ProcessLauncher(config)
        self.expectations: Expectations = {}
        self.observer = CollectionObserver()
        self._checks = Checks(config, settings, strict=self.strict)
        self.collected = Collected(config, ())
        self._judged: pytest.Item | None = None
        self._modes: set[PerfTestKind] = set()

    @classmethod
    def from_config(cls, config: pytest.Config) -> PerfSession:
        """Read the configuration; a mistake in it becomes a usage error."""
        try:
            session = cls(config, load_settings(config.rootpath / "pyproject.toml"))
        except (ConfigError, BaselineError) as error:
            raise pytest.UsageError(str(error)) from None
        except GitError as error:
            message = f"--perf-against: {error}"
            raise pytest.UsageError(message) from None
        if session.gate != "fail" and config.option.perf_strict:
            message = f"--perf-gate={session.gate} fails nothing, which --perf-strict forbids: drop one of them"
            raise pytest.UsageError(message)
        if not session.is_child:  # it has the command line of who started it
            check_update(config)
        return session

    def adopt(self, items: list[pytest.Item], collected: list[pytest.Item]) -> None:
        """Find the perf tests among what was collected, and leave out of the items what was asked to be."""
        self.collected = Collected(self.config, collected, self.observer.visited)
        mistakes: dict[str, None] = {}
        for check in (*(partial(self._classify, item) for item in collected), partial(self._check, collected)):
            try:
                check()
            except ConfigError as error:
                mistakes[str(error)] = None
        if mistakes:
            raise pytest.UsageError("\n".join(mistakes))
        option = self.config.option
        only = option.perf_only or self.is_updating
        if only or option.perf_skip:
            left_out = [item for item in items if (MODE in item.stash) is bool(option.perf_skip)]
            items[:] = [item for item in items if (MODE in item.stash) is not bool(option.perf_skip)]
            self.config.hook.pytest_deselected(items=left_out)
        self._note_expectations(items, {nodeid_of(item) for item in collected if MODE in item.stash})
        if self.comparison is not None:
            self.comparison.begin(nodeid_of(item) for item in items if MODE in item.stash)
        self.fresh.begin()

    def _note_expectations(self, items: list[pytest.Item], perf_tests: Collection[str]) -> None:
        # What another machine has measured may be there on that one only.
        here = this_machine().key
        known = sorted({(key.test, key.name) for key in self.baseline.lines if key.machine == here})
        self.expectations = self.observer.expectations(
            known, self.collected, {nodeid_of(item) for item in items}, perf_tests
        )
        self.fresh.company = {test.partition("::")[0] for test, _ in known}
        if hasattr(self.config, "workeroutput"):  # the controller has collected nothing
            self.config.workeroutput[ACCOUNT_OUTPUT] = self.expectations

    def note_gone(self, perf_tests: Collection[str]) -> None:
        """Take account of the perf tests that another commit has, if they are not there any more."""
        absent = [[test, ""] for test in perf_tests if self.collected.is_gone(test)]
        known = self.expectations.setdefault("absent", [])
        known += [one for one in absent if one not in known]

    def _comparison(self) -> ComparisonStrategy | None:
        """Return what else is done with measurements; nothing while the baseline is being replaced."""
        if self.is_child:
            worker: Any = self.config.pluginmanager.getplugin(WORKER)
            comparison: ComparisonStrategy = worker.comparison
            return comparison
        if self.gate == "off":
            return None
        if self.config.option.perf_against is not None:
            return self._against_commit()
        found = read(self.baseline_file)
        self.baseline = found or self.baseline
        # Call profiles without their baseline: it was there and is lost.
        is_missed = self.settings.baseline_asked or calls_file(self.baseline_file).exists()
        if self.is_updating:
            check_calls(self.baseline_file)  # before anything is measured for it
            return None
        if found is None and not is_missed:
            return None
        from pytest_perfbudget.compare.baseline import BaselineComparison  # noqa: PLC0415

        return BaselineComparison(self, self.baseline)

    def _against_commit(self) -> ComparisonStrategy:
        # Imported where they are chosen: most sessions compare with nothing.
        from pytest_perfbudget.checkout.revision import find_base  # noqa: PLC0415

        base = find_base(self.config.rootpath, self.config.option.perf_against)
        if self.settings.duet.mode == "sequential":
            from pytest_perfbudget.compare.sequential import SequentialComparison  # noqa: PLC0415

            return SequentialComparison(self, base)
        from pytest_perfbudget.compare.paired import PairedComparison  # noqa: PLC0415

        return PairedComparison(self, base)

    def run_of(self, item: pytest.Item) -> ItemRun:
        """Return the run of an item; a new one if it asked for `perf` only at run time."""
        run = item.stash.get(RUN, None)
        if run is None:
            run = item.stash[RUN] = ItemRun(self, item, PerfTestKind.FIXTURE, self._late_warnings())
        return run

    def _late_warnings(self) -> list[str]:
        if not self.alone.is_needed:
            return []
        return ["it was known as a perf test at run time only: other workers' tests may have run beside it"]

    def stop_timeout(self) -> None:
        """Let pytest-timeout rest for the test that is judged: its body is over, and what follows takes seconds."""
        cancel = getattr(self.config.hook, "pytest_timeout_cancel_timer", None)
        if cancel is not None and self._judged is not None:
            cancel(item=self._judged)

    def limits_of(self, item: pytest.Item) -> list[Limits]:
        """Return what the markers of an item say, from the test outwards."""
        return [_marker_limits(node, mark) for node, mark in item.iter_markers_with_node("perf_budget")]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run a perf test alone, and any other test not beside one."""
        if not self._modes:
            return (yield)
        with self.alone.by_itself() if MODE in item.stash else self.alone.among_others():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin a run; a test that is run again begins a new one."""
        item.stash[RUN] = None
        with _misuse_fails():
            if MODE in item.stash:
                item.stash[RUN] = ItemRun(self, item, item.stash[MODE])
            yield

    @contextmanager
    def measuring(self, item: pytest.Item) -> Iterator[None]:
        """Let the test's body be the repeated one if that is what is measured."""
        run = item.stash.get(RUN, None)
        with _misuse_fails():
            if run is None and item.get_closest_marker("perf_budget") is not None:
                # A fixture has marked it since it was collected.
                run = item.stash[RUN] = ItemRun(self, item, mode_of(item), self._late_warnings())
            if run is None:
                yield
            else:
                with run.measuring():
                    yield

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Let what is compared with be measured, if that comes first."""
        option = self.config.option
        if self.comparison is not None and not (option.collectonly or option.setuponly or option.setupplan):
            self.comparison.start()
        return (yield)

    def pytest_unconfigure(self) -> None:
        """Let go of what was started to compare with."""
        if self.comparison is not None:
            self.comparison.close()

    def judge(self, item: pytest.Item) -> None:
        """Judge a test whose body has passed, and fail it if a budget is red."""
        run = item.stash.get(RUN, None)
        if run is None:
            return
        self.fresh.saw((SYSTEM.wall_ns() - run.started_ns) / 1e9)
        self._judged = item
        with _misuse_fails():
            measurements = run.finish()
        if self.gate == "fail" and not self.is_child:
            budgets = failure_text(measurements, strict=self.strict, errors=self.settings.errors)
            text = "\n".join(
                filter(
                    None, [budgets, changes_text(measurements, strict=self.strict, typed=partial(typed, self.config))]
                )
            )
            if text:
                run.failure = pytest.fail.Exception(text, pytrace=False)
                raise run.failure

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Say in one line that it is too late to measure."""
        with _misuse_fails():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the results on the report, as builtins: it may have to cross to the controller."""
        report = yield
        run = item.stash.get(RUN, None)
        if call.when != "call" or run is None or run.finished is None:
            return report
        # unittest keeps a failure or skip to itself until here: such a test was not judged.
        if call.excinfo is None or call.excinfo.value is run.failure:
            report.__dict__["perfbudget"] = [measurement.to_dict() for measurement in run.finished]
        return report

    def is_asked(self, item: pytest.Item) -> bool:
        """Return whether a test itself or the configuration says that it is a perf test."""
        return asks(item) or any(rule.matches(nodeid_of(item)) for rule in self.settings.entries)

    def _classify(self, item: pytest.Item) -> None:
        if not self.is_asked(item):
            # A fresh process collects what it was asked for, and who asked knew it.
            known = self.is_child or nodeid_of(item) in self._known
            if not (known and "benchmark" in getattr(item, "fixturenames", ())):
                return
        for limits in self.limits_of(item):  # an unknown keyword is an error before anything runs
            self._checks.component(limits.component, item)
        mode = item.stash[MODE] = mode_of(item)
        self._modes.add(mode)

    def _check(self, items: list[pytest.Item]) -> None:
        perf_tests = [nodeid_of(item) for item in items if MODE in item.stash]
        self._checks.patterns(self.collected, perf_tests)
        if not (self.is_child or self.gate == "off" or self.baseline_file.exists()):
            self._checks.place(perf_tests)


def _marker_limits(node: Any, mark: pytest.Mark) -> Limits:  # noqa: ANN401 - pytest.nodes.Node is not public
    place = f"perf_budget marker of {node.nodeid}"
    if "name" in mark.kwargs:
        message = f"{place}: the name comes first and without a keyword: perf_budget({mark.kwargs['name']!r}, ...)"
        raise ConfigError(message)
    if len(mark.args) > 1 or not all(isinstance(name, str) and name for name in mark.args):
        message = f"{place}: takes one name and keywords, such as perf_budget('parse', p95_ms=5), found {mark.args!r}"
        raise ConfigError(message)
    return parse_limits(mark.kwargs, place, name=next(iter(mark.args), None))


@contextmanager
def _misuse_fails() -> Iterator[None]:
    """Turn a mistake in the use of `perf` into a failure without our stack."""
    try:
        yield
    except (MisuseError, ConfigError) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None

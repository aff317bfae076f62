"""The measuring half of the plugin: it measures and judges each perf test."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_perfbudget.baseline.schema import Baseline
from pytest_perfbudget.compare.launcher import ProcessLauncher
from pytest_perfbudget.compare.session_pace import SessionPace
from pytest_perfbudget.compare.strategy import ComparisonStrategy
from pytest_perfbudget.core.decision import find
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.kept_blocks import wanted
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.core.spans.known_names import KnownNames
from pytest_perfbudget.errors import ComparisonError
from pytest_perfbudget.measure.busy_threads import BusyThreads
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.measure.plan import MoreBlocks
from pytest_perfbudget.plugin.collection.collected import nodeid_of, typed
from pytest_perfbudget.plugin.collection.kind import PerfTestKind, kind_of
from pytest_perfbudget.plugin.collection.perf_tests import PerfTests
from pytest_perfbudget.plugin.failure import failure_of, misuse_fails
from pytest_perfbudget.plugin.keys import (
    CHILD,
    EXPECTATIONS_OUTPUT,
    KNOWN_SPANS_OUTPUT,
    LOCK_INPUT,
    REMARK_OUTPUT,
    SHARING_OUTPUT,
    SUGGESTING,
    is_marked,
    worker_input,
)
from pytest_perfbudget.plugin.late_reports import log_late, report_after_the_end
from pytest_perfbudget.plugin.lock import ExclusiveLock
from pytest_perfbudget.plugin.measuring.fake_files import real_files
from pytest_perfbudget.plugin.measuring.item_run import ItemRun
from pytest_perfbudget.plugin.measuring.properties import record_properties
from pytest_perfbudget.plugin.measuring.timeout import relaxed_timeout, stop_timeout
from pytest_perfbudget.plugin.progress import Progress
from pytest_perfbudget.report import findings as words

if TYPE_CHECKING:
    from pytest_perfbudget.checkout.base_policy import BasePolicy
    from pytest_perfbudget.compare.changed_tests import ChangedTests
    from pytest_perfbudget.measure.span_receiver import SpanReceiver

RUN: Final = pytest.StashKey["ItemRun | None"]()


class PerfSession:
    """The perf tests of one pytest process."""

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        policy: Policy,
        *,
        launcher: ProcessLauncher,
        progress: Progress,
        max_time_ns: int | None,
    ) -> None:
        self.config = config
        self.settings = settings
        self.policy = policy
        self.launcher = launcher
        self.progress = progress
        self.max_time_ns = max_time_ns
        self.fewest_rounds: int = getattr(config.pluginmanager.getplugin(SUGGESTING), "FEWEST_ROUNDS", 0)
        self.clock = SYSTEM
        self.baseline_file = config.rootpath / settings.baseline
        self.baseline = Baseline()
        self.comparison: ComparisonStrategy | None = None
        self.receiver: SpanReceiver | None = None
        self.known_spans = KnownNames()
        self.base_policy: BasePolicy | None = None
        self.changed_tests: ChangedTests | None = None
        self.is_child = config.pluginmanager.hasplugin(CHILD)
        self.more_blocks: MoreBlocks | None = wanted if config.option.perf_comparable and not self.is_child else None
        self.is_updating = bool(config.option.perf_update_baseline) and not self.is_child
        self.busy_threads = BusyThreads()
        self.lock = ExclusiveLock(worker_input(config, LOCK_INPUT))
        self.pace = SessionPace(worker_input(config, LOCK_INPUT))
        self.tests = PerfTests(config, settings, policy)
        self.late: dict[str, Sequence[Measurement]] = {}
        self._judged: pytest.Item | None = None

    def adopt(self, items: list[pytest.Item], collected: list[pytest.Item]) -> None:
        """Find the perf tests among the collected tests, and leave out the items that the command line excludes.

        Raises:
            UsageError: there is a mistake in the configuration, or the comparison is impossible.
        """
        tests = self.tests
        tests.find(collected, self.baseline)
        tests.select(items, is_updating=self.is_updating)
        option = self.config.option
        if option.perf_affected_first and option.perf_against and not self.is_child:
            from pytest_perfbudget.plugin.collection.affected_first import put_affected_first  # noqa: PLC0415

            put_affected_first(items, self.config.rootpath, option.perf_against, self.baseline_file)
        if self.comparison is not None or self.is_updating:
            tests.check_identity(items)
        self.launcher.companion_files = tests.expect(items, collected, self.baseline)
        if hasattr(self.config, "workeroutput"):  # the controller collects no tests, so it has to be told
            self.config.workeroutput[EXPECTATIONS_OUTPUT] = tests.expectations
        if self.comparison is not None:
            try:
                self.pace.total = len(running := tests.among(items))
                self.comparison.begin(running)
            except ComparisonError as error:
                raise pytest.UsageError(str(error)) from None
            if hasattr(self.config, "workeroutput"):
                self.config.workeroutput[REMARK_OUTPUT] = self.comparison.remark
                self.config.workeroutput[SHARING_OUTPUT] = self.comparison.sharing
        if self._receives_spans():
            from pytest_perfbudget.plugin.measuring.child_spans import ChildSpans  # noqa: PLC0415 - imports a server

            self.config.pluginmanager.register(ChildSpans(self))
        self.launcher.add_arguments(_same_randomness(self.config))
        self.launcher.begin()

    def _receives_spans(self) -> bool:
        """Return whether this process looks at spans, or records them for the session that started it."""
        if self.is_child:
            return self.comparison is not None and self.comparison.records_spans
        return self.tests.looks_at_spans

    def limits_of(self, item: pytest.Item) -> list[Limits]:
        """Return the limits in the markers of an item, from the test outwards."""
        return self.tests.limits_of(item)

    def cases_of(self, item: pytest.Item) -> list[str]:
        """Return the digests of all cases of a test's function."""
        return self.tests.cases_of(item)

    def run_of(self, item: pytest.Item) -> ItemRun:
        """Return the run of an item; create the run if the item asked for `perf` only at run time."""
        run = item.stash.get(RUN, None)
        if run is None:
            run = item.stash[RUN] = ItemRun(self, item, PerfTestKind.FIXTURE, self._run_time_warnings())
        return run

    def name_of(self, given: str) -> str:
        """Return the name that a measurement of this name has in the working tree, if this is another checkout."""
        child: Any = self.config.pluginmanager.getplugin(CHILD)
        return given if child is None else str(child.in_working_tree(given))

    def relaxed_timeout(self, item: pytest.Item) -> AbstractContextManager[None]:
        """Return a context in which the limits of a test leave time to measure; see `plugin.measuring.timeout`.

        A fresh process has no such limits: a test also waits there for its turn.
        """
        if self.is_child:
            return nullcontext()
        return relaxed_timeout(item, self.max_time_ns or self.settings.max_time_ns)

    def stop_timeout(self) -> None:
        """Stop the timers of the test that is judged: its body is over, and the comparison takes seconds."""
        if self._judged is not None:
            stop_timeout(self._judged)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Do the part of the comparison that comes before the first test, if tests will run."""
        option = self.config.option
        if self.tests.is_any and not (option.collectonly or option.setuponly or option.setupplan):
            self._import_early()
            self.tests.note_running(session.items)
            if self.comparison is not None:
                self.comparison.start()
        result = yield
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput[KNOWN_SPANS_OUTPUT] = self.known_spans.names
        if self.tests.is_any and self.comparison is not None:
            with self.lock.exclusive():
                late = self.comparison.finish()
            if hasattr(self.config, "workeroutput"):  # tests may have added notes
                self.config.workeroutput[REMARK_OUTPUT] = self.comparison.remark
            self.late.update(late)
            items = [item for item in session.items if nodeid_of(item) in late]
            log_late(
                self.config, late, [one for item in items if (one := self._late_report(item, late[nodeid_of(item)]))]
            )
        return result

    def _late_report(self, item: pytest.Item, measurements: Sequence[Measurement]) -> pytest.TestReport | None:
        """Return a second report, which fails a test, if the late comparison of the test has found a failure."""
        run = item.stash.get(RUN, None)
        if run is None or self.is_child:
            return None
        # The budgets have been judged with the test, apart from those that the late loads have exceeded.
        judged = [budget for one in run.finished or () for budget in one.budgets]
        compared = [
            replace(one, budgets=[budget for budget in one.budgets if budget not in judged], unmeasured="")
            for one in measurements
        ]
        if (failure := self._failure(compared)) is None:
            return None
        run.finished, run.failure = list(measurements), failure
        return report_after_the_end(item, failure)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Run a perf test alone; other tests may run beside each other, but not beside a perf test."""
        if not self.tests.is_any:
            return (yield)
        is_perf, is_last = bool(self.tests.kind(item)), nextitem is None
        with self.lock.exclusive() if is_perf else self.lock.shared(), self.pace.test() if is_perf else nullcontext():
            if self.comparison is not None and (is_perf or is_last):
                self.comparison.prepare(is_last=is_last)
            result = yield
            if self.comparison is not None and not self.is_child:
                self.busy_threads.note(nodeid_of(item))
            return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin a run of the test; a rerun begins a new run."""
        item.stash[RUN] = None
        with misuse_fails():
            if (kind := self.tests.kind(item)) is not None:
                item.stash[RUN] = ItemRun(self, item, kind)
            yield

    @contextmanager
    def measuring(self, item: pytest.Item) -> Iterator[None]:
        """Measure the test's body within the block, if the test is a perf test."""
        run = item.stash.get(RUN, None)
        with misuse_fails():
            if run is None and is_marked(item):
                # A fixture has added the marker since the collection.
                run = item.stash[RUN] = ItemRun(self, item, kind_of(item), self._run_time_warnings())
            if run is None:
                yield
            else:
                with run.measuring():
                    yield

    def judge(self, item: pytest.Item, *, is_skipped: bool = False) -> None:
        """Judge a test whose body has passed, or skipped the rest, and fail it if a finding is a failure."""
        run = item.stash.get(RUN, None)
        if run is None:
            return
        self.launcher.note_duration((SYSTEM.wall_ns() - run.started_ns) / 1e9)
        self._judged = item
        with misuse_fails(), real_files():
            measurements = run.exceeded() if is_skipped else run.finish()
        if self.is_child or self.policy.gate is GateMode.OFF:
            return
        run.failure = self._failure(measurements)
        if run.failure is not None:
            raise run.failure

    def _failure(self, measurements: Sequence[Measurement]) -> BaseException | None:
        findings = self.worded(measurements)
        return failure_of(findings, measurements, with_histograms=self.config.option.perf_histogram)

    def worded(self, measurements: Sequence[Measurement]) -> list[Finding]:
        """Return the findings about measurements, with texts."""
        cases = find(measurements, self.policy)
        holds_base = self.base_policy is not None and self.base_policy.is_enforced
        by_label = self.policy.by_label if holds_base else ""
        return words.worded(cases, alpha=self.settings.alpha, typed=partial(typed, self.config), by_label=by_label)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """Fail with one line if the tear-down tries to measure, which is too late."""
        with misuse_fails():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the results on the report, as builtins, because xdist may have to send the report to the controller."""
        report = yield
        run = item.stash.get(RUN, None)
        if call.when != "call" or run is None or run.finished is None:
            return report
        # unittest hides a failure or a skip until here, so such a test looked passed; its results do not count.
        if call.excinfo is None or call.excinfo.value is run.failure:
            report.__dict__["perfbudget"] = [measurement.to_dict() for measurement in run.finished]
            record_properties(item, report, run.finished)
        return report

    def pytest_unconfigure(self) -> None:
        """End the processes and remove the files of the comparison."""
        if self.comparison is not None:
            self.comparison.close()

    def _run_time_warnings(self) -> list[str]:
        if not self.lock.is_needed:
            return []
        return ["known as a perf test at run time only: tests of other workers may have run at the same time"]

    def _import_early(self) -> None:
        """Import numpy and scipy, if they will be needed, before a test can restore `sys.modules` around an import.

        Without that, their next import fails, because they cannot be loaded twice.
        """
        if not self.is_child and (
            self.comparison is not None or self.tests.needs_scipy
        ):  # a fresh process judges nothing
            importlib.import_module("scipy.special")


def _same_randomness(config: pytest.Config) -> list[str]:
    """Return the arguments that give fresh processes the random numbers that pytest-randomly gives this session."""
    seed = getattr(config.option, "randomly_seed", None)
    return [f"--randomly-seed={seed}", "--randomly-dont-reorganize"] if isinstance(seed, int) else []

"""The worker in a fresh process: it runs the requested tests only, and sends their measurements to the session."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Collection, Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_perfbudget.compare.strategy import ComparisonStrategy
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.core.limits import Rule
from pytest_perfbudget.core.measurement import file_of, function_of
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.paths import module_file
from pytest_perfbudget.plugin.child.own_code import OwnCode
from pytest_perfbudget.plugin.child.quiet_options import switch_off
from pytest_perfbudget.plugin.child.record_only import RecordOnly
from pytest_perfbudget.plugin.child.source_digest import own_source
from pytest_perfbudget.plugin.child.worker_input import present_as_worker
from pytest_perfbudget.plugin.collection.kind import is_perf_test
from pytest_perfbudget.processes.protocol import Answer, Request

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.child.bootstrap import Channel


class WorkerPlugin:
    """The plugin that limits pytest to the requested tests and sends their measurements.

    Args:
        request: the tests that the process measures.
        channel: the streams and functions that the script of the process shares; see `bootstrap.Channel`.
    """

    def __init__(self, request: Request, channel: Channel) -> None:
        self._request = request
        self._answers = channel.answers
        self._shield_teardown = channel.shield_teardown
        self._code = OwnCode(request, channel.executed)
        self._started_ns = 0
        self.comparison: ComparisonStrategy = RecordOnly(counting=request.counting, one_cpu=request.one_cpu)
        self._requested = frozenset(request.nodeids)
        self._uncollected: dict[str, str] = {}
        self._found: dict[str, pytest.Item] = {}
        tree, top = request.tree, request.top
        moves = {(tree, top), (os.path.realpath(tree), os.path.realpath(top))} if tree else ()
        self._moves = sorted(moves, key=lambda one: -len(one[0]))  # a resolved path may hold the other

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Switch off options that write files, choose tests or wait, before other plugins read their options."""
        switch_off(config, self._request.scratch)
        for name in ("python_files", "python_classes", "python_functions"):  # the head says what a test is called
            known: list[str] = config.getini(name)
            known += [one for one in self._request.names.get(name, ()) if one not in known]
        asked = [file_of(nodeid) for nodeid in self._request.nodeids]
        for file in {*asked} - {""}:
            if (link := _dangling(config.rootpath, file)) is not None:
                self._uncollected[file] = f"{link} is a symbolic link that leads out of the checkout"
        files = sorted(file for file in {*asked, *self._request.files} if (config.rootpath / file).is_file())
        # If there is no file, a folder without tests is named: without arguments, pytest would collect all tests.
        config.args[:] = [str(config.rootpath / file) for file in files] or [self._request.scratch]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Present this process as a worker of pytest-xdist.

        Plugins have been configured before: many expect data from a controller if they see a worker then.
        """
        if self._request.worker:
            present_as_worker(session.config, self._request)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Let nothing but the time limit of the session, or of the reaper, interrupt the teardown of the fixtures."""
        self._shield_teardown()

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self) -> bool:
        """Keep pytest-timeout from limiting a test here, where the test also waits for its turn."""
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Keep pytest from taking a test for hanging (`faulthandler_timeout`) that waits for its turn."""
        faulthandler.cancel_dump_traceback_later()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note the reason why a file has no tests."""
        if report.skipped:
            self._uncollected[file_of(report.nodeid)] = "its file is skipped"
        elif report.failed:
            self._uncollected[file_of(report.nodeid)] = _last_line(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Keep the requested tests even if other hooks leave them out, because the session has chosen already.

        Each process begins with another test, and every second process goes backwards. So the effect of a test on the
        next test is in half of the runs, and becomes part of the spread and not of the time.
        """
        found = {self.name(item): item for item in items}
        yield
        found |= {self.name(item): item for item in items}
        problems = {nodeid: self._why_not(nodeid, found) for nodeid in self._request.nodeids}
        for nodeid, problem in problems.items():
            if problem:
                self._send(Answer(nodeid, problem, [], is_absent=self._is_absent(nodeid, found)))
        self._found = found
        self._code.note_collection()
        asked = [found[nodeid] for nodeid, problem in problems.items() if not problem]
        at = self._request.start % max(len(asked), 1)
        items[:] = asked[at::-1] + asked[:at:-1] if self._request.is_reversed else asked[at:] + asked[:at]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Send the perf tests of a base, and let pytest's own loop begin."""
        if self._request.tree:
            self._send(Answer("", "", [], perf_tests=self.perf_tests(session.config)))
        return None

    def name(self, item: pytest.Item) -> str:
        """Return the node id that a test has in the working tree; its parameters may be paths into the checkout."""
        return self.in_working_tree(item.nodeid)

    def in_working_tree(self, text: str) -> str:
        """Return a node id or a name with the paths that the text would have in the working tree."""
        for here, there in self._moves:
            text = text.replace(here, there)
        return text

    def is_requested(self, item: pytest.Item) -> bool:
        """Return whether the session asked for a test."""
        return self.name(item) in self._requested

    @property
    def configuration(self) -> Path | None:
        """The folder of the configuration that holds: the session's, even in a process of another commit."""
        return Path(self._request.root) if self._request.root else None

    def perf_tests(self, config: pytest.Config) -> Sequence[str]:
        """Return the perf tests, and the tests that were requested, without those that are known to be absent."""
        rules: Sequence[Rule] = ()
        with suppress(ConfigError):  # the session's configuration holds, and may have mended this mistake
            rules = load_settings(config.rootpath / "pyproject.toml").entries
        collected = [
            nodeid for nodeid, item in self._found.items() if nodeid in self._requested or is_perf_test(item, rules)
        ]
        others = sorted(self._requested - self._found.keys())
        return collected + [nodeid for nodeid in others if not self._is_absent(nodeid, self._found)]

    def _is_absent(self, nodeid: str, found: Collection[str]) -> bool:
        """Return whether a test is not there; False if its file could not be collected, so that nothing is known."""
        if nodeid in found or file_of(nodeid) in self._uncollected:
            return False
        return not self._has_other_cases(nodeid, found)

    def _has_other_cases(self, nodeid: str, found: Collection[str]) -> bool:
        """Return whether another commit has a test's function, and none of the cases that the session asks for.

        The cases of a function that has none there are new. Those of a function with others may lack their data.
        """
        function = function_of(nodeid)
        if not self._request.tree or function in found:
            return False
        asked = {one for one in self._requested if function_of(one) == function}
        return asked.isdisjoint(found) and any(function_of(one) == function for one in found)

    def _why_not(self, nodeid: str, found: Collection[str]) -> str:
        """Return the reason why a test cannot be measured here; empty if it can."""
        if nodeid not in found:
            others = "its function has other cases only: give parametrize ids= that both sides have"
            there = others if self._has_other_cases(nodeid, found) else "the test is not there"
            why = self._uncollected.get(file_of(nodeid), there)
            return f"{self._request.who} does not collect the test: {why}"
        for name, file in self._request.modules.items():
            other = module_file(sys.modules.get(name))
            if other and other != file and os.path.realpath(other) != os.path.realpath(file):
                return f"{self._request.who} imports {name!r} from {other}, the session from {file}"
        return ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Send one answer for each test after the test has ended."""
        self._started_ns = SYSTEM.wall_ns()
        self._problem, self._is_skipped = "", False
        self._code.begin_test()
        self._measured: Sequence[dict[str, Any]] = []
        result = yield
        elapsed_s = (SYSTEM.wall_ns() - self._started_ns) / 1e9
        self._send(Answer(self.name(item), self._problem, self._measured, elapsed_s, is_skipped=self._is_skipped))
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the measurements of a test, or the reason why there are none."""
        if report.failed:
            self._problem = f"the test fails in {self._request.who}: {_last_line(report)}"
        elif report.skipped and "subtest" not in type(report).__name__.lower():
            why = (
                report.longrepr[2].removeprefix("Skipped: ")
                if isinstance(report.longrepr, tuple)
                else "no reason given"
            )
            self._problem, self._is_skipped = f"the test is skipped in {self._request.who}: {why}", True
        self._measured = getattr(report, "perfbudget", self._measured)

    def look_at_modules(self, config: pytest.Config) -> None:
        """Check the modules that are imported so far, so that the check after a test has the further modules left."""
        if self._request.top:
            self._code.look(config.rootpath)

    def _send(self, answer: Answer) -> None:
        self._write(self.checked(answer).to_line())

    def checked(self, answer: Answer) -> Answer:
        """Return an answer after a check that this process has measured its own side's code.

        Only in a comparison with another commit, an answer is checked, and completed with the digest of the test and
        the extension modules that came with it.
        """
        item = self._found.get(answer.nodeid)
        if not self._request.top or item is None:
            return answer
        if not answer.problem and (found := self._code.wrong(item.config.rootpath, answer)):
            problem = f"{self._request.who} would not measure its own code: {found}"
            return replace(answer, problem=problem, is_wrong_code=True, measurements=[])
        return replace(answer, source=own_source(item), loaded=self._code.loaded(), modules=self._code.new_modules())

    def _write(self, line: str) -> None:
        try:
            self._answers.write(line + "\n")
            self._answers.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> NoReturn:
        """End pytest because the session has ended; the fixtures are torn down, and the reaper limits their time."""
        self._shield_teardown()
        pytest.exit("the session has ended", returncode=0)


def _dangling(root: Path, file: str) -> str | None:
    """Return the part of a file's path that is a symbolic link to nowhere; None if there is none."""
    parts = [*Path(file).parents, Path(file)]
    return next((str(one) for one in parts if (root / one).is_symlink() and not (root / one).exists()), None)


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return next((line.strip() for line in crash.message.splitlines() if line.strip()), "no reason given")
    lines = [line.strip() for line in str(report.longrepr).splitlines() if line.strip()]
    said = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return (said or lines or ["no reason given"])[-1]

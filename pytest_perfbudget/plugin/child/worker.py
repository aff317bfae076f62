"""The worker's side of a fresh process: pytest once more, for the asked tests only.

Loaded by `bootstrap`, as a plugin.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Generator, Sequence
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import IO, Any, Final

import pytest

from pytest_perfbudget.checkout.code_identity import foreign_module, stale_module
from pytest_perfbudget.compare.strategy import ComparisonStrategy, RecordOnly
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.plugin.child.source_digest import own_source
from pytest_perfbudget.plugin.hooks import SESSION, WORKER
from pytest_perfbudget.processes.protocol import Answer, Request

_QUIET_OPTIONS: Final[dict[str, object]] = {
    "xmlpath": None,  # JUnit
    "log_file": os.devnull,
    "pastebin": None,
    "allure_report_dir": None,
    "htmlpath": None,  # pytest-html
    "json_report": False,
    "report_log": None,
    "perf_output": [],
    "perf_update_baseline": False,
    "perf_against": None,
    "benchmark_json": None,
    "benchmark_save": None,
    "benchmark_autosave": False,
    "benchmark_compare": None,
    "benchmark_compare_fail": [],
    "lf": False,
    "failedfirst": False,
    "newfirst": False,
    "stepwise": False,
    "stepwise_skip": False,
    "reruns": 0,
    "count": 1,  # pytest-repeat
    "maxfail": 0,
    "runxfail": True,  # xfail(strict=True) would fail what passes: who asked knows that it did
    "continue_on_collection_errors": True,
    "usepdb": False,
    "trace": False,
    "collectonly": False,
    "setuponly": False,
    "setupplan": False,
}
"""Options of pytest and well-known plugins that write files, choose tests or wait for a person.
Each is set only if its plugin is there."""


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the session a worker's, before anybody looks."""
    channel: Any = config.pluginmanager.getplugin("perfbudget-channel")
    request = Request(**channel.request)
    if request.in_turns:
        from pytest_perfbudget.plugin.child.duet_worker import SidePlugin  # noqa: PLC0415 - it knows this module

        config.pluginmanager.register(SidePlugin(request, channel.answers, channel.commands), WORKER)
    else:
        config.pluginmanager.register(WorkerPlugin(request, channel.answers), WORKER)


class WorkerPlugin:
    """Narrows a pytest session down to the asked tests and sends what they measured."""

    def __init__(self, request: Request, channel: IO[str]) -> None:
        self._request = request
        self._channel = channel
        self._started_ns = 0
        self.comparison: ComparisonStrategy = RecordOnly()
        self._uncollected: dict[str, str] = {}
        self._found: dict[str, pytest.Item] = {}
        self._before: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave out what writes, chooses or waits, before others read their options."""
        for name, value in _QUIET_OPTIONS.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        config.option.basetemp = f"{self._request.scratch}/t"
        asked = [nodeid.partition("::")[0] for nodeid in self._request.nodeids]
        files = sorted(file for file in {*asked, *self._request.files} if (config.rootpath / file).is_file())
        # A folder without tests, if there is none: with nothing named, pytest would take them all.
        config.args[:] = [str(config.rootpath / file) for file in files] or [self._request.scratch]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take why a file gives no tests."""
        if report.skipped:
            self._uncollected[report.nodeid.partition("::")[0]] = "it is skipped"
        elif report.failed:
            self._uncollected[report.nodeid.partition("::")[0]] = _last_line(report)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Keep the asked tests, whatever other hooks leave out: who asked has made the choice.

        Each process begins with another one, and every other goes backwards: what one test does to the next
        is in half of the runs then, part of the spread and not of the time.
        """
        found = {self.name(item): item for item in items}
        yield
        found |= {self.name(item): item for item in items}
        problems = {nodeid: self._why_not(nodeid, found) for nodeid in self._request.nodeids}
        for nodeid, problem in problems.items():
            if problem:
                is_absent = nodeid not in found and nodeid.partition("::")[0] not in self._uncollected
                self._send(Answer(nodeid, problem, [], is_absent=is_absent))
        self._found = found
        asked = [found[nodeid] for nodeid, problem in problems.items() if not problem]
        at = self._request.start % max(len(asked), 1)
        items[:] = asked[at::-1] + asked[:at:-1] if self._request.is_reversed else asked[at:] + asked[:at]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Tell which other perf tests a base has; then pytest's own loop begins."""
        if self._request.tree:
            self._send(Answer("", "", [], others=self.others(session.config)))
        return None

    def name(self, item: pytest.Item) -> str:
        """Return a test's node id as it is in the working tree: parameters may be paths."""
        tree = self._request.tree
        return item.nodeid.replace(tree, self._request.top) if tree else item.nodeid

    def others(self, config: pytest.Config) -> Sequence[str]:
        """Return the perf tests that are here besides those asked for."""
        known = config.stash.get(SESSION, None)  # none, if nothing here is a perf test
        if known is None:
            return []
        asked = set(self._request.nodeids)
        return [nodeid for nodeid, item in self._found.items() if nodeid not in asked and known.is_asked(item)]

    def _why_not(self, nodeid: str, found: Collection[str]) -> str:
        """Return why a test cannot be measured here; empty if it can."""
        if nodeid not in found:
            why = self._uncollected.get(nodeid.partition("::")[0], "it is not there")
            return f"{self._request.who} does not collect it: {why}"
        for name, file in self._request.modules.items():
            other = getattr(sys.modules.get(name), "__file__", None)
            if other and other != file and os.path.realpath(other) != os.path.realpath(file):
                return f"{self._request.who} imports {name!r} from {other}, the session from {file}"
        return ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Send one answer for each test when it is through."""
        self._started_ns = SYSTEM.wall_ns()
        self._problem = ""
        self._before = set(sys.modules)
        self._measured: Sequence[dict[str, Any]] = []
        result = yield
        elapsed_s = (SYSTEM.wall_ns() - self._started_ns) / 1e9
        self._send(Answer(self.name(item), self._problem, self._measured, elapsed_s))
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what was measured, and why not."""
        if report.failed:
            self._problem = f"it fails in {self._request.who}: {_last_line(report)}"
        elif report.skipped:
            self._problem = f"it is skipped in {self._request.who}"
        self._measured = getattr(report, "perfbudget", self._measured)

    def _send(self, answer: Answer) -> None:
        self._write(self.checked(answer).to_line())

    def checked(self, answer: Answer) -> Answer:
        """Return the answer of a process that is compared with another commit's: what it measured has to be its own."""
        item = self._found.get(answer.nodeid)
        if not self._request.top or item is None:
            return answer
        if not answer.problem and (found := self._wrong_code(item.config.rootpath)):
            problem = f"{self._request.who} would not measure its own code: it imports {found}"
            return replace(answer, problem=problem, is_wrong_code=True, measurements=[])
        return replace(answer, source=own_source(item), built=self._built())

    def _built(self) -> dict[str, str]:
        """Return the extension modules that were not there before the test."""
        found = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
        endings = tuple(EXTENSION_SUFFIXES)
        return {name: file for name, file in found.items() if name not in self._before and file.endswith(endings)}

    def _wrong_code(self, rootpath: Path) -> str:
        """Return which module is not that of the side that is to be measured here."""
        top = Path(self._request.top)
        if not self._request.tree:
            return stale_module(top, rootpath.resolve())
        return foreign_module(top, Path(self._request.tree), rootpath, self._request.home)

    def _write(self, line: str) -> None:
        try:
            self._channel.write(line + "\n")
            self._channel.flush()
        except BrokenPipeError:  # who asked is gone
            os._exit(1)


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return next((line.strip() for line in crash.message.splitlines() if line.strip()), "no reason given")
    lines = [line.strip() for line in str(report.longrepr).splitlines() if line.strip()]
    said = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return (said or lines or ["no reason given"])[-1]

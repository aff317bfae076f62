"""The entry point: loaded by every pytest session, so it imports and does next to nothing.

The half that measures (`session`) is registered when a perf test is collected, the half that
reports (`summary`) when the first result arrives.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_perfbudget.plugin.options import MARKER, add_options

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.perf import Perf
    from pytest_perfbudget.plugin.session import PerfSession

PLUGIN: Final = pytest.StashKey["Plugin"]()
LOCK_INPUT: Final = "perfbudget_lock"
ERROR_OUTPUT: Final = "perfbudget_error"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the object that holds the config."""
    config.addinivalue_line("markers", MARKER)
    plugin = config.stash[PLUGIN] = Plugin(config)
    config.pluginmanager.register(plugin, "perfbudget-plugin")
    if plugin.is_configured():
        _ = plugin.session  # a mistake in the configuration shows before anything runs


@pytest.fixture
def perf(request: pytest.FixtureRequest) -> Iterator[Perf]:
    """Measure functions, coroutines and blocks of code within a test.

    `perf(fn, *args)` times a call and returns its result, `await perf.aio(fn, *args)` does so for
    a coroutine function, `with perf.timer("name")` times a block, `perf.ratio(new, reference,
    max_ratio=0.5)` compares two functions. All take `name=` and limits such as `p95_ms=50`.
    """
    run = request.config.stash[PLUGIN].session.run_of(request.node)
    yield run.perf
    run.close()


class Plugin:
    """Holds the config, and brings in the heavy halves when they are needed."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._session: PerfSession | None = None
        self._lock_folder = ""
        self._worker_error = ""

    def is_configured(self) -> bool:
        """Return whether the command line or pyproject.toml says anything about us."""
        option = self.config.option
        if option.perf_output or option.perf_max_time or option.perf_strict:
            return True
        try:
            return b"tool.perfbudget" in (self.config.rootpath / "pyproject.toml").read_bytes()
        except OSError:
            return False

    @property
    def session(self) -> PerfSession:
        """The measuring half; created and registered on first use, the reporting half with it."""
        if self._session is None:
            from pytest_perfbudget.plugin.session import PerfSession  # noqa: PLC0415

            self._session = PerfSession.from_config(self.config)
            self.config.pluginmanager.register(self._session, "perfbudget-session")
            if not hasattr(self.config, "workerinput"):
                from pytest_perfbudget.plugin.summary import Summary  # noqa: PLC0415

                summary = Summary(self.config, self._session.settings)
                self.config.pluginmanager.register(summary, "perfbudget-summary")
        return self._session

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Bring in the measuring half if there is something to measure."""
        try:
            if self._session or any(_asks(item) for item in items):
                self.session.adopt(items)
        except pytest.UsageError as error:
            # xdist has no way for a worker's usage error: the controller would crash on it.
            if not hasattr(self.config, "workeroutput"):
                raise
            self.config.workeroutput[ERROR_OUTPUT] = str(error)
            items.clear()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Bring in the reporting half of an xdist controller, which collects nothing itself."""
        if self._session is None and hasattr(report, "perfbudget"):
            _ = self.session
            self.config.pluginmanager.getplugin("perfbudget-summary").pytest_runtest_logreport(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401 - xdist may be absent
        """Tell each xdist worker where the lock is that lets a perf test run alone."""
        self._lock_folder = self._lock_folder or tempfile.mkdtemp(prefix="perfbudget-")
        node.workerinput[LOCK_INPUT] = self._lock_folder

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401
        """Take a worker's usage error."""
        self._worker_error = getattr(node, "workeroutput", {}).get(ERROR_OUTPUT, self._worker_error)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let a worker's usage error be the session's."""
        if self._worker_error:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show a worker's usage error as pytest shows its own."""
        if self._worker_error:
            terminalreporter.write_line(f"ERROR: {self._worker_error}", red=True)

    def pytest_unconfigure(self) -> None:
        """Remove the lock's folder."""
        if self._lock_folder:
            shutil.rmtree(self._lock_folder, ignore_errors=True)


def _asks(item: pytest.Item) -> bool:
    return "perf_budget" in item.keywords or "perf" in getattr(item, "fixturenames", ())

"""The entry point: loaded by every pytest session, so it imports and does next to nothing.

The plugin proper is begun when the configuration mentions it or a perf test is collected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from pytest_perfbudget.plugin.options import MARKER, add_options

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.perf_fixture import Perf
    from pytest_perfbudget.plugin.session import PerfSession

SESSION: Final = pytest.StashKey["PerfSession"]()
ERROR_OUTPUT: Final = "perfbudget_error"
ACCOUNT_OUTPUT: Final = "perfbudget_account"
"""Under which an xdist worker tells its controller which tests the baseline made it expect."""
TREE_INPUT: Final = "perfbudget_tree"
"""Under which the controller tells its workers where the base is checked out."""
ARGUMENTS_INPUT: Final = "perfbudget_arguments"
"""Under which the controller tells its workers the command line."""
BASELINE: Final = "perf-baseline.json"
"""Where the baseline is unless pyproject.toml names another file."""
WORKER: Final = "perfbudget-worker"
"""The name of the plugin that makes a session a worker's."""
_TABLE: Final = re.compile(rb"""(?<![\w-])["']?perfbudget["']?\s*[\].=]""")
"""The name of our table as a key of TOML, which a project that merely depends on `pytest-perfbudget` does not have."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; begin where something is configured, so that a mistake in it shows at once."""
    config.addinivalue_line("markers", MARKER)
    if _is_configured(config):
        begin(config)
    if getattr(config.option, "dist", "no") != "no":
        from pytest_perfbudget.plugin.xdist.controller import Controller  # noqa: PLC0415

        config.pluginmanager.register(Controller(config), "perfbudget-controller")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Begin if there is something to measure, and tell the perf tests from the others.

    A conftest may add markers in this hook, and options deselect: so it looks when the others have
    run, at all that was collected.
    """
    collected = list(items)
    yield
    try:
        if SESSION in config.stash or any(asks(item) for item in items):
            begin(config).adopt(items, collected)
    except pytest.UsageError as error:
        # xdist has no way for a worker's usage error: the controller would crash on it.
        if not hasattr(config, "workeroutput"):
            raise
        config.workeroutput[ERROR_OUTPUT] = str(error)
        items.clear()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Measure and judge; here, for a test may ask for `perf` as late as in its body."""
    session = item.config.stash.get(SESSION, None)
    if session is None and item.get_closest_marker("perf_budget") is not None:
        session = begin(item.config)  # a fixture has marked it since it was collected
    if session is None:
        yield
    else:
        with session.measuring(item):
            yield
    session = item.config.stash.get(SESSION, None)
    if session is not None:
        session.judge(item)


@pytest.fixture
def perf(request: pytest.FixtureRequest) -> Iterator[Perf]:
    """Measure functions, coroutines and blocks of code within a test.

    `perf(fn, *args)` times a call and returns its result, `await perf.aio(fn, *args)` does so for
    a coroutine function, `with perf.timer("name")` times a block, `perf.ratio(new, reference,
    max_ratio=0.5)` compares two functions. All take `name=` and limits such as `p95_ms=50`.
    """
    run = begin(request.config).run_of(request.node)
    yield run.perf
    run.close()


def begin(config: pytest.Config) -> PerfSession:
    """Return the measuring half; on first use it is created and registered, with the reporting half."""
    if SESSION not in config.stash:
        from pytest_perfbudget.plugin.session import PerfSession  # noqa: PLC0415

        session = config.stash[SESSION] = PerfSession.from_config(config)
        config.pluginmanager.register(session, "perfbudget-session")
        config.pluginmanager.register(session.observer, "perfbudget-watch")
        if not hasattr(config, "workerinput"):
            from pytest_perfbudget.plugin.reporting.summary import Summary  # noqa: PLC0415

            config.pluginmanager.register(Summary(session), "perfbudget-summary")
        if session.is_updating and not hasattr(config, "workerinput"):
            from pytest_perfbudget.plugin.reporting.update import Update  # noqa: PLC0415

            config.pluginmanager.register(Update(session), "perfbudget-update")
    return config.stash[SESSION]


def asks(item: pytest.Item) -> bool:
    """Return whether a test itself says that it is a perf test."""
    return "perf" in getattr(item, "fixturenames", ()) or item.get_closest_marker("perf_budget") is not None


def _is_configured(config: pytest.Config) -> bool:
    """Return whether the command line or pyproject.toml says anything about us."""
    option = config.option
    if option.perf_output or option.perf_max_time or option.perf_strict or option.perf_only:
        return True
    if option.perf_against is not None:
        return True
    if option.perf_update_baseline or option.perf_reason or option.perf_prune or (config.rootpath / BASELINE).exists():
        return True
    try:
        return _TABLE.search((config.rootpath / "pyproject.toml").read_bytes()) is not None
    except OSError:
        return False

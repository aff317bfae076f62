"""The entry point of the plugin, which every pytest session loads, so it imports and does next to nothing.

The rest of the plugin begins when an option, pyproject.toml or a baseline asks for it, or a perf test is collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.plugin.keys import BASELINE, CHILD, ERROR_OUTPUT, SESSION, asks, is_marked
from pytest_perfbudget.plugin.options import MARKER, add_options
from pytest_perfbudget.plugin.start_state import note_start
from pytest_perfbudget.real_clocks import is_replaced
from pytest_perfbudget.table_name import may_have_table, misplaced, nearest_file

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.load_fixture import PerfLoad
    from pytest_perfbudget.plugin.measuring.perf_fixture import Perf
    from pytest_perfbudget.plugin.session import PerfSession


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options, and note the state of the process before a conftest.py changes it."""
    add_options(parser)
    note_start(pluginmanager)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and begin if something is configured, so that a mistake in the configuration shows at once.

    Under xdist, register the controller's plugin, too.
    """
    config.addinivalue_line("markers", MARKER)
    _switch_perf_tests_on(config)
    if _is_configured(config):
        _begin(config)
    if getattr(config.option, "dist", "no") != "no":
        from pytest_perfbudget.plugin.xdist.controller import Controller  # noqa: PLC0415

        config.pluginmanager.register(Controller(config), "perfbudget-controller")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Begin if there is something to measure, and find the perf tests.

    The hook of this name in other plugins comes first, because a conftest may add markers in it. Options may deselect
    tests in it, or add tests, so all tests of before and after are looked at.
    """
    collected = list(items)
    yield
    try:
        is_wanted = _session(config) is not None or config.pluginmanager.hasplugin(CHILD)
        if is_wanted or any(asks(item) for item in items):
            before = set(map(id, collected))
            added = [item for item in items if id(item) not in before]
            _begin(config).adopt(items, [*collected, *added])
    except pytest.UsageError as error:
        # xdist cannot pass on a worker's usage error: the controller would crash.
        if not hasattr(config, "workeroutput") or config.pluginmanager.hasplugin(CHILD):
            raise
        config.workeroutput[ERROR_OUTPUT] = str(error)
        items.clear()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Measure and judge a test, in this hook because a test may ask for `perf` as late as in its body."""
    session = _session(item.config)
    if session is None and is_marked(item):
        session = _begin(item.config)  # a fixture has added the marker since the collection
    try:
        if session is None:
            yield
        else:
            with session.measuring(item):
                yield
    except pytest.skip.Exception:  # a skip of the rest must not hide a limit that is exceeded already
        if (session := _session(item.config)) is not None:
            session.judge(item, is_skipped=True)
        raise
    session = _session(item.config)
    if session is not None:
        session.judge(item)


@pytest.fixture
def perf(request: pytest.FixtureRequest) -> Iterator[Perf]:
    """Measure functions, coroutines and blocks of code within a test.

    `perf(fn, *args)` times a call and returns its result, `await perf.aio(fn, *args)` does so for
    a coroutine function, `with perf.timer("name")` times a block, `perf.ratio(new, reference,
    max_ratio=0.5)` compares two functions. All take `name=` and limits such as `p95_ms=50`.
    """
    run = _begin(request.config).run_of(request.node)
    yield run.perf
    run.close()


@pytest.fixture
def perf_load(request: pytest.FixtureRequest) -> Iterator[PerfLoad]:
    """Generate load on a service, and hold the load to its limits.

    `perf_load(call, users=10, requests=20)` lets each user make its requests one after the other (closed model),
    `perf_load(call, rate=50, duration="10s")` starts requests when they are due (open model). A coroutine function is
    awaited: `await perf_load(call, ...)`. All take `name=` and limits such as `p95_ms=50` and `max_error_rate=0.01`.
    """
    run = _begin(request.config).run_of(request.node)
    yield run.load
    run.close()


def _switch_perf_tests_on(config: pytest.Config) -> None:
    """Let perf tests run although `addopts` switches them off, if the command line asks for them.

    A switch on the command line itself stays in force. pytest-benchmark reads its options after this hook.
    """
    option = config.option
    if option.perf_only or option.perf_against is not None or option.perf_update_baseline:
        given = set(map(str, config.invocation_params.args))
        for name in ("perf_skip", "benchmark_disable", "benchmark_skip"):
            if getattr(option, name, False) and f"--{name.replace('_', '-')}" not in given:
                setattr(option, name, False)


def _session(config: pytest.Config) -> PerfSession | None:
    found: Any = config.pluginmanager.getplugin(SESSION)
    session: PerfSession | None = found
    return session


def _begin(config: pytest.Config) -> PerfSession:
    session = _session(config)
    if session is None:
        if is_replaced():
            message = (
                "perfbudget: time.perf_counter_ns was replaced before pytest loaded its plugins: freeze time later"
            )
            raise pytest.UsageError(message)
        from pytest_perfbudget.plugin.activation import begin  # noqa: PLC0415 - imports nearly all of the package

        session = begin(config)
    return session


def _is_configured(config: pytest.Config) -> bool:
    """Return whether the command line, pyproject.toml or a baseline asks for the plugin."""
    option = config.option
    if option.perf_output or option.perf_comparable or option.perf_max_time or option.perf_strict or option.perf_only:
        return True
    if option.perf_against is not None or option.perf_history is not None or option.perf_require is not None:
        return True
    if option.perf_update_baseline or option.perf_reason or option.perf_prune or (config.rootpath / BASELINE).exists():
        return True
    file = nearest_file(config.rootpath)
    try:
        has_table = file is not None and may_have_table(file.read_bytes())
        return has_table or misplaced(config.rootpath) is not None
    except OSError:
        return False

"""The start of a session with perf tests: its objects are made from pytest's configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.baseline.call_profiles import calls_file, check_calls
from pytest_perfbudget.baseline.instruction_profiles import check_instructions
from pytest_perfbudget.baseline.schema import Baseline
from pytest_perfbudget.baseline.store import read
from pytest_perfbudget.compare.context import ComparisonContext, Invocation
from pytest_perfbudget.compare.launcher import ProcessLauncher
from pytest_perfbudget.compare.strategy import NOT_DISTRIBUTED, ComparisonStrategy
from pytest_perfbudget.config import duration_ns, load_settings
from pytest_perfbudget.core.policy import GateMode, Policy
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import BaselineError, ConfigError, GitError
from pytest_perfbudget.plugin.collection.codspeed import CODSPEED_MARKERS
from pytest_perfbudget.plugin.collection.config_checks import (
    check_codspeed,
    check_outputs,
    check_update,
)
from pytest_perfbudget.plugin.collection.neighbours import is_measured_by_codspeed
from pytest_perfbudget.plugin.collection.root_folder import check_root_folder
from pytest_perfbudget.plugin.collection.typed_options import check_typed, gate_options, is_given, names_tests
from pytest_perfbudget.plugin.keys import (
    ARGUMENTS_INPUT,
    CHILD,
    ENVIRONMENT_INPUT,
    SESSION,
    SUGGESTING,
    SUMMARY,
    TREE_INPUT,
    is_xdist_worker,
    worker_input,
)
from pytest_perfbudget.plugin.progress import Progress
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.plugin.start_state import start_of
from pytest_perfbudget.processes.protocol import Request

if TYPE_CHECKING:
    from pytest_perfbudget.checkout.base_policy import BasePolicy
    from pytest_perfbudget.compare.changed_tests import ChangedTests


def begin(config: pytest.Config) -> PerfSession:
    """Return the measuring half of the plugin; the first call creates and registers it and the reporting half.

    An xdist worker and a fresh process have no reporting half.

    Raises:
        UsageError: there is a mistake in the configuration.
    """
    known: Any = config.pluginmanager.getplugin(SESSION)
    if known is not None:
        found: PerfSession = known
        return found
    session = _session(config)
    config.pluginmanager.register(session, SESSION)
    config.pluginmanager.register(session.tests.observer, "perfbudget-observer")
    _ask_base(config, session)
    _observe_used(config, session)
    if session.settings.codspeed:  # pytest-codspeed, which defines them, may be gone
        for name in CODSPEED_MARKERS:
            config.addinivalue_line("markers", f"{name}: measure the test's body")
    if not (session.is_child or is_xdist_worker(config)):
        from pytest_perfbudget.plugin.reporting.summary import Summary  # noqa: PLC0415

        update = None
        if session.is_updating:
            from pytest_perfbudget.plugin.reporting.update import Update  # noqa: PLC0415

            update = Update(session)
            config.pluginmanager.register(update, "perfbudget-update")
        config.pluginmanager.register(Summary(session, update), SUMMARY)
    return session


def _observe_used(config: pytest.Config, session: PerfSession) -> None:
    """Register the plugin that looks which distributions the tests use, if the session has a history."""
    option = config.option.perf_history
    if (session.settings.history if option is None else option) and not session.is_child and _runs_tests(config):
        # Imported here: few sessions need it.
        from pytest_perfbudget.plugin.collection.used_distributions import UsedDistributions  # noqa: PLC0415

        config.pluginmanager.register(UsedDistributions(config.rootpath, session.tests))


def _runs_tests(config: pytest.Config) -> bool:
    """Return whether this process runs tests; the controller of pytest-xdist runs none."""
    return getattr(config.option, "dist", "no") == "no" or is_xdist_worker(config)


def _ask_base(config: pytest.Config, session: PerfSession) -> None:
    """Register the plugin that asks the base what it would do with its perf tests."""
    policy, comparison = session.base_policy, session.comparison
    if policy is None or comparison is None or not _runs_tests(config) or names_tests(config):
        return
    from pytest_perfbudget.plugin.collection.tests_of_base import TestsOfBase  # noqa: PLC0415 - few sessions need it

    is_first = worker_input(config, "workerid") in ("", "gw0")
    found = TestsOfBase(session.tests, comparison, session.lock, is_first=is_first, changed=session.changed_tests)
    config.pluginmanager.register(found)


def _session(config: pytest.Config) -> PerfSession:
    try:
        session = _configured(config)
    except (ConfigError, BaselineError) as error:
        raise pytest.UsageError(str(error)) from None
    except GitError as error:
        message = f"--perf-against: {error}"
        raise pytest.UsageError(message) from None
    option = config.option
    check_codspeed(config)
    for name, is_on in (("--perf-strict", option.perf_strict), ("--perf-require", option.perf_require is not None)):
        if session.policy.gate is not GateMode.FAIL and is_on:
            message = f"--perf-gate={option.perf_gate} fails nothing, which {name} forbids: drop one of them"
            raise pytest.UsageError(message)
    if not session.is_child:  # a fresh process has the command line of its session, which has checked it
        check_update(config)
    if not (session.is_child or is_xdist_worker(config)):
        check_root_folder(config)
        check_outputs(config)
    return session


def _configured(config: pytest.Config) -> PerfSession:
    option = config.option
    child: Any = config.pluginmanager.getplugin(CHILD)
    if child is None:
        check_typed(config)
    folder = config.rootpath if child is None else child.configuration or config.rootpath
    settings = load_settings(folder / "pyproject.toml")
    base_policy = None if child is not None else _base_policy(config, settings)
    settings = settings if base_policy is None else base_policy.settings
    gate = GateMode.OFF if is_measured_by_codspeed(config) else GateMode(option.perf_gate)
    strict = settings.strict or option.perf_strict
    policy = Policy(gate, strict, settings.warn_at, option.perf_accept_label)
    max_time = option.perf_max_time
    max_time_ns = duration_ns(max_time, "--perf-max-time", "command line") if max_time else None
    session = PerfSession(
        config,
        settings,
        policy,
        launcher=ProcessLauncher(_invocation(config), config.rootpath, _environment(config)),
        progress=Progress(config),
        max_time_ns=max_time_ns,
    )
    session.base_policy = base_policy
    context = ComparisonContext(
        settings=settings,
        root=config.rootpath,
        launcher=session.launcher,
        progress=session.progress,
        invocation=Invocation(
            config.invocation_params.dir,
            config.args,
            config.getini("python_files"),
            config.getini("testpaths"),
            bool(option.collectonly),
            config.getini("addopts"),
        ),
        stop_timeout=session.stop_timeout,
        note_base=session.tests.note_base,
        note_lost=session.tests.note_lost,
        note_other_files=session.tests.note_other_files,
        cache_folder=lambda name: _cache_folder(config, name),
        skipped_files=lambda: session.tests.observer.skipped,
        data_files=session.tests.data_files,
        is_distributed=is_xdist_worker(config),
        shared_checkout=worker_input(config, TREE_INPUT),
        pace=session.pace,
        shows_spans=bool(option.perf_spans),
        looks_at_spans=lambda: session.tests.looks_at_spans,
        accepts_other_loads=option.perf_policy == "head",
        by_label=session.policy.by_label if option.perf_policy == "base" else "",
    )
    session.comparison = _comparison(session, context)
    if base_policy is not None and base_policy.is_enforced and session.comparison is not None:
        session.changed_tests = _changed_tests(context, base_policy)
    return session


def _base_policy(config: pytest.Config, settings: Settings) -> BasePolicy | None:
    """Return the policy of the other commit; None if the session does not ask for it."""
    option = config.option
    if option.perf_policy is None:
        return None
    if option.perf_against is None:
        message = f"--perf-policy={option.perf_policy} needs --perf-against"
        raise pytest.UsageError(message)
    from pytest_perfbudget.checkout.base_policy import BasePolicy  # noqa: PLC0415 - few sessions need it
    from pytest_perfbudget.checkout.revision import find_base  # noqa: PLC0415

    base = find_base(config.rootpath, option.perf_against)
    policy = BasePolicy(
        base,
        config.rootpath,
        settings,
        is_enforced=option.perf_policy == "base",
        configuration=config.inipath,
        is_given=is_given(config, "-c", "--config-file"),
        accept_label=option.perf_accept_label,
    )
    policy.check_root()
    policy.check_options(*gate_options(config))
    return policy


def _changed_tests(context: ComparisonContext, policy: BasePolicy) -> ChangedTests:
    from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges  # noqa: PLC0415 - few sessions need it
    from pytest_perfbudget.compare.changed_tests import ChangedTests  # noqa: PLC0415

    changes = PerfTestChanges(policy.tests, context.invocation.testpaths)
    return ChangedTests(context, policy.tests.base, changes)


def _comparison(session: PerfSession, context: ComparisonContext) -> ComparisonStrategy | None:
    """Return the chosen comparison, and import no other; None if there is nothing to compare with.

    An update of the baseline compares nothing either.
    """
    config = session.config
    if session.is_child:
        child: Any = config.pluginmanager.getplugin(CHILD)
        found: ComparisonStrategy = child.comparison
        return found
    if session.policy.gate is GateMode.OFF:
        return None
    if config.option.perf_against is not None:
        is_distributed = getattr(config.option, "dist", "no") != "no"
        return _against_commit(context, config.option.perf_against, is_distributed=is_distributed)
    baseline = read(session.baseline_file)
    session.baseline = baseline or Baseline()
    if session.is_updating:
        check_calls(session.baseline_file)  # an unreadable file has to be found before measuring
        check_instructions(session.baseline_file)
        return None
    # If call profiles exist without a baseline, the baseline has been lost, and the comparison has to say so.
    is_lost = context.settings.baseline_asked or calls_file(session.baseline_file).exists()
    is_suggesting = config.pluginmanager.hasplugin(SUGGESTING)  # a suggestion needs the measured times alone
    if is_suggesting or (baseline is None and not is_lost):
        return None
    from pytest_perfbudget.compare.baseline import BaselineComparison  # noqa: PLC0415

    return BaselineComparison(context, session.baseline)


def _against_commit(context: ComparisonContext, ref: str, *, is_distributed: bool) -> ComparisonStrategy:
    from pytest_perfbudget.checkout.revision import find_base  # noqa: PLC0415

    base = find_base(context.root, ref)
    if context.settings.duet.mode == "sequential":
        if is_distributed:  # the controller says so before it starts workers
            raise pytest.UsageError(NOT_DISTRIBUTED)
        from pytest_perfbudget.compare.sequential import SequentialComparison  # noqa: PLC0415

        return SequentialComparison(context, base)
    from pytest_perfbudget.compare.paired import PairedComparison  # noqa: PLC0415

    return PairedComparison(context, base)


def _invocation(config: pytest.Config) -> Request:
    """Return the request with this session's own command line and without tests."""
    given: Any = getattr(config, "workerinput", {}).get(ARGUMENTS_INPUT, config.invocation_params.args)
    folder = config.invocation_params.dir
    return Request(
        arguments=[*_with_files(map(os.fspath, given), folder), *_overrides(config)],
        folder=str(config.invocation_params.dir),
        path=start_of(config).path,
        nodeids=(),
        has_cache=config.pluginmanager.hasplugin("cacheprovider"),
        workerinput=dict(_told(config)),
        names={name: config.getini(name) for name in ("python_files", "python_classes", "python_functions")},
    )


def _environment(config: pytest.Config) -> dict[str, str]:
    """Return the environment with which the session began; a worker of xdist has its own and the controller's."""
    started = start_of(config).environment
    of_controller: Any = getattr(config, "workerinput", {}).get(ENVIRONMENT_INPUT)
    if of_controller is None:
        return dict(started)
    own = {name: value for name, value in started.items() if name.startswith("PYTEST_")}
    return {**of_controller, **own}


def _told(config: pytest.Config) -> Iterator[tuple[str, Any]]:
    """Yield what the suite and other plugins tell the workers of pytest-xdist, as far as JSON can hold it."""
    for name, value in getattr(config, "workerinput", {}).items():
        with suppress(TypeError, ValueError):
            json.dumps(value)
            if not name.startswith("perfbudget"):
                yield name, value


def _with_files(arguments: Iterable[str], folder: Path) -> Iterator[str]:
    """Yield arguments with `@FILE` replaced by the lines of the file, which another commit may lack."""
    for one in arguments:
        file = folder / one[1:]
        if one.startswith("@") and file.is_file():
            yield from _with_files(file.read_text("utf-8").splitlines(), folder)
        else:
            yield one


def _overrides(config: pytest.Config) -> Iterator[str]:
    """Yield the arguments that have to differ from the session's command line."""
    if hasattr(config.option, "numprocesses"):
        yield "-n0"
    if config.pluginmanager.hasplugin("_cov"):
        yield "--no-cov"


def _cache_folder(config: pytest.Config, name: str) -> Path | None:
    """Return a folder in pytest's cache; None if the cache is not in use."""
    cache = getattr(config, "cache", None)
    return None if cache is None else Path(cache.mkdir(name))

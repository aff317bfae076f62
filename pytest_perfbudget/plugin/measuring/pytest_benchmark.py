"""Reads what pytest-benchmark's fixture measured; the fixture itself stays as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_perfbudget.core.budgets import Resource
from pytest_perfbudget.core.gate import Unsupported, unmeasured
from pytest_perfbudget.core.limits import EffectiveLimits
from pytest_perfbudget.core.results import Measurement, Recording
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.measure.subject import PlainSubject

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.measuring.item_run import ItemRun

_UNSUPPORTED = Unsupported(
    frozenset({Resource.CPU, Resource.PEAK, Resource.CALLS}),
    "pytest-benchmark records wall-clock time only: measure it with perf(...)",
)


def _fixture(item: pytest.Item) -> Any | None:  # noqa: ANN401 - pytest-benchmark is untyped
    """Return pytest-benchmark's own fixture object; None if another plugin took the name."""
    found = getattr(item, "funcargs", {}).get("benchmark")
    module = sys.modules.get("pytest_benchmark.fixture")
    # By type(), for pytest-codspeed's fixture claims to be an instance and has none of the data.
    return found if module is not None and type(found) is module.BenchmarkFixture else None


@contextmanager
def disabled(item: pytest.Item) -> Iterator[None]:
    """Let the fixture call its function once, untimed."""
    fixture = _fixture(item)
    before = fixture is None or fixture.disabled
    if fixture is not None:
        fixture.disabled = True
    try:
        yield
    finally:
        if fixture is not None:
            fixture.disabled = before


@contextmanager
def enabled(item: pytest.Item) -> Iterator[None]:
    """Let the fixture measure in an xdist worker.

    pytest-benchmark switches itself off there because other workers would disturb it. A perf test
    runs alone, so that reason is gone. An explicit --benchmark-disable stays in force.
    """
    fixture = _fixture(item)
    session = item.config.pluginmanager.getplugin("pytest-benchmark")
    if fixture is None or not fixture.disabled or not getattr(session, "xdist_warning", False):
        yield
        return
    fixture.disabled = False
    try:
        yield
    finally:
        fixture.disabled = True
        # Its own reports are off in workers: they must not find a result there and write files.
        if fixture.stats in session.benchmarks:
            session.benchmarks.remove(fixture.stats)


@contextmanager
def compared(run: ItemRun) -> Iterator[None]:
    """Measure what is given to the fixture once more, in blocks between canaries, when it is through with it.

    Its own rounds run on for a second without a look at the weather, so they cannot be compared. It
    is done on the spot: what the test has opened is open then.
    """
    fixture = _fixture(run.item)
    # A session with --benchmark-disable asks for nothing to be timed; a fresh process only needs what it is given.
    is_off = fixture is not None and fixture.disabled and not run.session.is_child
    if fixture is None or is_off or run.session.comparison is None:
        yield
        return
    kind = type(fixture)
    call, pedantic = kind.__call__, kind.pedantic

    def calling(self: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        result = call(self, function, *args, **kwargs)
        if self is fixture:
            run.record_benchmark(PlainSubject(function, (args, kwargs)))
        return result

    def pacing(self: Any, target: Any, args: Any = (), kwargs: Any = None, setup: Any = None, **rest: Any) -> Any:  # noqa: ANN401
        result = pedantic(self, target, args, kwargs, setup, **rest)
        if self is fixture and rest.get("teardown") is None:
            run.record_benchmark(PlainSubject(target, (args, kwargs or {}), setup))
        return result

    kind.__call__, kind.pedantic = calling, pacing
    try:
        yield
    finally:
        kind.__call__, kind.pedantic = call, pedantic


def keep(run: ItemRun, recording: Recording | None, profile: Sequence[tuple[str, int, float]] = ()) -> None:
    """Judge the fixture's rounds as a measurement of the run; as unmeasured if there are none.

    Args:
        run: the run of the test.
        recording: what was measured between canaries, if anything was.
        profile: where the time of one call goes, if that looks slower.
    """
    fixture = _fixture(run.item)
    effective = run.resolve("")
    reason = _why_unmeasured(fixture)
    if recording is not None and (reason or fixture is None):
        run.keep(
            "",
            "benchmark",
            _samples(recording),
            replace(effective, budgets=()),
            unsupported=_UNSUPPORTED,
            recording=recording,
        )
        return
    if reason or fixture is None:
        if effective.budgets or run.session.comparison is not None:
            run.add(_unmeasured(run.nodeid, effective, reason))
        return
    stats = fixture.stats
    wall_ns = [seconds * 1e9 for seconds in stats.stats.data]
    samples = Samples(wall_ns, iterations=stats.iterations, elapsed_ns=int(sum(wall_ns) * stats.iterations))
    run.keep("", "benchmark", samples, effective, unsupported=_UNSUPPORTED, profile=profile, recording=recording)


def _samples(recording: Recording) -> Samples:
    """Return the blocks' medians, where the fixture itself was kept from measuring."""
    return Samples([block.time_ns for block in recording.blocks])


def _why_unmeasured(fixture: Any | None) -> str:  # noqa: ANN401
    if fixture is None:
        return "its benchmark fixture is not pytest-benchmark's: measure it with perf(...)"
    if fixture.stats is None:
        disabled = "pytest-benchmark did not measure (--benchmark-disable)"
        return disabled if fixture.disabled else "the test asks for the benchmark fixture but never called it"
    return ""


def _unmeasured(nodeid: str, effective: EffectiveLimits, reason: str) -> Measurement:
    judgements = [unmeasured(budget, reason) for budget in effective.budgets]
    return Measurement(nodeid, "", "benchmark", effective.component, 0, 1, None, 0, {}, judgements)

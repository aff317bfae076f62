"""Tests with pytest-benchmark's fixture: they are judged by the fixture's raw data, and the fixture does not change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pytest_perfbudget.core.kinds import BENCHMARK
from pytest_perfbudget.core.measurement import ProfileRow, Recording
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.measure.subject import PlainSubject
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun


@dataclass(frozen=True)
class BenchmarkData:
    """The recording for the comparison, if there is one, and the profile of a call, if the run looks slower."""

    recording: Recording | None = None
    profile: Sequence[ProfileRow] = ()


def _fixture(item: pytest.Item) -> Any | None:  # noqa: ANN401 - pytest-benchmark is untyped
    """Return pytest-benchmark's own fixture object; None if another plugin took the name."""
    found = getattr(item, "funcargs", {}).get("benchmark")
    module = sys.modules.get("pytest_benchmark.fixture")
    # By type(), because pytest-codspeed's fixture claims to be an instance and has none of the data.
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

    pytest-benchmark switches itself off there because other workers would disturb it. A perf test runs alone, so that
    reason does not apply. An explicit --benchmark-disable stays in force.
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
        # pytest-benchmark's own reports are off in workers. If they found a result, they would write files.
        if fixture.stats in session.benchmarks:
            session.benchmarks.remove(fixture.stats)


@contextmanager
def compared(run: MeasuringRun) -> Iterator[None]:
    """Measure the fixture's function again in blocks, after the fixture has measured it.

    The fixture's own rounds run for a second without a reading of the weather, so they cannot be compared. The blocks
    follow at once, while the resources that the test has opened are still open.
    """
    fixture = _fixture(run.item)
    # With --benchmark-disable a session times nothing. A fresh process disables the fixture itself, and goes on.
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


def keep(run: MeasuringRun, data: BenchmarkData) -> None:
    """Judge the fixture's rounds as a measurement of the run; without rounds, the measurement is unmeasured."""
    fixture = _fixture(run.item)
    effective = run.resolve("")
    reason = _why_unmeasured(fixture)
    recording = data.recording
    if recording is not None and (reason or fixture is None):
        run.keep("", BENCHMARK, _samples(recording), replace(effective, budgets=()), recording=recording)
        return
    if reason or fixture is None:
        if effective.budgets or run.session.comparison is not None:
            run.add_unmeasured("", BENCHMARK, effective, reason)
        return
    stats = fixture.stats
    wall_ns = [seconds * 1e9 for seconds in stats.stats.data]
    samples = Samples(wall_ns, iterations=stats.iterations, elapsed_ns=int(sum(wall_ns) * stats.iterations))
    run.keep("", BENCHMARK, samples, effective, profile=data.profile, recording=recording)


def _samples(recording: Recording) -> Samples:
    """Return the times of the blocks as rounds, in place of the fixture's own rounds."""
    return Samples([block.time_ns for block in recording.blocks])


def _why_unmeasured(fixture: Any | None) -> str:  # noqa: ANN401
    if fixture is None:
        return "its benchmark fixture is not pytest-benchmark's: measure it with perf(...)"
    if fixture.stats is None:
        disabled = "pytest-benchmark did not measure (--benchmark-disable)"
        return disabled if fixture.disabled else "the test asks for the benchmark fixture but never called it"
    return ""

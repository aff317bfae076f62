"""Tests with pytest-benchmark's fixture: they are judged by the fixture's raw data, and the fixture does not change."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from pytest_perfbudget.core.kinds import BENCHMARK, PEDANTIC
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.samples import Samples
from pytest_perfbudget.measure.lazy import unfinished
from pytest_perfbudget.measure.profile import CallProfile
from pytest_perfbudget.measure.subject import PlainSubject
from pytest_perfbudget.plugin.measuring.judged_spans import JudgedSpans
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun

WALL_CLOCKS: Final = {time.perf_counter, time.monotonic, time.time}
"""The timers that give wall-clock time in seconds. The rounds of any other timer are not judged as such times."""

_ONCE: Final = "pedantic(rounds=1) calls the function once, and it may not bear a second call: give more rounds"

_MOST_ROUNDS: Final = 10
"""How many rounds of `pedantic` are made where only suites may read their statistics."""

_BRIEF: Final = {
    "_min_time": 0.0,
    "_calibration_precision": 1,
    "_precision": None,
    "_warmup": False,
    "cprofile": False,
}
"""The attributes, beside the time, with which the fixture measures a few calls only."""

_RESULTS: Final = (
    "benchmark_json",
    "benchmark_save",
    "benchmark_autosave",
    "benchmark_compare",
    "benchmark_compare_fail",
    "benchmark_histogram",
    "benchmark_cprofile",
)
"""The options of pytest-benchmark that do something with the rounds, besides its table."""


@dataclass
class BenchmarkData:
    """What happened while the fixture ran its function.

    Attributes:
        recording: the recording for the comparison; None if nothing is compared, or if there is a problem.
        profile: the profile of a call, if the run looks slower or exceeds a budget.
        spans: the spans of calls after the fixture's rounds; None if they are not recorded.
        problem: the reason why the fixture's rounds are no measure of the function; empty if they are.
        untimed: the reason why the function was not measured for the comparison; empty if it was.
    """

    recording: Recording | None = None
    profile: CallProfile = field(default_factory=CallProfile)
    spans: JudgedSpans | None = None
    problem: str = ""
    untimed: str = ""


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
def brief(item: pytest.Item, seconds: float) -> Iterator[None]:
    """Let the fixture measure for a short time: others compare, but suites read `benchmark.stats`.

    Args:
        item: the test.
        seconds: the time for the rounds in s; 0 for a few calls.
    """
    fixture = _fixture(item)
    if fixture is None:
        yield
        return
    fixture.disabled = False
    for name, value in _BRIEF.items() if not seconds else ():
        setattr(fixture, name, value)
    fixture._max_time = min(fixture._max_time, seconds)  # noqa: SLF001
    try:
        yield
    finally:
        _forget(item, fixture)


def are_rounds_needed(item: pytest.Item) -> bool:
    """Return whether the test, or an option of pytest-benchmark, reads the rounds, or forbids them."""
    fixture = _fixture(item)
    if fixture is None or (fixture.disabled and not _is_off_under_xdist(item)):
        return True
    code = getattr(inspect.unwrap(getattr(item, "function", None) or item.runtest), "__code__", None)
    return code is None or "stats" in code.co_names or any(getattr(item.config.option, one, None) for one in _RESULTS)


@contextmanager
def enabled(item: pytest.Item) -> Iterator[None]:
    """Let the fixture measure in an xdist worker.

    pytest-benchmark switches itself off there because other workers would disturb it. A perf test runs alone, so that
    reason does not apply. An explicit --benchmark-disable stays in force.
    """
    fixture = _fixture(item)
    if fixture is None or not fixture.disabled or not _is_off_under_xdist(item):
        yield
        return
    fixture.disabled = False
    try:
        yield
    finally:
        fixture.disabled = True
        _forget(item, fixture)


def _is_off_under_xdist(item: pytest.Item) -> bool:
    """Return whether pytest-benchmark has switched itself off because of pytest-xdist."""
    return bool(getattr(item.config.pluginmanager.getplugin("pytest-benchmark"), "xdist_warning", False))


def _forget(item: pytest.Item, fixture: Any) -> None:  # noqa: ANN401
    """Remove the fixture's result from pytest-benchmark's session, whose reports would write files."""
    session = item.config.pluginmanager.getplugin("pytest-benchmark")
    if fixture.stats in getattr(session, "benchmarks", ()):
        session.benchmarks.remove(fixture.stats)


@contextmanager
def watched(run: MeasuringRun, data: BenchmarkData, *, is_brief: bool) -> Iterator[None]:
    """Check what the fixture's function returns, and measure the function again for a comparison and for its spans.

    The fixture's own rounds run for a second without a reading of the weather, so they cannot be compared, and
    recording spans would slow them. The blocks follow at once, while the resources that the test has opened are still
    open.

    Args:
        run: the run of the test.
        data: what happens meanwhile is noted here.
        is_brief: whether the fixture measures a few calls only, also of `pedantic`; see `brief`.
    """
    fixture = _fixture(run.item)
    if fixture is None:
        yield
        return
    kind = type(fixture)
    call, pedantic = kind.__call__, kind.pedantic

    def calling(self: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        result = call(self, function, *args, **kwargs)
        if self is fixture:
            _take(run, data, result, PlainSubject(function, (args, kwargs)))
        return result

    def pacing(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        given = inspect.signature(pedantic).bind(self, *args, **kwargs)
        given.apply_defaults()
        asked = given.arguments
        is_once = (asked["rounds"], asked["warmup_rounds"], asked["iterations"]) == (1, 0, 1)
        if self is fixture and is_brief:
            asked.update(rounds=min(asked["rounds"], _MOST_ROUNDS), warmup_rounds=0, iterations=1)
        result = pedantic(*given.args, **given.kwargs)
        if self is fixture:
            pair = (asked["args"], asked["kwargs"] or {})
            subject = PlainSubject(asked["target"], pair, asked["setup"], asked["teardown"])
            _take(run, data, result, None if is_once else subject)
        return result

    kind.__call__, kind.pedantic = calling, pacing
    try:
        yield
    finally:
        kind.__call__, kind.pedantic = call, pedantic


def _take(run: MeasuringRun, data: BenchmarkData, result: object, subject: PlainSubject | None) -> None:
    """Measure again what the fixture has called; without a subject, it may not bear a second call."""
    data.problem = unfinished(result)
    data.untimed = data.problem or ("" if subject is not None else _ONCE)
    # With --benchmark-disable nothing is timed.
    is_off = data.untimed or getattr(_fixture(run.item), "disabled", True)
    if subject is not None and not is_off:
        fixture = _fixture(run.item)
        run.record_benchmark(subject, None if _why_unmeasured(fixture) else _samples_of(fixture))


def keep(run: MeasuringRun, data: BenchmarkData) -> None:
    """Judge the fixture's rounds as a measurement of the run; without rounds, the measurement is unmeasured."""
    fixture = _fixture(run.item)
    effective = run.resolve("")
    reason = _why_unmeasured(fixture) or data.problem
    recording = data.recording
    untimed = data.untimed or (reason if fixture is None or fixture.stats is None else "")
    if run.session.comparison is not None:
        run.request("", effective)
        recording = Recording(untimed=untimed) if untimed else recording
    if run.session.is_child and fixture is not None and recording is not None:
        # The brief rounds of a fresh process are no result.
        run.kept.keep("", BENCHMARK, _samples(recording), replace(effective, budgets=()), recording=recording)
        return
    if reason or fixture is None:
        if effective.budgets or run.session.comparison is not None:
            is_disabled = fixture is not None and fixture.stats is None and fixture.disabled  # the user wants no number
            run.kept.add_unmeasured("", BENCHMARK, effective, reason, recording, is_required=not is_disabled)
        return
    samples = _samples_of(fixture)
    kind = PEDANTIC if "pedantic" in (fixture._mode or "") else BENCHMARK  # noqa: SLF001
    run.kept.keep("", kind, samples, effective, profile=data.profile, recording=recording, spans=data.spans)


def _samples_of(fixture: Any) -> Samples:  # noqa: ANN401
    """Return the fixture's rounds."""
    stats = fixture.stats
    wall_ns = [seconds * 1e9 for seconds in stats.stats.data]
    return Samples(wall_ns, iterations=stats.iterations, elapsed_ns=int(sum(wall_ns) * stats.iterations))


def _samples(recording: Recording) -> Samples:
    """Return the times of the blocks as rounds, in place of the fixture's own rounds."""
    return Samples([block.time_ns for block in recording.blocks])


def _why_unmeasured(fixture: Any | None) -> str:  # noqa: ANN401
    if fixture is None:
        return "its benchmark fixture is not pytest-benchmark's: measure it with perf(...)"
    if fixture.stats is None:
        disabled = "pytest-benchmark did not measure (--benchmark-disable)"
        return disabled if fixture.disabled else "the test asks for the benchmark fixture but never called it"
    timer = fixture._timer  # noqa: SLF001
    if timer not in WALL_CLOCKS:
        name = getattr(timer, "__qualname__", repr(timer))
        return f"its rounds are timed by {name}, which is no wall clock: take the default timer, or measure with perf()"
    return ""

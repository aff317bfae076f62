"""The comparison with the baseline, with scripted fresh processes: what is suspect, confirmed, and said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from comparing import CALM_NS, ScriptedLauncher, answer, context, measurement, recording

from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline, Key, Line
from pytest_perfbudget.compare.baseline import BaselineComparison
from pytest_perfbudget.core.kinds import BENCHMARK
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.precedence import resolve
from pytest_perfbudget.core.reference import Reference, uncorrected
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.settings import Settings
from pytest_perfbudget.errors import WorkerError, WorkerHangsError
from pytest_perfbudget.processes.protocol import Answer

HERE = this_machine()
TIME = Reference(1e6, 0.005, 10, 40, 10.0, 0.0, 0.03, (0.4, 0.3, 0.3), CALM_NS)
LINE = Line(Key("a.py::t", "", HERE.key), TIME, {"calls": 100}, "3f2a91c", "2026-11-20")
SLOW, CALM = recording(1.5e6, calls=100), recording(1e6, calls=100)


def settled(
    one: Measurement, *answers: Answer | Exception, line: Line | None = LINE, companions: tuple[str, ...] = ()
) -> tuple[Measurement, ScriptedLauncher]:
    """Return a measurement with its results, and the launcher with what it was asked to start."""
    launcher = ScriptedLauncher(answers)
    launcher.companion_files = set(companions)
    lines = {line.key: line} if line is not None else {}
    comparison = BaselineComparison(context(launcher=launcher), Baseline({HERE.key: HERE}, lines))
    comparison.begin([one.nodeid])
    requests = {one.name: comparison.request(one.nodeid, one.name, resolve(Settings(), one.nodeid, (), name=one.name))}
    (found,) = comparison.settle(one.nodeid, [one], requests)
    return found, launcher


def time_of(found: Measurement) -> RegressionResult:
    return next(one for one in found.changes if one.metric == "time")


def test_an_unchanged_time_starts_no_process() -> None:
    found, launcher = settled(measurement(CALM))
    assert [one.verdict for one in found.changes] == [RegressionVerdict.UNCHANGED] * 2
    assert launcher.started == []
    assert found.recording is None


def test_a_slowdown_that_fresh_processes_show_is_regressed() -> None:
    found, launcher = settled(measurement(SLOW), *[answer(SLOW)] * 3)
    time = time_of(found)
    assert (time.verdict, time.runs, time.commit) == (RegressionVerdict.REGRESSED, 2, "3f2a91c")
    assert time.ratio == pytest.approx(1.5)
    assert len(launcher.started) == 2


def test_a_slowdown_that_a_fresh_process_does_not_show_is_unconfirmed() -> None:
    found, launcher = settled(measurement(SLOW), answer(CALM))
    assert time_of(found).verdict is RegressionVerdict.UNCONFIRMED
    assert len(launcher.started) == 1


def test_the_screening_run_has_no_part_in_the_verdict() -> None:
    """However slow it was: fresh runs of 1 % more are allowed."""
    found, _ = settled(measurement(recording(9e6, calls=100)), *[answer(recording(1.01e6, calls=100))] * 3)
    ratio = time_of(found).ratio
    assert ratio == pytest.approx(1.01)


def test_a_process_that_dies_is_started_once_more_and_then_the_time_is_unmeasured() -> None:
    found, launcher = settled(measurement(SLOW), WorkerError("it died"), answer(CALM))
    assert time_of(found).verdict is RegressionVerdict.UNCONFIRMED
    found, launcher = settled(measurement(SLOW), WorkerError("it died"), WorkerError("it died again"))
    assert time_of(found).reason == "looked slower, and could not be confirmed: it died again"
    assert len(launcher.started) == 2


def test_a_process_that_hangs_is_not_started_again() -> None:
    found, launcher = settled(measurement(SLOW), WorkerHangsError("it hangs"))
    assert time_of(found).verdict is RegressionVerdict.UNMEASURED
    assert len(launcher.started) == 1


def test_a_test_that_does_not_go_with_others_is_measured_with_its_own_file_only() -> None:
    found, launcher = settled(measurement(SLOW), answer(problem="no"), answer(CALM), companions=("a.py", "b.py"))
    assert [own_file_only for _, own_file_only in launcher.started] == [False, True]
    assert time_of(found).verdict is RegressionVerdict.UNCONFIRMED


def test_a_count_alone_is_confirmed_by_three_processes() -> None:
    more = recording(1e6, calls=300)
    found, launcher = settled(measurement(more), *[answer(more)] * 3)
    assert [one.verdict for one in found.changes] == [RegressionVerdict.UNCHANGED, RegressionVerdict.REGRESSED]
    assert len(launcher.started) == 3


def test_a_measurement_that_the_baseline_does_not_have_is_new() -> None:
    found, _ = settled(measurement(CALM), line=None)
    assert time_of(found).verdict is RegressionVerdict.NEW
    assert time_of(found).reason.startswith("there is no perf-baseline.json: create the file with")


def test_a_time_of_another_machine_is_foreign() -> None:
    elsewhere = Line(Key("a.py::t", "", "other"), TIME)
    launcher = ScriptedLauncher()
    machines = {HERE.key: HERE, "other": HERE}
    comparison = BaselineComparison(context(launcher=launcher), Baseline(machines, {elsewhere.key: elsewhere}))
    request = comparison.request("a.py::t", "", resolve(Settings(), "a.py::t", (), name=""))
    (found,) = comparison.settle("a.py::t", [measurement(CALM)], {"": request})
    assert time_of(found).verdict is RegressionVerdict.FOREIGN


def test_canaries_of_another_world_compare_nothing() -> None:
    found, launcher = settled(measurement(recording(3e6, weather=3.0, calls=100)))
    assert time_of(found).verdict is RegressionVerdict.UNMEASURED
    assert "the canaries take 3 times as long as for the baseline" in time_of(found).reason
    assert launcher.started == []


def test_a_measurement_without_blocks_says_what_it_is() -> None:
    found, _ = settled(measurement(None, kind=BENCHMARK))
    assert [one.reason for one in found.changes] == [
        "not timed in blocks (benchmark)",
        "its function calls could not be counted: pytest-benchmark records wall-clock time only: measure it with perf(...)",
    ]


def test_a_baseline_that_can_find_next_to_nothing_is_said() -> None:
    imported = Line(LINE.key, uncorrected(1e6, 0.15))
    found, _ = settled(measurement(CALM), line=imported)
    assert found.changes[0].verdict is RegressionVerdict.UNDECIDED
    assert "the baseline is imported, not corrected for weather" in found.changes[0].reason
    calm, _ = settled(measurement(CALM))
    assert calm.changes[0].verdict is RegressionVerdict.UNCHANGED


def test_a_time_taken_on_one_cpu_is_compared_on_one_cpu_here_and_in_fresh_processes() -> None:
    one = measurement(SLOW)
    for line in (LINE, replace(LINE, one_cpu=True)):
        comparison = BaselineComparison(context(), Baseline({HERE.key: HERE}, {line.key: line}))
        request = comparison.request(one.nodeid, "", resolve(Settings(), one.nodeid, (), name=""))
        assert request.one_cpu is line.one_cpu
        _, launcher = settled(one, *[answer(SLOW)] * 3, line=line)
        assert launcher.on_one_cpu == [[""] if line.one_cpu else []] * 2

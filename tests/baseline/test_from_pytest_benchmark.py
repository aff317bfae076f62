from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from scripting import leave_the_outer_run

from pytest_perfbudget.baseline.from_pytest_benchmark import imported, seeded
from pytest_perfbudget.baseline.machine import this_machine
from pytest_perfbudget.baseline.schema import Baseline
from pytest_perfbudget.cli import main
from pytest_perfbudget.errors import BaselineError

_SAVED: list[str] = []


@pytest.fixture
def saved(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that pytest-benchmark itself has written, in the folder of a project; written once for all tests."""
    leave_the_outer_run(monkeypatch)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks,pytest_benchmark.plugin")
    pytester.makepyfile(test_old="def test_sum(benchmark): benchmark.pedantic(sum, ((1, 2),), rounds=5)\n")
    file = pytester.path / "saved.json"
    if not _SAVED:
        pytester.runpytest_subprocess("--benchmark-json=saved.json").assert_outcomes(passed=1)
        _SAVED.append(file.read_text("utf-8"))
    file.write_text(_SAVED[0], "utf-8")
    return file


def test_a_saved_file_seeds_a_baseline_marked_as_uncorrected(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import-benchmark", "saved.json"]) == 0
    content = (saved.parent / "perf-baseline.json").read_text("utf-8")
    assert '"test": "test_old.py::test_sum"' in content
    assert '"spread": 0.15}' in content
    assert capsys.readouterr().out.startswith(f"{Path.cwd() / 'perf-baseline.json'}: 1 of 1 benchmarks added, of ")


def test_the_baseline_is_that_of_the_project_from_wherever_in_it(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (saved.parent / "pytest.ini").write_text("[pytest]\n", "utf-8")
    (saved.parent / "inner").mkdir()
    monkeypatch.chdir(saved.parent / "inner")
    assert main(["import-benchmark", "../saved.json"]) == 0
    assert (saved.parent / "perf-baseline.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the name of the processor")
def test_the_machine_is_known_as_this_one(saved: Path) -> None:
    assert list(imported(saved).machines.values()) == [this_machine()]


def test_a_second_import_adds_nothing_and_measured_lines_stay(saved: Path) -> None:
    seed = imported(saved)
    once, added = seeded(Baseline(), seed)
    assert added == 1
    assert seeded(once, seed) == (once, 0)


@pytest.mark.usefixtures("saved")
def test_a_test_that_is_many_times_slower_fails_against_it(pytester: pytest.Pytester) -> None:
    main(["import-benchmark", "saved.json"])
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
    pytester.makepyfile(test_old="def test_sum(benchmark): benchmark.pedantic(sorted, (range(9999),), rounds=5)\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*times slower than the baseline*"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no file of pytest-benchmark's: Expecting value"),
        ("[]", "is no file of pytest-benchmark's: list indices"),
        ('{"benchmarks": []}', "is no file of pytest-benchmark's: it lacks 'machine_info'"),
    ],
)
def test_other_files_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.json").write_text(content, "utf-8")
    assert main(["import-benchmark", "x.json"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"perfbudget: x.json: {message}")
    assert error.count("\n") == 1
    assert main(["import-benchmark", "absent.json"]) == 2
    assert capsys.readouterr().err == "perfbudget: absent.json: cannot be read: No such file or directory\n"
    assert not (tmp_path / "perf-baseline.json").exists()


def test_a_median_that_is_none_is_refused(saved: Path) -> None:
    document: dict[str, Any] = json.loads(saved.read_text("utf-8"))
    document["benchmarks"][0]["stats"]["median"] = 0
    saved.write_text(json.dumps(document), "utf-8")
    with pytest.raises(BaselineError, match=r"median of test_old\.py::test_sum is 0"):
        imported(saved)

"""Which file is the baseline, and what is said if it cannot be read."""

from __future__ import annotations

import json

import pytest
from baselines import baseline_file, lines
from programs import FEW_RUNS, perf_program
from scripting import TWO_WORKERS, Project, times

from pytest_perfbudget.core.calm_quantiles import SHARES
from pytest_perfbudget.core.side_times import SideTimes


def asking(name: str) -> str:
    return f"from scripted import advance\ndef {name}(perf): perf(advance, 1)\n"


def test_a_project_that_never_had_a_baseline_hears_nothing_of_it(lean: Project) -> None:
    result = lean.run(perf_program())
    result.stdout.no_fnmatch_line("*against the baseline*")


def test_a_baseline_that_pyproject_names_has_to_be_there(lean: Project) -> None:
    named = '[tool.perfbudget]\nbaseline = "perf/base.json"\nbaseline_runs = 2\n'
    result = lean.run(perf_program(), pyproject=named)
    result.stdout.fnmatch_lines(
        [
            "new: *: there is no perf/base.json: create the file with pytest --perf-update-baseline",
            "against the baseline: nothing was compared (2 new)",
        ]
    )
    lean.run(perf_program(), "--perf-strict").assert_outcomes(passed=1, failed=2)
    lean.run(perf_program(), "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
    assert (lean.pytester.path / "perf" / "base.json").exists()
    lean.run(perf_program(), "--perf-strict").assert_outcomes(passed=3)


def test_without_the_baseline_that_was_committed_every_test_is_new(based: Project) -> None:
    baseline_file(based).unlink()
    result = based.run(perf_program())
    result.stdout.fnmatch_lines(
        ["new: *: there is no perf-baseline.json: create the file with pytest --perf-update-baseline"]
    )
    based.run(perf_program(), "--perf-strict").assert_outcomes(passed=1, failed=2)


def test_a_report_has_the_distribution_of_the_baseline_beside_that_of_the_session(based: Project) -> None:
    assert len(lines(based)["test_body"]["quantiles"]["ns"]) == len(SHARES)
    based.run(perf_program(slow=1.02, when="not FRESH")).assert_outcomes(passed=3)
    body = next(one for one in based.report["measurements"] if one["kind"] == "body")
    sides = SideTimes.from_dict(body["side_times"])
    assert sides.is_calm
    assert (sides.base_rounds, sides.base.times_ns()[0]) == (1000, 1e5)
    assert sides.head.times_ns()[0] == pytest.approx(1.02e5)


def test_a_baseline_of_an_older_version_is_compared_without_distributions(based: Project) -> None:
    document = json.loads(baseline_file(based).read_text("utf-8"))
    for one in document["measurements"]:
        del one["quantiles"]
    baseline_file(based).write_text(json.dumps(document), "utf-8")
    based.run(perf_program()).assert_outcomes(passed=3)
    assert all("side_times" not in one for one in based.report["measurements"])
    assert times(based)["test_body"] == "unchanged"
    based.run(perf_program(), "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
    assert len(lines(based)["test_body"]["quantiles"]["ns"]) == len(SHARES)


def test_a_baseline_that_another_root_folder_leaves_unread_is_named(lean: Project) -> None:
    lean.file("inner/test_in.py", asking("test_in"))
    lean.run("", "inner", "--perf-update-baseline", pyproject=FEW_RUNS)
    lean.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
    moved = ("-c", "inner/pytest.ini", "-W", "default", "inner")
    result = lean.run("", *moved)
    result.stdout.fnmatch_lines(["*perf-baseline.json has these tests and is not used: the root folder is *inner*"])
    assert lean.run("", *moved, "--perf-strict").ret == pytest.ExitCode.USAGE_ERROR
    lean.file("inner/test_in.py", asking("test_new"))
    assert "is not used" not in lean.run("", *moved).stdout.str()


def test_a_baseline_below_the_root_folder_that_is_not_read_is_named(lean: Project) -> None:
    lean.file("inner/pyproject.toml", FEW_RUNS)
    lean.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
    lean.file("inner/test_in.py", asking("test_in"))
    lean.run("", "-c", "inner/pytest.ini", "inner", "--perf-update-baseline")
    assert (lean.pytester.path / "inner" / "perf-baseline.json").exists()
    result = lean.run("", "-W", "default", "inner", "--rootdir=.", "-c", "pytest.ini")
    result.stdout.fnmatch_lines(["*inner/perf-baseline.json has these tests and is not used: the root folder is *"])


def test_a_baseline_that_is_a_broken_link_is_a_usage_error_of_one_line(based: Project) -> None:
    baseline_file(based).unlink()
    baseline_file(based).symlink_to("gone.json")
    result = based.run(perf_program())
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json: is a link to gone.json, which is not there: *"])


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_baseline_that_is_cut_off_is_a_usage_error_of_one_line(based: Project, workers: tuple[str, ...]) -> None:
    baseline_file(based).write_text(baseline_file(based).read_text("utf-8")[:-200], "utf-8")
    result = based.run(perf_program(), *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:*: is cut off: restore it from git"])


def test_an_id_with_an_address_is_unmeasured_and_not_new(based: Project) -> None:
    result = based.run(
        """
class Codec: pass

@pytest.mark.parametrize("codec", [Codec()], ids=repr)
def test_it(codec, perf): perf(advance, 1)
"""
    )
    result.assert_outcomes(passed=1)
    assert set(times(based).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *its id holds an address, which differs from process to process: *"])

"""Which file is the baseline, and what is said if it cannot be read."""

from __future__ import annotations

import pytest
from programs import FAST, TWO
from scripting import Project

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_without_a_baseline_nothing_is_said(project: Project) -> None:
    result = project.run(TWO)
    result.stdout.no_fnmatch_line("*against the baseline*")


def test_a_baseline_that_pyproject_names_has_to_be_there(project: Project) -> None:
    named = '[tool.perfbudget]\nbaseline = "perf/base.json"\nbaseline_runs = 2\n'
    result = project.run(TWO, pyproject=named)
    result.stdout.fnmatch_lines(
        [
            "new: *: there is no perf/base.json: make it with pytest --perf-update-baseline",
            "against the baseline: 2 new",
        ]
    )
    project.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)
    project.run(TWO, "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
    assert (project.pytester.path / "perf" / "base.json").exists()
    project.run(TWO, "--perf-strict").assert_outcomes(passed=3)


def test_a_baseline_that_is_lost_is_missed(based: Project) -> None:
    (based.pytester.path / "perf-baseline.json").unlink()
    result = based.run(TWO)
    result.stdout.fnmatch_lines(["new: *: there is no perf-baseline.json: make it with pytest --perf-update-baseline"])
    based.run(TWO, "--perf-strict").assert_outcomes(passed=1, failed=2)


def test_a_baseline_that_another_root_folder_leaves_unread_is_said(project: Project) -> None:
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
    project.run("", "inner", "--perf-update-baseline", pyproject=FAST)
    project.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
    moved = ("-c", "inner/pytest.ini", "-W", "default", "inner")
    result = project.run("", *moved)
    result.stdout.fnmatch_lines(["*perf-baseline.json has these tests and is not used: the root folder is *inner*"])
    assert project.run("", *moved, "--perf-strict").ret == pytest.ExitCode.USAGE_ERROR
    project.file("inner/test_in.py", "from scripted import advance\ndef test_new(perf): perf(advance, 1)\n")
    assert "is not used" not in project.run("", *moved).stdout.str()


def test_so_is_one_below_the_root_folder(project: Project) -> None:
    project.file("inner/pyproject.toml", FAST)
    project.file("inner/pytest.ini", "[pytest]\npythonpath = ..\n")
    project.file("inner/test_in.py", "from scripted import advance\ndef test_in(perf): perf(advance, 1)\n")
    project.run("", "-c", "inner/pytest.ini", "inner", "--perf-update-baseline")
    assert (project.pytester.path / "inner" / "perf-baseline.json").exists()
    result = project.run("", "-W", "default", "inner", "--rootdir=.", "-c", "pytest.ini")
    result.stdout.fnmatch_lines(["*inner/perf-baseline.json has these tests and is not used: the root folder is *"])


def test_a_link_that_leads_nowhere_is_one_line(based: Project) -> None:
    file = based.pytester.path / "perf-baseline.json"
    file.unlink()
    file.symlink_to("gone.json")
    result = based.run(TWO)
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json: is a link to gone.json, which is not there: *"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_a_broken_baseline_is_one_line(based: Project, workers: tuple[str, ...]) -> None:
    file = based.pytester.path / "perf-baseline.json"
    file.write_text(file.read_text("utf-8")[:-200], "utf-8")
    result = based.run(TWO, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:*: is cut off: restore it from git"])

"""The file of an option must not become a test path, by which pytest would read no settings of the project."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripting import Project

TABLE = """
[tool.pytest.ini_options]
asyncio_default_fixture_loop_scope = "function"

[tool.perfbudget.budgets]
"test_in.py" = {max_calls = 1}
"""


@pytest.fixture
def inner(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    project.file("inner/pyproject.toml", TABLE)
    project.file("inner/test_in.py", "def test_in(): [*map(lambda one: one, range(50))]\n")
    monkeypatch.chdir(project.pytester.path / "inner")
    return project


@pytest.mark.parametrize(("option", "file"), [("--perf-output", "../out.md"), ("--perf-history", "../out.sqlite")])
def test_a_file_that_pytest_takes_for_a_test_path_is_refused(inner: Project, option: str, file: str) -> None:
    run = inner.pytester.runpytest_inprocess
    Path(file).touch()
    refused = run(option, file)
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    settings = inner.pytester.path / "inner/pyproject.toml"
    message = (
        f"ERROR: {option}: pytest took {file} for a test path, so its root folder is {inner.pytester.path}, and "
        f"{settings} is not read: write {option}={file}"
    )
    assert message in refused.errlines


def test_the_remedy_reads_the_settings(inner: Project) -> None:
    Path("../out.md").touch()
    inner.pytester.runpytest_inprocess("--perf-output=../out.md").assert_outcomes(failed=1)


@pytest.mark.parametrize(
    "arguments",
    [("--perf-output", "../new.md"), ("--perf-output", "out.md"), ("--rootdir=.", "--perf-output", "../out.md")],
)
def test_a_file_that_moves_nothing_is_no_mistake(inner: Project, arguments: tuple[str, ...]) -> None:
    Path("../out.md").touch()
    Path("out.md").touch()
    inner.pytester.runpytest_inprocess(*arguments).assert_outcomes(failed=1)


def test_a_project_without_settings_loses_none(inner: Project) -> None:
    Path("../out.md").touch()
    Path("pyproject.toml").unlink()
    inner.pytester.runpytest_inprocess("--perf-output", "../out.md").assert_outcomes(passed=1)

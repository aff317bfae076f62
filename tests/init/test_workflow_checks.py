"""Workflow files of `perfbudget init` and of the guide under the checkers that users run: schemas, actionlint, zizmor."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_perfbudget.init import workflows
from pytest_perfbudget.init.layout import installation

PROGRAMS = Path(sys.executable).parent
MISSING = [one for one in ("check-jsonschema", "jactionlint", "zizmor") if not shutil.which(one, path=str(PROGRAMS))]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")
GUIDE = Path(workflows.__file__).parent.parent / "guide/ci.md"
PLUGIN = "pytest-perfbudget[html] @ git+https://example.org/perf@1234#subdirectory=perf"
LAYOUTS: dict[str, dict[str, str]] = {
    "nothing": {},
    "extra": {"pyproject.toml": "[project]\nname = 'a'\noptional-dependencies.test = ['pytest']\n"},
    "uv": {"uv.lock": ""},
    "poetry": {"poetry.lock": ""},
    "action": {"setup.py": ""},
    "below": {".git/HEAD": "", "shop/setup.py": ""},
}


def checked(program: str, *arguments: object, code: int = 0) -> str:
    """Run a checker, assert its exit code, and return what it says."""
    command = [str(PROGRAMS / program), *map(str, arguments)]
    environment = {**os.environ, "PATH": os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])}  # shellcheck
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def schema(name: str, *files: Path, code: int = 0) -> str:
    return checked("check-jsonschema", "--builtin-schema", f"vendor.{name}", *files, code=code)


@pytest.fixture
def written(tmp_path: Path) -> tuple[list[Path], list[Path]]:
    """The workflow files for GitHub and for GitLab, in projects of several layouts."""
    github, gitlab = [], []
    for name, files in LAYOUTS.items():
        for file, text in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(text, "utf-8")
        (tmp_path / name).mkdir(exist_ok=True)
        installed = installation(tmp_path / name / ("shop" if name == "below" else ""), PLUGIN)
        action = f"a/b/c@{40 * '1'}" if name == "action" else ""
        for change in (
            workflows.github(installed, action),
            workflows.self_test(installed, action),
            workflows.comment(installed, action, PLUGIN),
        ):
            change.write()
            github.append(change.path)
        for each in workflows.gitlab(installed):
            each.write()
            gitlab.append(each.path)
    return github, gitlab


def test_the_files_are_what_the_services_and_the_linters_accept(written: tuple[list[Path], list[Path]]) -> None:
    github, gitlab = written
    assert (len(github), len(gitlab)) == (3 * len(LAYOUTS), 2 * len(LAYOUTS))
    schema("github-workflows", *github)
    schema("gitlab-ci", *gitlab)
    assert checked("jactionlint", "--strict-exit", *github) == ""
    checked("zizmor", "--offline", "--no-progress", *github)


def test_the_checkers_find_faults(written: tuple[list[Path], list[Path]]) -> None:
    """The twin: without it, a checker that reads nothing would accept everything."""
    (github, *_), (gitlab, *_) = written
    right = github.read_text("utf-8")
    github.write_text(right.replace("runs-on:", "run-on:"), "utf-8")
    assert "run-on" in schema("github-workflows", github, code=1)
    github.write_text(right.replace("perfbudget gate", "perfbudget gate $HERE '${{ steps.none.outcome }}'"), "utf-8")
    said = checked("jactionlint", "--strict-exit", github, code=1)
    assert 'property "none" is not defined' in said
    assert "SC2086" in said  # by shellcheck
    gitlab.write_text(gitlab.read_text("utf-8").replace("expire_in", "expires_in"), "utf-8")
    assert "expires_in" in schema("gitlab-ci", gitlab, code=1)


def test_the_workflows_of_the_guide_are_what_the_services_accept(tmp_path: Path) -> None:
    found: dict[str, list[Path]] = {"github-workflows": [], "azure-pipelines": []}
    for at, text in enumerate(re.findall(r"```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)):
        file = tmp_path / f"{at}.yml"
        file.write_text(text.replace("@COMMIT", f"@{40 * '1'}"), "utf-8")
        if "jobs:" in text:
            found["github-workflows"].append(file)
        elif "- task:" in text:
            found["azure-pipelines"].append(file)
    assert {name: len(files) for name, files in found.items()} == {"github-workflows": 2, "azure-pipelines": 1}
    for name, files in found.items():
        schema(name, *files)
    checked("jactionlint", "--profile", "correctness", "--strict-exit", *found["github-workflows"])

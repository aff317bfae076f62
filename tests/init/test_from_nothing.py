"""The README's way from an empty repository with one slow function to a red pull request, as git and the workflow go it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pull_requests import Origin, PullRequestRefs
from repositories import commit, git

from pytest_perfbudget.init.workflows import GITHUB

WORDS = """
def unique(words):
    found = []
    for word in words:
        if word not in found:
            found.append(word)
    return found
"""
TESTS = """
from words import unique

WORDS = [f"word {number}" for number in range(200)]

def test_unique():
    assert unique(WORDS * 2) == WORDS
"""
SLOWER = WORDS.replace("return found", "return [word for word in found if found.count(word) == 1]")
IGNORED = "__pycache__\n.pytest_cache\n"


PERFBUDGET = (sys.executable, "-m", "pytest_perfbudget")


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Origin:
    """A repository that has one function and one test, none of which knows of this plugin."""
    for name in ("PYTEST_ADDOPTS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    return Origin.make(tmp_path, {"words.py": WORDS, "test_words.py": TESTS, ".gitignore": IGNORED})


def as_on_github(opened: PullRequestRefs, folder: Path) -> tuple[int, str]:
    """Run the gate of the workflow in the checkout of a pull request, and return the exit code and the output."""
    opened.checkout(folder, depth=0)
    steps = yaml.safe_load((folder / GITHUB).read_text("utf-8"))["jobs"]["performance"]["steps"]
    (command,) = [step["run"] for step in steps if "gate" in step.get("run", "")]
    program, *words = shlex.split(command)
    assert program == "perfbudget"
    ended = subprocess.run(
        [*PERFBUDGET, *words],
        cwd=folder,
        env={**os.environ, **opened.environment(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("change", "code", "verdict"),
    [
        pytest.param({"words.py": SLOWER}, 1, "(regressed) after", id="slower"),
        pytest.param(
            {"words.py": f"{WORDS}\n# reviewed\n"},
            0,
            "Performance: passed after",
            id="no slower",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_pull_request_with_a_slower_function_is_red(
    origin: Origin, tmp_path: Path, change: dict[str, str], code: int, verdict: str
) -> None:
    ended = subprocess.run(
        [*PERFBUDGET, "init", "--suggest", "--github", "--plugin", "git+https://example.org/perf@1234"],
        cwd=origin.clone,
        check=True,
        capture_output=True,
        text=True,
    )
    assert re.search(r'\+"test_words.py::test_unique" = \{ p95_\w+ = [125]0*, component = "words" \}', ended.stdout)
    commit(origin.clone, {})
    git(origin.clone, "push", "-q", "origin", "HEAD:main")

    tolerant = (origin.clone / "pyproject.toml").read_text("utf-8").replace('"5%"', '"900%"')
    opened = origin.open({**change, "pyproject.toml": tolerant} if code else change)
    ended_with, output = as_on_github(opened, tmp_path / "runner")
    assert ended_with == code, output
    assert verdict in output
    assert ("max_regression = 5 % -> 900 %" in output) is bool(code), output  # judged by the limit of the base

"""The README's way from an empty repository with one slow function to a red pull request, as git and the workflow go it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
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

WORDS = [f"word {number}" for number in range(600)]

def test_unique():
    assert unique(WORDS * 2) == WORDS
"""
SLOWER = WORDS.replace("return found", "return [word for word in found if found.count(word) == 1]")
IGNORED = "__pycache__\n.pytest_cache\nperf-report.json\n"


@pytest.fixture
def cloned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of a bare repository that has one function and one test, none of which knows of this plugin."""
    for name in ("PYTEST_ADDOPTS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "-q", "--bare", str(origin))
    git(tmp_path, "clone", "-q", str(origin), str(clone))
    commit(clone, {"words.py": WORDS, "test_words.py": TESTS, ".gitignore": IGNORED})
    git(clone, "push", "-q", "origin", "HEAD:main")
    return clone


def as_on_github(clone: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command of the workflow in the checkout of a pull request, which is its merge with the base."""
    git(clone.parent, "clone", "-q", str(clone.parent / "origin.git"), str(folder))
    git(folder, "checkout", "-q", "-b", "merge", "origin/main")
    git(folder, "merge", "-q", "--no-ff", "-m", "merge", "origin/change")
    text = (folder / GITHUB).read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["performance"]["steps"]
    (command,) = [step["run"] for step in steps if "--perf-against" in step.get("run", "")]
    words = shlex.split(command.replace("$GITHUB_BASE_REF", "main"))
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"words.py": SLOWER}, "regressed"),
        pytest.param({"words.py": f"{WORDS}\n# reviewed\n"}, "unchanged", marks=pytest.mark.slow),
    ],
    ids=["slower", "no slower"],
)
def test_a_pull_request_with_a_slower_function_is_red(
    cloned: Path, tmp_path: Path, change: dict[str, str], verdict: str
) -> None:
    command = [sys.executable, "-c", "from pytest_perfbudget.cli import main; raise SystemExit(main())"]
    ended = subprocess.run(
        [*command, "init", "--suggest", "--github"], cwd=cloned, check=True, capture_output=True, text=True
    )
    assert re.search(r'\+"test_words.py::test_unique" = \{ p95_\w+ = [125]0*, component = "words" \}', ended.stdout)
    commit(cloned, {})
    git(cloned, "push", "-q", "origin", "HEAD:main")

    git(cloned, "checkout", "-q", "-b", "change")
    commit(cloned, change)
    git(cloned, "push", "-q", "origin", "change")
    result = as_on_github(cloned, tmp_path / "runner")
    assert result.returncode == int(verdict == "regressed"), result.stdout
    assert verdict in result.stdout
    assert ("test_unique: +" in result.stdout or "slower" in result.stdout) is (verdict == "regressed"), result.stdout

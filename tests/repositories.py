"""Real git repositories for tests."""

from __future__ import annotations

import py_compile
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripting import Project

_IDENTITY = ("-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "init.defaultBranch=main")
# Submodules from folders are what git forbids since CVE-2022-39253, and what a test has.
_LOCAL = ("-c", "protocol.file.allow=always")

IGNORED = "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n.pytest_cache\n"
"""A .gitignore for what a run of pytest inside a test leaves behind."""


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it says."""
    ended = subprocess.run(
        ["git", *_IDENTITY, *_LOCAL, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def commit(folder: Path, files: dict[str, str], message: str = "m") -> str:
    """Write files, commit them, and return the commit; a folder that is no repository becomes one."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def compiled_from_other_source(module: Path, source: str, other: str) -> None:
    """Write a module with a compiled file beside it that is of another source, and that Python takes unchecked."""
    module.write_text(other, "utf-8")
    py_compile.compile(str(module), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    module.write_text(source, "utf-8")


def break_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `git grep` fail, and no other command of git."""
    for name, value in (("COUNT", "1"), ("KEY_0", "grep.threads"), ("VALUE_0", "-1")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)


@dataclass
class Repository(Project):
    """A project in a git repository: its last commit is the base, and its files are the head."""

    def commit(self, files: dict[str, str] | None = None, *, tests: str = "") -> str:
        """Write files, and the file of tests if there are any, and commit them."""
        if tests:
            self.write_tests(tests)
        for name, text in (files or {}).items():
            self.file(name, text)
        return commit(self.pytester.path, {})

    def against_base(
        self, *arguments: str, tests: str = "", pyproject: str = "", subprocess: bool = False
    ) -> pytest.RunResult:
        """Compare the head, with other tests if there are any, with the base."""
        if tests:
            self.write_tests(tests)
        if pyproject:
            self.file("pyproject.toml", pyproject)
        run = self.pytester.runpytest_subprocess if subprocess else self.pytester.runpytest_inprocess
        return run("--perf-output", "report.json", "--perf-against", "HEAD", *self.arguments, *arguments)

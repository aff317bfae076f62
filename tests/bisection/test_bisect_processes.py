"""`perfbudget bisect` with real sessions on a scripted clock, and its end by a signal."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from repositories import commit, git
from scripting import CONFTEST, SCRIPTED, leave_the_outer_run

SHOP = """
from scripted import advance

def login():
    advance({ms}, {ms})
"""

TESTS = """
import pytest
from shop import login

@pytest.mark.perf_budget
def test_login():
    login()
"""

FILES = {
    "scripted.py": SCRIPTED,
    "conftest.py": CONFTEST,
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "test_shop.py": TESTS,
}

Started = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose first commit, `good`, takes 1 ms in a call."""
    leave_the_outer_run(monkeypatch)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    folder = tmp_path / "shop"
    commit(folder, {**FILES, "shop.py": SHOP.format(ms=1)}, "Begin")
    git(folder, "tag", "good")
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in a folder; it gets SIGINT, which a job in the background of a shell ignores."""
    heard = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{heard}; from pytest_perfbudget.cli import main; sys.exit(main())",
            "bisect",
            *arguments,
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command, and return its exit code and all that it says."""
    process = start(folder, *arguments)
    output, errors = process.communicate(timeout=300)
    return process.returncode, output + errors


def test_a_test_that_bad_does_not_have_is_one_line(shop: Path) -> None:
    commit(shop, {"shop.py": SHOP.format(ms=2)})
    code, said = run(shop, "test_shop.py::test_lgin", "--good=good")
    assert (code, said.count("\n")) == (2, 1)
    assert " has no measurement of test_shop.py::test_lgin: not found: test_shop.py::test_lgin" in said
    assert said.endswith(" (did you mean 'test_login'?)\n")


def test_a_module_that_git_ignores_is_one_line_with_the_remedy(shop: Path) -> None:
    commit(shop, {".gitignore": "built.py\n", "built.py": "", "shop.py": "import built\n" + SHOP.format(ms=2)})
    code, said = run(shop, "test_shop.py::test_login", "--good=good")
    assert (code, said.count("\n")) == (2, 1)
    assert "No module named 'built'; a checkout lacks files that git ignores: let setup of [tool.perfbudget" in said


@pytest.mark.slow
def test_the_commit_is_found_and_a_broken_commit_is_skipped(shop: Path) -> None:
    """Commit 4 is slower, commit 2 cannot be imported."""
    made = {}
    for at in range(1, 6):
        broken = "import no_such_module\n" if at == 2 else ""
        text = broken + SHOP.format(ms=1.5 if at >= 4 else 1)
        made[at] = commit(shop, {"shop.py": text, "note.txt": str(at)}, f"Change {at}")
    (shop / "shop.py").write_text("the working tree is not read", "utf-8")
    code, said = run(shop, "test_shop.py::test_login", "--good=good")
    assert code == 0, said
    assert f"{made[4][:9]} is the first slow commit (99 % sure)" in said
    assert f"{made[2][:9]}  skipped: " in said
    assert "No module named 'no_such_module'" in said
    assert "50 % slower than the commit before" in said
    assert "changed files: note.txt, shop.py" in said
    assert git(shop, "worktree", "list").count("\n") == 0
    assert (shop / "shop.py").read_text("utf-8") == "the working tree is not read"


@pytest.mark.slow
def test_a_commit_that_lacks_a_file_is_skipped_with_the_reason(shop: Path) -> None:
    """Commits 2 and 3 need a module that git ignores, and the slowdown came with one of them."""
    for at in range(1, 5):
        lacking = "import built\n" if at in (2, 3) else ""
        text = lacking + SHOP.format(ms=1.5 if at >= 3 else 1)
        commit(shop, {".gitignore": "built.py\n", "built.py": "", "shop.py": text, "note.txt": str(at)}, f"Change {at}")
    code, said = run(shop, "test_shop.py::test_login", "--good=good")
    assert code == 1, said
    assert "the first slow commit is one of these 3 (99 % sure):" in said
    assert said.count("No module named 'built'") >= 2


@pytest.mark.slow
def test_code_that_is_not_slower_is_not_searched(shop: Path) -> None:
    commit(shop, {"note.txt": ""})
    code, said = run(shop, "test_shop.py::test_login", "--good=good")
    assert code == 2
    assert "is not slower than good good" in said


@pytest.mark.skipif(os.name != "posix", reason="there are no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_in_a_duet_leaves_no_checkout_and_no_process(shop: Path, pipe: int, number: signal.Signals) -> None:
    """The body of the test says that it runs, and waits for ever, in each process of the duet."""
    waiting = f"""
import os
from threading import Event

def login():
    if "PERFBUDGET_FRESH" in os.environ:
        open({str(shop.parent / "pipe")!r}, "w").write("x")
        Event().wait()
"""
    commit(shop, {"shop.py": waiting})
    process = start(shop, "test_shop.py::test_login", "--good=good")
    ready, _, _ = select.select([pipe], [], [], 120)
    children = psutil.Process(process.pid).children(recursive=True)
    assert ready
    assert len(children) >= 3  # the session, and a process of each side
    assert git(shop, "worktree", "list").count("\n") == 2
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, output, errors) == (130, "", "perfbudget: interrupted\n")
    assert git(shop, "worktree", "list").count("\n") == 0
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive


@pytest.mark.slow
def test_setup_makes_for_every_commit_what_git_ignores(shop: Path) -> None:
    """The twin of the commit that lacks a file: with `setup` it is measured."""
    files = {".gitignore": "built.py\n", "build.py": "open('built.py', 'w').close()"}
    setup = '[tool.perfbudget.duet]\nsetup = "{python} build.py"\n'
    commit(shop, {**files, "pyproject.toml": setup, "shop.py": "import built\n" + SHOP.format(ms=1)})
    git(shop, "tag", "built")
    second = commit(shop, {"shop.py": "import built\n" + SHOP.format(ms=1.5)})
    commit(shop, {"note.txt": ""})
    code, said = run(shop, "test_shop.py::test_login", "--good=built")
    assert code == 0, said
    assert f"{second[:9]} is the first slow commit" in said

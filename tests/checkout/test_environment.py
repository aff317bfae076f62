"""The base's own environment, made by a command of the project's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from repositories import commit, git

from pytest_perfbudget.checkout import environment
from pytest_perfbudget.checkout.environment import Environment, prepared
from pytest_perfbudget.checkout.revision import Base, find_base
from pytest_perfbudget.errors import SetupError

BUILD = """
import pathlib, sys, sysconfig
tree = pathlib.Path(sys.argv[1])
with open(tree / "runs.txt", "a") as file:
    file.write("run ")
site = pathlib.Path(sysconfig.get_path("purelib"))
(site / "installed.py").write_text("ORIGIN = 'command'")
(site / "shop.pth").write_text(str(tree / "src"))
(tree / "built").mkdir(exist_ok=True)
(tree / "built" / "fast.py").write_text("1")
"""
COMMAND = "{python} build.py {tree}"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    commit(tmp_path / "my project", {"build.py": BUILD, "src/shop.py": "WHERE = __file__"})
    return tmp_path / "my project"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def checkout(repository: Path, name: str) -> Path:
    tree = repository.parent / name / "tree"
    git(repository, "worktree", "add", "-q", "--detach", str(tree), "HEAD")
    return tree


def base_of(repository: Path) -> Base:
    return find_base(repository, "HEAD")


def says(made: Environment, code: str) -> str:
    return subprocess.run([made.python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_an_environment_has_what_the_command_installs_before_the_sessions(repository: Path, cache: Path) -> None:
    made = prepared(base_of(repository), checkout(repository, "a"), COMMAND, cache)
    assert says(made, "import installed, pytest; print(installed.ORIGIN, pytest.__version__)") == (
        f"command {pytest.__version__}"
    )
    assert says(made, "import sys; print(sys.prefix)") == str(made.folder)


def test_an_environment_is_made_once_for_a_commit_and_used_again(repository: Path, cache: Path) -> None:
    first = prepared(base_of(repository), checkout(repository, "a"), COMMAND, cache)
    second_tree = checkout(repository, "b")
    assert prepared(base_of(repository), second_tree, COMMAND, cache) == first
    assert (second_tree / "runs.txt").read_text("utf-8") == "run "  # kept with what was built
    assert (second_tree / "built" / "fast.py").is_file()
    assert says(first, "import shop; print(shop.WHERE)") == str(second_tree / "src" / "shop.py")


def test_another_commit_or_command_has_another_environment(
    repository: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest environments go."""
    monkeypatch.setattr(environment, "_KEPT", 2)
    made = []
    for number in range(3):
        commit(repository, {"src/shop.py": str(number)})
        made.append(prepared(base_of(repository), checkout(repository, f"t{number}"), COMMAND, cache))
    assert len({one.folder for one in made}) == 3
    assert [one.folder.exists() for one in made] == [False, True, True]
    other = prepared(base_of(repository), checkout(repository, "other"), f"{COMMAND} again", cache)
    assert other.folder not in {one.folder for one in made}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("{python} -c \"print('a'); raise SystemExit('no compiler')\"", r"ended with 1: no compiler$"),
        (
            "no-such-program {tree}",
            r"setup of \[tool.perfbudget.duet\] \(no-such-program .*\) could not be run: No such",
        ),
    ],
)
def test_a_command_that_fails_is_one_line_and_is_tried_again(
    repository: Path, cache: Path, command: str, message: str
) -> None:
    tree = checkout(repository, "a")
    for _ in range(2):
        with pytest.raises(SetupError, match=message):
            prepared(base_of(repository), tree, command, cache)


def test_no_shell_sees_the_command(repository: Path, cache: Path) -> None:
    prepared(base_of(repository), checkout(repository, "a"), "{python} -c pass ; touch pwned", cache)
    assert not list(repository.parent.rglob("pwned"))


if sys.platform == "win32":
    pytest.skip("paths and programs of the tests are POSIX's", allow_module_level=True)

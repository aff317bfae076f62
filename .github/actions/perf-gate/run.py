"""Runs a module of the installed pytest-perfbudget: `python run.py MODULE ARGUMENT...`.

`python run.py --check MODULE` tells by its exit code whether pytest-perfbudget and another module are installed.

`python -m` would look for the module in the checkout first, and a folder of that name in a pull request would judge
the pull request. A script has its own folder there instead, on every version of Python.
"""  # noqa: INP001 - a script of an action

import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path


def tracked(file: Path) -> bool:
    """Return whether a file belongs to the repository that is checked out."""
    git = ["git", "ls-files", "--error-unmatch", "--", str(file)]
    return subprocess.run(git, capture_output=True, check=False).returncode == 0  # noqa: S603 - no shell


def obstacle() -> str:
    """Return the reason why the module must not run; empty if there is none."""
    found = find_spec("pytest_perfbudget")
    if found is None or found.origin is None:
        return f"{sys.executable} has no pytest-perfbudget: the input `install` of the action has to install it"
    # The action of a checkout of this project itself is as much under the pull request's control as its package.
    if tracked(Path(found.origin).resolve()) and not tracked(Path(__file__).resolve()):
        return (
            f"pytest_perfbudget is {found.origin}, a file of the pull request, which would judge itself: remove it, "
            "and install pytest-perfbudget"
        )
    return ""


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit(not all(find_spec(name) for name in ("pytest_perfbudget", sys.argv[2])))
    if problem := obstacle():
        sys.stdout.write(f"::error title=Performance%3A no verdict::{' '.join(problem.split())}\n")
        sys.exit(2)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

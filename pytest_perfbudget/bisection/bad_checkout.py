"""The checkout of bad, in which every session of the search runs: the user's working tree is not touched."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.environment import prepared
from pytest_perfbudget.checkout.relocate import moved, moved_environment
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.checkout.worktree import checked_out
from pytest_perfbudget.config import load_settings
from pytest_perfbudget.errors import BisectionError
from pytest_perfbudget.paths import path_in, project_root
from pytest_perfbudget.processes.protocol import Request
from pytest_perfbudget.processes.scratch import Scratch

_OWN: Final = Path(__file__).resolve().parents[2]
"""The folder from which this package is imported."""

_INSTALLED: Final = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class BadCheckout:
    """The checkout of bad.

    Attributes:
        test: the test as an argument of pytest.
        tree: the top folder of the checkout.
        folder: the folder that is the user's folder in the checkout; pytest runs there.
        scratch: a temporary folder outside of the checkout.
        python: the interpreter.
        environment: the environment variables of the sessions.
    """

    test: str
    tree: Path
    folder: Path
    scratch: Path
    python: str
    environment: Mapping[str, str]


@contextmanager
def bad_checkout(bad: Base, folder: Path, test: str) -> Iterator[BadCheckout]:
    """Check bad out and yield the checkout; remove it at the end of the context.

    Args:
        bad: the commit.
        folder: the folder in which the user has called the command.
        test: the test as an argument of pytest in that folder.

    Raises:
        BisectionError: bad does not have the folder.
        ConfigError: the table of bad cannot be read.
        GitError: git cannot check bad out.
        SetupError: the setup command of bad fails.
    """
    top = bad.top.resolve()
    with ExitStack() as undo:
        scratch = Scratch()
        undo.callback(scratch.close)
        tree = undo.enter_context(checked_out(bad))
        here = tree / folder.resolve().relative_to(top)
        if not here.is_dir():
            message = f"bad {bad.label} does not have the folder {here.relative_to(tree)}"
            raise BisectionError(message)
        environment = moved_environment(os.environ, top, tree)
        path = [*_own_folders(top, tree), *filter(None, [environment.get("PYTHONPATH", "")])]
        python = sys.executable
        if setup := load_settings(project_root(here) / "pyproject.toml").duet.setup:
            python = str(prepared(bad, tree, setup, Path(scratch.name, "setup")).python)
            environment["PATH"] = os.pathsep.join([str(Path(python).parent), environment.get("PATH", "")])
            path += [str(_OWN)] if _OWN.name not in _INSTALLED else []  # an editable installation, unseen there
        environment["PYTHONPATH"] = os.pathsep.join(path)
        # An absolute path, too, leads into the checkout.
        (argument,) = moved(Request([test], str(folder), (), ()), top, tree).arguments
        yield BadCheckout(argument, tree, here, Path(scratch.name), python, environment)


def _own_folders(top: Path, tree: Path) -> list[str]:
    """Return the folders of the checkout that stand for those of the working tree on this process's search path.

    An editable installation adds such a folder, or an import finder that knows the places of packages.
    """
    places = [one for one in sys.path if Path(one).is_absolute() and path_in(top, one) is not None]
    for finder in sys.meta_path:
        kind = finder if isinstance(finder, type) else type(finder)
        home = vars(sys.modules[kind.__module__]) if "editable" in kind.__module__ else {}
        for known in (home, vars(finder) if hasattr(finder, "__dict__") else {}):
            places += [str(Path(one).parent) for one in _paths(known) if path_in(top, one) is not None]
    asked = moved(Request([], str(top), places, ()), top, tree)
    return [one for one in dict.fromkeys(asked.path) if Path(one).is_dir()]


def _paths(known: Mapping[str, object]) -> Iterator[str]:
    """Yield the absolute paths in the dictionaries of an import finder, singly or in lists."""
    for value in list(known.values()):
        for one in value.values() if isinstance(value, dict) else ():
            for path in one if isinstance(one, list) else [one]:
                if isinstance(path, str) and Path(path).is_absolute():
                    yield path

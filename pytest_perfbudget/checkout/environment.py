"""A virtual environment for the base: the project's setup command fills it, and a cache keeps it for each commit."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.command import CommandError, run
from pytest_perfbudget.errors import SetupError
from pytest_perfbudget.file_lock import file_lock
from pytest_perfbudget.git import git

_KEPT: Final = 3
_DONE: Final = "done"
_PRODUCTS: Final = "products"
_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment: its folder and its interpreter."""

    folder: Path
    python: Path


def prepared(base: Base, tree: Path, command: str, cache: Path) -> Environment:
    """Return the environment in which a base runs, and create it if the cache does not have it.

    The packages that the command installs precede those of the session's environment, which the base sees as well.
    The cache also keeps the files that the command leaves in the checkout.

    Args:
        base: the commit.
        tree: the checkout of the commit.
        command: the setup command, run without a shell; `{python}` stands for the environment's interpreter,
            `{tree}` for the checkout.
        cache: the folder that holds all environments.

    Raises:
        SetupError: the command cannot be run, or fails.
    """
    key = hashlib.sha256(f"{base.commit}\n{command}\n{sys.version}\n{sys.prefix}".encode()).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / key
    made = Environment(folder / "venv", _python(folder / "venv"))
    with file_lock(cache / f"{key}.lock"):
        if (folder / _DONE).exists():
            _use(folder, tree)
        else:
            _make(made, tree, command)
            _keep(folder, tree)
        (folder / _DONE).write_text(str(tree), "utf-8")  # a new modification time, too: the oldest is removed first
    _forget_old(cache)
    return made


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make(made: Environment, tree: Path, command: str) -> None:
    shutil.rmtree(made.folder.parent, ignore_errors=True)
    venv.EnvBuilder(symlinks=os.name != "nt").create(made.folder)
    (site,) = made.folder.glob("Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages")
    # The session's packages (pytest, its plugins, the project's dependencies) come after the environment's own.
    # Editable installations among them stay unseen, because Python does not read .pth files in these folders.
    inherited = [one for one in sys.path if Path(one).name in ("site-packages", "dist-packages")]
    (site / "session.pth").write_text("\n".join(inherited) + "\n", "utf-8")
    _run(_words(command, {"{python}": str(made.python), "{tree}": str(tree)}), tree)


def _words(command: str, values: Mapping[str, str]) -> Sequence[str]:
    words = shlex.split(command)
    for name, value in values.items():
        words = [word.replace(name, value) for word in words]
    return words


def _run(words: Sequence[str], tree: Path) -> None:
    what = f"setup of [tool.perfbudget.duet] ({shlex.join(words)})"
    try:
        ended = run(words, tree, seconds=_SECONDS)
    except CommandError as error:
        message = f"{what} {error}"
        raise SetupError(message) from None
    if ended.code:
        message = f"{what} ended with {ended.code}: {ended.last_line('it said nothing')}"
        raise SetupError(message)


def _keep(folder: Path, tree: Path) -> None:
    """Copy the files that the command built in the checkout into the cache."""
    for name in filter(None, git(tree, "ls-files", "--others", "-z").split("\0")):
        target = folder / _PRODUCTS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree / name, target, follow_symlinks=False)


def _use(folder: Path, tree: Path) -> None:
    """Restore the built files into this checkout, and let editable installations lead into it."""
    if (folder / _PRODUCTS).is_dir():
        shutil.copytree(folder / _PRODUCTS, tree, dirs_exist_ok=True, symlinks=True)
    before = (folder / _DONE).read_text("utf-8")
    for file in (folder / "venv").glob("**/site-packages/*"):
        if file.suffix == ".pth" or (file.suffix == ".py" and "editable" in file.name):
            text = file.read_text("utf-8", "surrogateescape")
            if before in text:
                file.write_text(text.replace(before, str(tree)), "utf-8", "surrogateescape")


def _forget_old(cache: Path) -> None:
    made = sorted(cache.glob(f"*/{_DONE}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in made[_KEPT:]:
        shutil.rmtree(file.parent, ignore_errors=True)
        file.parent.with_suffix(".lock").unlink(missing_ok=True)

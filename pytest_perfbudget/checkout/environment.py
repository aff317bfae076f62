"""An environment of its own for the base: what a command of the project's builds or installs for it, kept by commit."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.errors import SetupError
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
    """Return the environment in which a base runs; made if it is not there yet.

    It has what the session's environment has, and before that what the command installs. What the command leaves
    in the checkout is kept with it.

    Args:
        base: the commit.
        tree: its checkout.
        command: with `{python}` for the environment's interpreter and `{tree}` for the checkout; no shell runs it.
        cache: the folder of all environments.

    Raises:
        SetupError: the command cannot be run, or fails.
    """
    key = hashlib.sha256(f"{base.commit}\n{command}\n{sys.version}\n{sys.prefix}".encode()).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / key
    made = Environment(folder / "venv", _python(folder / "venv"))
    with _locked(cache / f"{key}.lock"):
        if (folder / _DONE).exists():
            _use(folder, tree)
        else:
            _make(made, tree, command)
            _keep(folder, tree)
        (folder / _DONE).write_text(str(tree), "utf-8")  # the newest is kept the longest
    _forget_old(cache)
    return made


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    from filelock import FileLock  # noqa: PLC0415 - 50 ms

    with FileLock(file, is_singleton=False):
        yield


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make(made: Environment, tree: Path, command: str) -> None:
    shutil.rmtree(made.folder.parent, ignore_errors=True)
    venv.EnvBuilder(symlinks=os.name != "nt").create(made.folder)
    (site,) = made.folder.glob("Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages")
    # Behind its own: pytest, its plugins, the project's dependencies. Editable installations there stay unseen, for
    # the .pth files of these folders are not read.
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
        ended = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            words,
            cwd=tree,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"{what} took longer than {_SECONDS:.0f} s"
        raise SetupError(message) from None
    except OSError as error:
        message = f"{what} cannot be run: {error.strerror}"
        raise SetupError(message) from None
    if ended.returncode:
        said = [line.strip() for line in ended.stdout.splitlines() if line.strip()]
        message = f"{what} ended with {ended.returncode}: {(said or ['it said nothing'])[-1]}"
        raise SetupError(message)


def _keep(folder: Path, tree: Path) -> None:
    """Keep what was built within the checkout."""
    for name in filter(None, git(tree, "ls-files", "--others", "-z").split("\0")):
        target = folder / _PRODUCTS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree / name, target, follow_symlinks=False)


def _use(folder: Path, tree: Path) -> None:
    """Put back what was built, and let editable installations lead into this checkout."""
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

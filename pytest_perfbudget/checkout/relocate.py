"""What of an invocation has to be another for the same in a checkout of the base: every path into the working tree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from pytest_perfbudget.paths import path_in
from pytest_perfbudget.processes.protocol import Request

_PERSONAL = {"HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"}


def moved(request: Request, top: Path, tree: Path) -> Request:
    """Return a request as it is for the checkout.

    Args:
        request: for the working tree.
        top: the working tree's top folder.
        tree: the checkout's.
    """
    return replace(
        request,
        arguments=[_moved_argument(one, Path(request.folder), top, tree) for one in request.arguments],
        folder=_moved_path(request.folder, top, tree),
        path=[_moved_path(one, top, tree) for one in request.path],
        modules={},  # those of the working tree
        top=str(top),
        tree=str(tree),
    )


def moved_environment(environment: Mapping[str, str], top: Path, tree: Path) -> dict[str, str]:
    """Return variables as they are for the checkout: where modules come from, and whatever is in both.

    What only the working tree has, caches and environments, stays where it is.
    """
    found = dict(environment)
    for name, value in environment.items():
        if name == "PYTEST_ADDOPTS":
            found[name] = moved_text(value, top, tree)
        elif name not in _PERSONAL:
            entries = value.split(os.pathsep)
            to = [_moved_path(one, top, tree) for one in entries]
            pairs = zip(entries, to, strict=True)
            found[name] = os.pathsep.join(new if name == "PYTHONPATH" or _is_there(new) else one for one, new in pairs)
    return found


def moved_text(text: str, top: Path, tree: Path) -> str:
    """Return an argument in which every path into the working tree leads into the checkout."""
    pattern = rf"(?<![^\s=:,'\"]){re.escape(str(top))}(?=$|[/\\\s:,'\"])"
    return re.sub(pattern, lambda _: str(tree), text)


def unbuilt(modules: Mapping[str, str], top: Path, tree: Path) -> str:
    """Return an extension module of the working tree that the checkout has not: Python may stand in for it there.

    Args:
        modules: files by name; see `Request.modules`.
        top: the working tree's top folder.
        tree: the checkout's.
    """
    for name, file in modules.items():
        if file.endswith(tuple(EXTENSION_SUFFIXES)):
            place = _moved_path(file, top, tree)
            if place != file and not Path(place).exists():
                return name
    return ""


def unfollowed(path: Iterable[str], modules: Mapping[str, str], top: Path, tree: Path) -> str:
    """Return a folder of the search path that modules of the working tree come from, and that the checkout has not.

    Args:
        path: the session's search path.
        modules: files by name; see `Request.modules`.
        top: the working tree's top folder.
        tree: the checkout's.
    """
    for one in path:
        moved_to = _moved_path(one, top, tree)
        if (
            moved_to != one
            and not Path(moved_to).exists()
            and any(Path(file).is_relative_to(one) for file in modules.values())
        ):
            return one
    return ""


def _moved_argument(text: str, folder: Path, top: Path, tree: Path) -> str:
    """Return an argument for the checkout: it may name the working tree, or lead there by a link or from outside."""
    found = moved_text(text, top, tree)
    if found != text:
        return found
    option, equals, value = text.partition("=")
    for lead, named in (("", text), (f"{option}{equals}", value)):
        path, colons, test = named.partition("::")
        full = folder / path
        # The same is there in the checkout, whose folder the process starts in.
        follows = not Path(path).is_absolute() and all(
            Path(os.path.normpath(one)).is_relative_to(top) for one in (folder, full)
        )
        if path and not follows and _is_there(full) and (place := path_in(top, str(full))) is not None:
            return f"{lead}{tree / place}{colons}{test}"
    return text


def _is_there(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # an expression of -k may be too long for a name
        return False


def _moved_path(text: str, top: Path, tree: Path) -> str:
    place = path_in(top, text) if Path(text).is_absolute() else None
    if place is None:
        return text
    if not (tree / place).exists():
        place = _linked_from(top / place, top) or place
    return str(tree / place)


def _linked_from(folder: Path, top: Path) -> Path | None:
    """Return where the links in a folder lead, from the top folder: setuptools' strict editable mode makes such."""
    link = next((one for one in folder.rglob("*.py") if one.is_symlink()), None)
    if link is None:
        return None
    named, real = link.relative_to(folder), Path(os.path.realpath(link))
    length = len(named.parts)
    return path_in(top, str(Path(*real.parts[:-length]))) if real.parts[-length:] == named.parts else None

"""An invocation rewritten for the base: each path into the working tree becomes the same path in the checkout."""

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
    """Return a request rewritten for the checkout.

    Args:
        request: the request for the working tree.
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
    """
    return replace(
        request,
        arguments=[_moved_argument(one, Path(request.folder), top, tree) for one in request.arguments],
        folder=_moved_path(request.folder, top, tree),
        path=[_moved_path(one, top, tree) for one in request.path],
        modules={},  # the base's modules come from other files than the session's
        top=str(top),
        tree=str(tree),
    )


def moved_environment(environment: Mapping[str, str], top: Path, tree: Path) -> dict[str, str]:
    """Return the environment variables rewritten for the checkout.

    An entry of PYTHONPATH always leads into the checkout. Any other path leads there only if the checkout has it, so
    caches and virtual environments that only the working tree has stay where they are.
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
    """Return an argument with each path into the working tree replaced by the same path in the checkout."""
    pattern = rf"(?<![^\s=:,'\"]){re.escape(str(top))}(?=$|[/\\\s:,'\"])"
    return re.sub(pattern, lambda _: str(tree), text)


def unbuilt(modules: Mapping[str, str], top: Path, tree: Path) -> str:
    """Return the first extension module of the working tree that the checkout lacks; empty if there is none.

    Without the extension module, the base may run a fallback in Python.

    Args:
        modules: the files of modules, by name; see `Request.modules`.
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
    """
    for name, file in modules.items():
        if file.endswith(tuple(EXTENSION_SUFFIXES)):
            place = _moved_path(file, top, tree)
            if place != file and not Path(place).exists():
                return name
    return ""


def unfollowed(path: Iterable[str], modules: Mapping[str, str], top: Path, tree: Path) -> str:
    """Return the first folder of the search path that the checkout lacks although modules come from it; else empty.

    Args:
        path: the session's search path.
        modules: the files of modules, by name; see `Request.modules`.
        top: the top folder of the working tree.
        tree: the top folder of the checkout.
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
    """Return an argument rewritten for the checkout.

    An argument may name the working tree, or lead into it by a symbolic link or from a folder outside.
    """
    found = moved_text(text, top, tree)
    if found != text:
        return found
    option, equals, value = text.partition("=")
    for lead, named in (("", text), (f"{option}{equals}", value)):
        path, colons, test = named.partition("::")
        full = folder / path
        # A relative path within the working tree needs no change, because the process starts in the checkout.
        follows = not Path(path).is_absolute() and all(
            Path(os.path.normpath(one)).is_relative_to(top) for one in (folder, full)
        )
        if path and not follows and _is_there(full) and (place := path_in(top, str(full))) is not None:
            return f"{lead}{tree / place}{colons}{test}"
    return text


def _is_there(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # an expression for -k may be too long for a file name
        return False


def _moved_path(text: str, top: Path, tree: Path) -> str:
    place = path_in(top, text) if Path(text).is_absolute() else None
    if place is None:
        return text
    if not (tree / place).exists():
        place = _linked_from(top / place, top) or place
    return str(tree / place)


def _linked_from(folder: Path, top: Path) -> Path | None:
    """Return the folder that the links in a folder lead to, relative to the top folder; None if there is none.

    The strict editable mode of setuptools creates such folders of links.
    """
    link = next((one for one in folder.rglob("*.py") if one.is_symlink()), None)
    if link is None:
        return None
    named, real = link.relative_to(folder), Path(os.path.realpath(link))
    length = len(named.parts)
    return path_in(top, str(Path(*real.parts[:-length]))) if real.parts[-length:] == named.parts else None

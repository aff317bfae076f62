"""The names of functions in profiles, which do not depend on the machine, and whether a function is of a library."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Final

from pytest_perfbudget.measure.own_functions import PLUGIN
from pytest_perfbudget.paths import module_file

_STDLIB: Final = sysconfig.get_path("stdlib") + os.sep
_ADDRESS = re.compile(r" (of type object )?at 0x[0-9a-f]+", re.IGNORECASE)
_COMPREHENSION = re.compile(r"\.<(listcomp|setcomp|dictcomp|genexpr)>")
_GENERATED: Final = "<generated>"


def name_of(code: CodeType | str) -> str:
    """Return the name of a function without its line."""
    return _ADDRESS.sub("", code.strip("<>")) if isinstance(code, str) else _portable_name(code)


def portable_name(code: CodeType) -> str:
    """Return the name of a function of Python, `package.module:name`; a comprehension is part of its function."""
    return without_comprehension(_portable_name(code))


def without_comprehension(name: str) -> str:
    """Return the name of the function around a comprehension; that of another function as it is."""
    return _COMPREHENSION.sub("", name)


def is_library(code: CodeType | str) -> bool:
    """Return whether a function is built in, or of a library; see `_is_library_file`."""
    return isinstance(code, str) or _is_library_file(code.co_filename)


@lru_cache(maxsize=1024)
def _is_library_file(file: str) -> bool:
    """Return whether a source file belongs to Python, to an installed package or to this plugin, or is no file."""
    is_installed = "site-packages" in file or "dist-packages" in file  # the latter on Debian
    return not file or file.startswith(("<", _STDLIB, PLUGIN)) or is_installed


def _portable_name(code: CodeType) -> str:
    qualified: str = getattr(code, "co_qualname", code.co_name)
    return f"{_module(code.co_filename)}:{qualified.replace('.<locals>', '')}"


@lru_cache(maxsize=1024)
def _module(file: str) -> str:
    """Return the dotted module name of a source file, as a rule from the nearest folder on `sys.path` on.

    An editable installation may have its folder in an import hook instead, and `sys.path` the folder of the project:
    then the name is the one by which the module was imported, or else begins with the outermost package around the
    file. Generated code may be compiled without the name of a file.
    """
    if not file:
        return _GENERATED
    roots = [root for root in sys.path if root and file.startswith(root.rstrip(os.sep) + os.sep)]
    path = file[len(max(roots, key=len)) :] if roots else os.path.relpath(file, _above_package(Path(file)))
    name = path.strip(os.sep).removesuffix(".py").removesuffix(f"{os.sep}__init__").replace(os.sep, ".")
    stem = Path(file.removesuffix(".py"))
    parts = stem.parent.parts if stem.name == "__init__" else stem.parts
    names = (name, *(".".join(parts[at:]) for at in range(len(parts) - 1, 0, -1)))
    return next((one for one in names if module_file(sys.modules.get(one)) == file), name)


def _above_package(file: Path) -> Path:
    """Return the nearest folder around a source file that is no package."""
    return next((folder for folder in file.parents if not (folder / "__init__.py").is_file()), file.parent)

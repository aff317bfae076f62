"""The code that a process has imported, run and loaded, which has to be that of its own side of a comparison."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path

from pytest_perfbudget.checkout.code_identity import (
    PassedModules,
    foreign_file,
    foreign_module,
    libraries,
    stale_module,
)
from pytest_perfbudget.paths import is_built_at_import, module_file, own_modules, path_in
from pytest_perfbudget.processes.protocol import Answer, Request
from pytest_perfbudget.table_name import DUET_TABLE


class OwnCode:
    """The code of a process.

    Args:
        request: the request of the process, with the folders of both sides.
        executed: a function that returns the files whose code has run since the last call.
    """

    def __init__(self, request: Request, executed: Callable[[], Collection[str]]) -> None:
        self._request = request
        self._executed = executed
        self._files: dict[str, None] = {}
        self._passed = PassedModules()
        self._listed = PassedModules()
        self._at_collection: set[str] = set()
        self._before: set[str] = set()

    def note_collection(self) -> None:
        """Note the libraries that were loaded when the tests were collected."""
        self._at_collection = self._libraries()

    def begin_test(self) -> None:
        """Note what is there before a test."""
        self._before = set(sys.modules) | (self._libraries() - self._at_collection)

    def loaded(self) -> dict[str, str]:
        """Return the files of the working tree that came with the test; see `Answer.loaded`.

        The session knows the modules that are imported when tests are collected, but not the libraries.
        """
        top = Path(self._request.top)
        late = [(name, module) for name, module in list(sys.modules.items()) if name not in self._before]
        found = {name: module_file(module) for name, module in late if not is_built_at_import(module)}
        modules = {name: file for name, file in found.items() if file and path_in(top, file) is not None}
        imported = {module_file(module) for module in list(sys.modules.values())}
        return modules | {file: file for file in self._libraries() - self._before - imported}

    def new_modules(self) -> dict[str, str]:
        """Return the places of this side's own modules that have been imported since the last answer."""
        side = Path(self._request.tree or self._request.top).resolve()
        others = self._listed.others([side])
        self._listed.add(others)
        own = own_modules(side, {name for name, _ in others})
        places = {name: path_in(side, file) for name, file in own.items()}
        return {name: place.as_posix() for name, place in places.items() if place is not None}

    def _wrong_module(self, rootpath: Path) -> str:
        top = Path(self._request.top)
        if not self._request.tree:
            return stale_module(top, rootpath.resolve(), self._passed)
        return foreign_module(top, Path(self._request.tree), rootpath, self._request.home, self._passed)

    def _libraries(self) -> set[str]:
        return set(libraries(Path(self._request.top))) if self._request.top else set()

    def look(self, rootpath: Path) -> None:
        """Look at all modules, so that `wrong` has the modules left that a test imports, or that are wrong."""
        self._wrong_module(rootpath)

    def wrong(self, rootpath: Path, answer: Answer) -> str:
        """Return a message about code that is not of this process's side; empty if there is no such code."""
        if found := self._wrong_module(rootpath):
            return f"it imports {found}"
        if not self._request.tree:
            return ""
        top, tree = Path(self._request.top), Path(self._request.tree)
        profiled = [file for one in answer.measurements for file in one.get("recording", {}).get("files", ())]
        self._files |= dict.fromkeys([*profiled, *self._executed()])
        if found := foreign_file(top, tree, self._files):
            return f"it runs {found} of the working tree: build that path from __file__, so that each side has its own"
        found = next(iter(libraries(top)), "")
        remedy = f"let setup of {DUET_TABLE} build the base's own"
        return found and f"it loads {found}, a library of the working tree: {remedy}"

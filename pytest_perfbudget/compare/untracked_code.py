"""The code that git does not have: taken from the working tree, or lacking in the checkout, with what to do then."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pytest_perfbudget.checkout.generated import carried, carry_generated, untracked_library
from pytest_perfbudget.checkout.not_in_git import why_no_commit_has
from pytest_perfbudget.checkout.relocate import unbuilt, unfollowed
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.errors import WrongCodeError
from pytest_perfbudget.git import git
from pytest_perfbudget.paths import own_modules, path_in
from pytest_perfbudget.processes.protocol import Request
from pytest_perfbudget.table_name import DUET_TABLE


class UntrackedCode:
    """The code of a checkout that git does not have: generated modules, extension modules, libraries.

    Args:
        context: the session whose tests are measured.
        base: the commit that is checked out.
        tree: the top folder of the checkout.
        is_set_up: whether the base has a virtual environment of its own, whose setup makes such code.

    Attributes:
        carried: the generated modules that were taken from the working tree, for both commits.
    """

    def __init__(self, context: ComparisonContext, base: Base, tree: Path, *, is_set_up: bool) -> None:
        self._context = context
        self._base = base
        self._tree = tree
        self._is_set_up = is_set_up
        self.carried: Sequence[str] = ()
        if not is_set_up:
            self._carry(own_modules(context.root))

    def carry_late(self, loaded: Mapping[str, str], earlier: Collection[str]) -> bool:
        """Take generated modules that came with a test of the head from the working tree, too.

        Args:
            loaded: see `Answer.loaded`.
            earlier: the modules that were taken before the base's process was started.

        Returns:
            Whether the base's process has run without some of them.
        """
        if self._is_set_up or not loaded:
            return False
        self._carry(loaded)
        places = {place.as_posix() for file in loaded.values() if (place := path_in(self._base.top, file))}
        return not places.isdisjoint(set(self.carried) - set(earlier))

    def why_absent(self, nodeid: str, *, has_other_cases: bool) -> str:
        """Return the reason why the base cannot have a test, whether or not the test is new; empty if it can.

        Args:
            nodeid: the test.
            has_other_cases: whether the base has the test's function, so that only the data of the case can be new.
        """
        files = [self._context.root.resolve() / file_of(nodeid)]
        if has_other_cases:
            files += [file for file in self._context.data_files(nodeid) if path_in(self._base.top, str(file))]
        return next(filter(None, (why_no_commit_has(self._base.top, file) for file in files)), "")

    def why_lacking(self, problem: str) -> str:
        """Return a hint for a base that cannot import a module that git ignores; empty for any other problem."""
        lacking = re.search(r"No module named '([\w.]+)'", problem)
        file = own_modules(self._context.root).get(lacking[1]) if lacking else None
        if file is None or not why_no_commit_has(self._base.top, Path(file)):
            return ""
        return f" (git ignores {path_in(self._base.top, file)}: let setup of {DUET_TABLE} make it)"

    def why_carried(self, source: str) -> str:
        """Return the reason why a measured function is the head's on both sides; empty if it is not."""
        place = path_in(self._base.top, source) if source else None
        if place is None or place.as_posix() not in self.carried:
            return ""
        taken = f"{place} is generated and not in git, so it was taken from the working tree for both commits"
        return f"{taken}: let setup of {DUET_TABLE} make it"

    def unbuilt(self, modules: Mapping[str, str]) -> str:
        """Return a message about an extension module or a library that only the head has built; empty if there is none.

        The base may run a fallback in Python instead. A base with a virtual environment of its own is not checked.

        Args:
            modules: the files of modules, by name; see `Request.modules`. A library has its path for a name.
        """
        if self._is_set_up:
            return ""
        libraries = [file for name, file in modules.items() if name == file]
        if library := untracked_library(self._base.top, self._tree, libraries):
            where = f"was built in the working tree and is not in the checkout of {self._base.ref}"
            return f"the library {library} {where}, which ran without it: let setup of {DUET_TABLE} build it"
        modules = {name: file for name, file in modules.items() if name != file}
        if module := unbuilt(modules, self._base.top, self._tree):
            where = f"is built in the working tree and not in the checkout of {self._base.ref}"
            if "pyximport" in sys.modules:
                remedy = "leave out inplace=True, and remove that file, which is not built again after a change"
                return f"{module!r} {where}, as pyximport does with inplace=True: {remedy}"
            return f"{module!r} {where}: let setup of {DUET_TABLE} build it"
        return ""

    def check_followed(self, request: Request) -> None:
        """Check that the checkout has the folders from which the head's modules are imported."""
        if self._is_set_up:
            return
        lost = unfollowed(request.path, request.modules, self._base.top, self._tree)
        # A folder that git tracks, or does not ignore, was moved or added since the base, which rightly lacks it.
        if lost and not git(self._base.top, "ls-files", "--cached", "--others", "--exclude-standard", "--", lost):
            message = (
                f"{lost}, which the head's modules come from, is made and not in the checkout of {self._base.ref}: "
                f"let setup of {DUET_TABLE} make it, or install the project editable (pip install -e)"
            )
            raise WrongCodeError(message)

    def _carry(self, modules: Mapping[str, str]) -> None:
        carry_generated(self._base.top, self._tree, modules)
        self.carried = carried(self._tree)

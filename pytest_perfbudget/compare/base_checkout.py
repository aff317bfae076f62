"""The checkout of the base, and the start parameters for a process of each side."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pytest_perfbudget.checkout.changed_functions import changed_functions
from pytest_perfbudget.checkout.environment import Environment, prepared
from pytest_perfbudget.checkout.head_tests import lay_tests_over, sources_of
from pytest_perfbudget.checkout.hidden_code import HiddenCode
from pytest_perfbudget.checkout.other_files import OtherFile, other_files
from pytest_perfbudget.checkout.pointers import fill_pointers
from pytest_perfbudget.checkout.relocate import moved, moved_environment
from pytest_perfbudget.checkout.revision import Base
from pytest_perfbudget.checkout.worktree import checked_out, unfiltered
from pytest_perfbudget.compare.compiled_folders import COMPILED, CompiledFolders
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.further_files import further_files
from pytest_perfbudget.compare.untracked_code import UntrackedCode
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.errors import (
    ComparisonError,
    GitError,
    SetupError,
    WorkerError,
    WorkerRefusedError,
    WrongCodeError,
)
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.processes.process import ProcessStart
from pytest_perfbudget.processes.protocol import Request
from pytest_perfbudget.processes.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Launch:
    """The request and the start parameters of a process that is about to be started."""

    request: Request
    start: ProcessStart


class BaseCheckout:
    """The base, checked out beside the working tree for as long as the session compares with it.

    Args:
        context: the session.
        base: the commit.

    Attributes:
        further_files: the test files of the base that may have perf tests of which the session knows nothing.
        carried: the generated modules that were taken from the working tree, relative to the top folder.
        passes_in_session: whether the first process of a pair runs a test that passes in the session, so that a failure
            means that what the test uses can exist only once.
    """

    passes_in_session = True

    def __init__(self, context: ComparisonContext, base: Base) -> None:
        self._context = context
        self._base = base
        self._running = ExitStack()
        self._tree = Path()
        self._test_files: Collection[str] = ()
        self._environment: Environment | None = None
        self._compiled: CompiledFolders | None = None
        self._pointers: Sequence[str] = ()
        self._refusal = ""
        self.further_files: Sequence[str] = ()
        self.untracked: UntrackedCode

    def open(self, nodeids: Sequence[str]) -> None:
        """Check the base out, and prepare it.

        Args:
            nodeids: the tests of the session.

        Raises:
            ComparisonError: the base cannot be checked out or prepared.
        """
        self._test_files = dict.fromkeys(map(file_of, nodeids))
        duet = self._context.settings.duet
        is_overlaid = duet.tests_from == "head"
        shared = "" if is_overlaid else self._context.shared_checkout
        try:
            self._tree = Path(shared) if shared else self._running.enter_context(checked_out(self._base))
            self._complete()
            if duet.setup:
                self._environment = self._prepared(duet.setup)
            is_set_up = self._environment is not None
            self.untracked = UntrackedCode(self._context, self._base, self._tree, is_set_up=is_set_up)
            self._pointers = fill_pointers(self._base.top, self._tree)
            if is_overlaid:
                testpaths, inputs = self._context.invocation.testpaths, self._context.inputs
                lay_tests_over(self._context.root, self._root(), sorted(self._test_files), testpaths, inputs)
            else:
                self.further_files = further_files(self._context, self._base, self._root())
        except SetupError as error:
            raise ComparisonError(str(error)) from None
        except (GitError, OSError) as error:
            message = f"{self._base.ref} cannot be checked out: {error}"
            raise ComparisonError(message) from None

    def _complete(self) -> None:
        """Change the files of the new checkout, before the setup command runs there."""

    @property
    def notes(self) -> list[str]:
        """The differences between the checkout and the commit."""
        found = []
        if self.untracked.carried:
            files = ", ".join(self.untracked.carried)
            found.append(f"generated and not in git, so taken from the working tree for both commits: {files}.")
        if filters := unfiltered(self._tree):
            found.append(f"checked out without the filters of git that cannot run here: {filters}.")
        if self._refusal:
            found.append(f"run with the addopts of the working tree, because with its own {self._refusal}.")
        return found

    @contextmanager
    def addopts_of_head(self, refusal: WorkerRefusedError) -> Iterator[None]:
        """Give processes of the base the head's `addopts` from now on, unless none can be started with these either.

        The base may ask for a plugin that is no longer installed, and no pull request could mend that.
        """
        self._refusal = str(refusal)
        try:
            yield
        except WorkerError:
            self._refusal = ""
            raise

    def close(self) -> None:
        """Remove the checkout."""
        self._running.close()

    def launches(
        self,
        nodeids: Sequence[str],
        hash_seed: int,
        more_files: Sequence[str] = (),
        *,
        slot: int = 0,
        own_file_only: bool = False,
    ) -> tuple[Launch, Launch]:
        """Return the launches of a process of the head and a process of the base with the same hash seed.

        Args:
            nodeids: the tests that both processes measure.
            hash_seed: the hash seed of both processes.
            more_files: further files that the base collects.
            slot: the place of the head's process among the processes that run; the base has the next place.
            own_file_only: whether to collect the tests' own files only.

        Raises:
            WrongCodeError: the base would import code other than its own.
            WorkerError: the base has pointers in place of large files.
        """
        top, tree = self._base.top, self._tree
        if self._pointers:
            more = f" and {len(self._pointers) - 1} more" if self._pointers[1:] else ""
            message = (
                f"{self._base.ref} has only the git-lfs pointer of {self._pointers[0]}{more}, and the working tree has "
                f"other content: run git lfs install, and git lfs fetch origin {self._base.commit[:9]}"
            )
            raise WorkerError(message)
        self._compiled = self._compiled or CompiledFolders.of_session(self._scratch)
        launcher = self._context.launcher
        request = replace(
            launcher.request(nodeids, own_file_only=own_file_only),
            top=str(top),
            compiled=self._compiled.head,
            who="a fresh process of the head",
            worker=launcher.worker_id(slot),
            workers=launcher.workers(slot),
        )
        start = launcher.start(hash_seed)
        if problem := self.untracked.unbuilt(request.modules):
            raise WrongCodeError(problem)
        self.untracked.check_followed(request)
        base = replace(
            moved(request, top, tree),
            who=f"the process of {self._base.ref}",
            worker=launcher.worker_id(slot + 1),
            compiled=self._compiled.base,
        )
        environment = self._environment_of(base, start.environment or {})
        if environment.get(COMPILED):  # else the user's folder would keep the compiled modules of each checkout
            environment[COMPILED] = self._compiled.base
        executable = ""
        if self._environment is not None:
            path = [str(self._environment.python.parent), environment.get("PATH", "")]
            environment["PATH"] = os.pathsep.join(path)
            base = replace(base, home=str(self._environment.folder))
            executable = str(self._environment.python)
        for folder in (base.folder, self._root()):  # a project that only the head has has no test there
            with suppress(OSError):
                Path(folder).mkdir(parents=True, exist_ok=True)
        arguments = [*base.arguments, f"--rootdir={self._root()}"]
        if self._refusal:
            arguments += ["-o", f"addopts={shlex.join(self._context.invocation.addopts)}"]
        base = replace(base, arguments=arguments, files=[*base.files, *more_files])
        base_start = replace(start, environment=environment, executable=executable)
        return Launch(request, start), Launch(base, base_start)

    def other_files(self, head: Mapping[str, str], base: Mapping[str, str]) -> list[OtherFile]:
        """Return the modules that the head imports from another file than the base; see `checkout.other_files`."""
        tests = self.beside(self._test_files)
        code = HiddenCode(self._base, tests)
        return other_files(head, base, self._base.top, self._tree, tests, changed=lambda: code.changed)

    def changed_functions(self, modules: Mapping[str, str]) -> list[str]:
        """Return the functions of modules of the head whose code differs from the base's; see `changed_functions`."""
        return changed_functions(self._base.top, self._tree, modules)

    def beside(self, nodeids: Iterable[str]) -> list[PurePosixPath]:
        """Return the files and folders that belong to tests, relative to the top folder; see `sources_of`."""
        root, testpaths = self._context.root, self._context.invocation.testpaths
        place = PurePosixPath(root.resolve().relative_to(self._base.top.resolve()).as_posix())
        files = dict.fromkeys(map(file_of, nodeids))
        sources = [one for file in files for one in sources_of(root, file, testpaths)]
        return [place / one for one in [*sources, *map(PurePosixPath, self._context.inputs)]]

    def place_of(self, file: str) -> PurePosixPath | None:
        """Return a path in the checkout, relative to its top folder; None for a path outside."""
        place = path_in(self._tree, file)
        return None if place is None else PurePosixPath(place.as_posix())

    def _prepared(self, setup: str) -> Environment:
        """Return the base's own environment, from the cache folder if the session has a cache."""
        folder = self._context.cache_folder("perfbudget-setup")
        if folder is None:
            folder = Path(self._scratch())
        self._context.progress.note(f"perf: preparing {self._base.ref}: {setup}")
        try:
            return prepared(self._base, self._tree, setup, folder)
        finally:
            self._context.progress.clear()

    def _scratch(self) -> str:
        """Return a temporary folder for as long as the checkout lives."""
        made = Scratch()
        self._running.callback(made.close)
        return made.name

    def _environment_of(self, base: Request, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the environment variables of the base's process, whose child processes import the base's code, too."""
        found = moved_environment(environment, self._base.top, self._tree)
        # Editable installations do not lead child processes into the checkout, so PYTHONPATH has to.
        own = [one for one in base.path if one and Path(one).is_relative_to(self._tree)]
        inherited = [found["PYTHONPATH"]] if found.get("PYTHONPATH") else []
        return {**found, "PYTHONPATH": os.pathsep.join([*own, *inherited])}

    def _root(self) -> Path:
        """Return pytest's root folder in the checkout."""
        return self._tree / self._context.root.resolve().relative_to(self._base.top.resolve())

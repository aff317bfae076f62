"""Makes the pairs of processes of a duet: one for the whole session that screens, and fresh ones."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pytest

from pytest_perfbudget.checkout.environment import Environment, prepared
from pytest_perfbudget.checkout.head_tests import lay_tests_over
from pytest_perfbudget.checkout.relocate import moved, moved_environment, unbuilt, unfollowed
from pytest_perfbudget.checkout.revision import Base, deleted_since
from pytest_perfbudget.checkout.worktree import checked_out
from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.core.paired import FRESH_ERROR, SCREENING_ERROR, Pair, PairRecording
from pytest_perfbudget.core.results import Measurement
from pytest_perfbudget.errors import GitError, SetupError, WrongCodeError
from pytest_perfbudget.git import git
from pytest_perfbudget.measure.affinity import cpus
from pytest_perfbudget.plugin.hooks import TREE_INPUT
from pytest_perfbudget.processes.duet import Duet
from pytest_perfbudget.processes.duet_side import Side
from pytest_perfbudget.processes.process import Start, Worker
from pytest_perfbudget.processes.protocol import Answer, Request

if TYPE_CHECKING:
    from pytest_perfbudget.plugin.session import PerfSession

_TABLE: Final = "[tool.perfbudget.duet]"
_TURNS: Final = f'mode = "sequential" in {_TABLE}'


@dataclass(frozen=True, slots=True)
class PairTask:
    """What a pair measures: one test.

    Attributes:
        nodeid: the test.
        names: its measurements, timers under the name of turns of theirs.
        seconds: how long each may take.
        unpinned: those that may use all CPUs.
    """

    nodeid: str
    names: Collection[str]
    seconds: float
    unpinned: Collection[str] = ()


class PairRunner:
    """The checkout of the base and the processes that run beside the session's.

    Args:
        session: whose tests are measured.
        base: what they are compared with.
    """

    def __init__(self, session: PerfSession, base: Base) -> None:
        self._session = session
        self._base = base
        self._running = ExitStack()
        self._tree = Path()
        self._environment: Environment | None = None
        self._deleted: Sequence[str] = ()
        self._screening: Duet | None = None
        self._started = 0
        self._compiled = ""

    def open(self, nodeids: Sequence[str]) -> None:
        """Check the base out.

        Raises:
            UsageError: it cannot be.
        """
        config = self._session.config
        is_overlaid = self._session.settings.duet.tests_from == "head"
        shared = None if is_overlaid else getattr(config, "workerinput", {}).get(TREE_INPUT)
        try:
            self._tree = Path(shared) if shared else self._running.enter_context(checked_out(self._base))
            if setup := self._session.settings.duet.setup:
                self._environment = self._prepared(setup)
            if is_overlaid:
                files = sorted({nodeid.partition("::")[0] for nodeid in nodeids})
                lay_tests_over(config.rootpath, self._place(), files, config.getini("testpaths"))
            else:
                self._deleted = self._deleted_tests()
        except SetupError as error:
            raise pytest.UsageError(str(error)) from None
        except (GitError, OSError) as error:
            message = f"{self._base.ref} cannot be checked out: {error}"
            raise pytest.UsageError(message) from None

    def _prepared(self, setup: str) -> Environment:
        """Return the base's own environment, from pytest's cache if it is in use."""
        cache = getattr(self._session.config, "cache", None)
        if cache is None:
            folder = Path(self._running.enter_context(TemporaryDirectory(prefix="perfbudget-setup-")))
        else:
            folder = cache.mkdir("perfbudget-setup")
        self._session.progress.note(f"perf: preparing {self._base.ref}: {setup}")
        try:
            return prepared(self._base, self._tree, setup, folder)
        finally:
            self._session.progress.clear()

    def close(self) -> None:
        """End all processes and remove the checkout."""
        self._end_screening()
        self._running.close()

    def screen(self, part: PairTask, nodeids: Sequence[str]) -> Attempt[Pair, PairRecording]:
        """Measure a test by the pair that measures each of them once; after a failure there will be a new pair.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """
        try:
            with self._session.fresh.noting_hangs([part.nodeid]):
                if self._screening is None:
                    self._screening = self._pair(nodeids, self._deleted)
                    self._screening.__enter__()
                    self._session.note_gone(self._screening.others)
                self._screening.be_patient(self._session.fresh.patience_s())
                return self._play(self._screening, part, SCREENING_ERROR)
        except BaseException as error:  # half started, or in the midst of something
            self._end_screening(error)
            raise

    def measure(self, part: PairTask, *, alone: bool) -> Attempt[Pair, PairRecording]:
        """Measure a test by a pair of new processes; see `confirmation.Measure`.

        Raises:
            WorkerError: a process cannot be started, died or hangs.
        """
        fresh = self._session.fresh
        with fresh.noting_hangs([part.nodeid]), self._pair([part.nodeid], alone=alone) as pair:
            return self._play(pair, part, FRESH_ERROR)

    def _play(self, pair: Duet, part: PairTask, error: float) -> Attempt[Pair, PairRecording]:
        played = pair.play(part.nodeid, part.names, part.seconds, error, part.unpinned)
        if played.base.is_absent:
            return Attempt()
        for one in (played.head, played.base):
            if one.is_wrong_code:
                return Attempt(problem=one.problem, is_wrong_code=True)
        if problem := self._lack(played.head.built):
            return Attempt(problem=problem, is_wrong_code=True)
        if problem := played.head.problem:
            return Attempt(problem=f"{problem} (in the session it passes: what cannot be there twice needs {_TURNS})")
        if problem := played.base.problem:
            hint = f" (what git does not have is made by setup of {_TABLE})" if "FileNotFoundError" in problem else ""
            return Attempt(problem=problem + hint)
        sides = []
        for answer in (played.head, played.base):
            found = map(Measurement.from_dict, answer.measurements)
            sides.append({one.name: one.recording for one in found if one.recording is not None})
        head, base = sides
        is_changed = bool(played.head.source and played.base.source) and played.head.source != played.base.source
        both = {name: PairRecording(head[name], base[name], is_changed) for name in head if name in base}
        runs = {name: run for name, one in both.items() if (run := one.pair()) is not None}
        return Attempt(runs, both)

    def answers(self, nodeids: Sequence[str], *, of_base: bool, hash_seed: int) -> Iterator[Answer]:
        """Run one process of a side by itself, and yield its answers.

        Raises:
            WorkerError: it died, hangs or gave no answer.
        """
        head, base = self._starts(nodeids, hash_seed, self._deleted)
        request, start = base if of_base else head
        with self._session.fresh.noting_hangs(nodeids), Worker(request, **start) as worker:
            for answer in worker.answers():
                self._session.note_gone(answer.others)
                if answer.nodeid:
                    yield answer

    def _end_screening(self, error: BaseException | None = None) -> None:
        """End the pair: at once if something went wrong, else its fixtures are torn down."""
        if self._screening is not None:
            self._screening.__exit__(None if error is None else type(error), error, None)
            self._screening = None

    def _pair(self, nodeids: Sequence[str], more_files: Sequence[str] = (), *, alone: bool = False) -> Duet:
        """Return a new pair of processes, not yet started."""
        starts = self._starts(nodeids, self._session.fresh.seed(), more_files, alone=alone)
        head, base = (Side(replace(request, in_turns=True), **start) for request, start in starts)
        usable = cpus()
        cpu = usable[self._started % len(usable)] if usable else None
        self._started += 1
        return Duet(head, base, cpu=cpu)

    def _starts(
        self, nodeids: Sequence[str], hash_seed: int, more_files: Sequence[str], *, alone: bool = False
    ) -> tuple[tuple[Request, Start], tuple[Request, Start]]:
        """Return with what a process of the head and one of the base are started, with one hash seed.

        Raises:
            MisledError: what the base would import is not there.
        """
        top, tree = self._base.top, self._tree
        if os.environ.get("PYTHONDONTWRITEBYTECODE") and not self._compiled:
            self._compiled = self._running.enter_context(TemporaryDirectory(prefix="perfbudget-compiled-"))
        request = replace(
            self._session.fresh.request(nodeids, alone=alone),
            top=str(top),
            compiled=self._compiled,
            who="a fresh process of the head",
        )
        start = self._session.fresh.start(hash_seed)
        moved_start = start.copy()
        if problem := self._lack(request.modules):
            raise WrongCodeError(problem)
        base = replace(moved(request, top, tree), who=f"the process of {self._base.ref}")
        lost = unfollowed(request.path, request.modules, top, tree) if self._environment is None else ""
        # What somebody has moved is tracked at its new place, and a base that has not got it is an honest one.
        if lost and not git(top, "ls-files", "--", lost):
            message = (
                f"{lost}, which the head's modules come from, is made and not in the checkout of {self._base.ref}: "
                f"let setup of {_TABLE} make it, or install the project editable (pip install -e)"
            )
            raise WrongCodeError(message)
        environment = moved_environment(start["environment"] or {}, top, tree)
        # Its child processes are to import the base's code as well: no editable installation leads them there.
        own = [one for one in base.path if one and Path(one).is_relative_to(tree)]
        inherited = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([*own, *inherited])
        moved_start["environment"] = environment
        if self._environment is not None:
            environment["PATH"] = os.pathsep.join([str(self._environment.python.parent), environment.get("PATH", "")])
            base = replace(base, home=str(self._environment.folder))
            moved_start["executable"] = str(self._environment.python)
        arguments = [*base.arguments, f"--rootdir={self._place()}"]
        return (request, start), (replace(base, arguments=arguments, files=[*base.files, *more_files]), moved_start)

    def _lack(self, modules: Mapping[str, str]) -> str:
        """Return what the head has built and the base has not, for Python may stand in for it; empty if nothing."""
        if self._environment is None and (module := unbuilt(modules, self._base.top, self._tree)):
            where = f"is built in the working tree and not in the checkout of {self._base.ref}"
            return f"{module!r} {where}: let setup of {_TABLE} build it"
        return ""

    def _place(self) -> Path:
        """Return pytest's root folder in the checkout."""
        return self._tree / self._session.config.rootpath.resolve().relative_to(self._base.top.resolve())

    def _deleted_tests(self) -> list[str]:
        """Return the test files that the base has and the head has not, where the session collects."""
        config = self._session.config
        patterns: list[str] = config.getini("python_files")
        root = config.rootpath.resolve()
        folders = [(config.invocation_params.dir / one.partition("::")[0]).resolve() for one in config.args]
        found = []
        for path in deleted_since(self._base):
            file = self._base.top / path
            is_asked = file.is_relative_to(root) and any(file.is_relative_to(folder) for folder in folders)
            if is_asked and any(PurePosixPath(path).match(one) for one in patterns):
                found.append(file.relative_to(root).as_posix())
        return found

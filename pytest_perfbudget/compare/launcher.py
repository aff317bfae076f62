"""Measures tests of this session in fresh processes, under the session's own invocation."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from pytest_perfbudget.errors import WorkerError, WorkerHangsError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.paths import path_in
from pytest_perfbudget.plugin.hooks import ARGUMENTS_INPUT
from pytest_perfbudget.processes.process import Start, Worker
from pytest_perfbudget.processes.protocol import Answer, Request

_SEEDS = 2**32
_PATIENCE_S = 60.0
_PATIENCE = 10
_MOST_PATIENCE_S = 3600.0
_MOST_HANGS = 2

_AMBIGUOUS = {"__main__", "__mp_main__", "conftest"}
"""Whatever was started, and the conftest that was loaded last of those outside packages."""

MARK: Final = "PERFBUDGET_FRESH"
"""The variable by which a conftest can tell a fresh process."""


class ProcessLauncher:
    """Starts fresh processes for a session, one at a time.

    `company` are the files of all tests of the baseline: a process collects them, whichever it measures.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._root = config.rootpath
        # Tests freeze the clock of `time`, and are confirmed while they do.
        self._started_ns = SYSTEM.wall_ns()
        self._longest_s = 0.0
        self.company: set[str] = set()
        self._hung: list[tuple[Sequence[str], str]] = []
        # What a test changes of them is its own affair, and it may be at it while it is confirmed.
        self._environment = {**os.environ, MARK: "1"}
        self._draw = random.Random()  # noqa: S311 - an own generator: tests may have seeded the global one
        arguments = getattr(config, "workerinput", {}).get(ARGUMENTS_INPUT, config.invocation_params.args)
        self._request = Request(
            arguments=[*map(os.fspath, arguments), *_overrides(config)],
            folder=str(config.invocation_params.dir),
            path=[os.fspath(entry) for entry in sys.path],
            nodeids=(),
            has_cache=config.pluginmanager.hasplugin("cacheprovider"),
        )

    def begin(self) -> None:
        """Note that the first test begins: what came before is the start-up that each process has as well."""
        self._longest_s = max(self._longest_s, (SYSTEM.wall_ns() - self._started_ns) / 1e9)

    def saw(self, elapsed_s: float) -> None:
        """Note how long a test took here: a process is given a multiple of it before it counts as hanging."""
        self._longest_s = max(self._longest_s, elapsed_s)

    def has_company(self, nodeid: str) -> bool:
        """Return whether a fresh process that measures a test collects other files besides its own."""
        return bool(self.company - {nodeid.partition("::")[0]})

    def patience_s(self) -> float:
        """Return how long a process may be silent: many times what its longest test, or its start, takes."""
        return min(_PATIENCE_S + _PATIENCE * self._longest_s, _MOST_PATIENCE_S)

    def measure(
        self, nodeids: Sequence[str], *, start: int = 0, is_reversed: bool = False, alone: bool = False
    ) -> Iterator[Answer]:
        """Run one process with a hash seed of its own, and yield its answers.

        Closing the iterator ends the process.

        Args:
            nodeids: the tests.
            start: with which to begin.
            is_reversed: whether to go backwards.
            alone: collect their own files only.

        Raises:
            WorkerError: it died, hangs or gave no answer.
        """
        request = replace(self.request(nodeids, alone=alone), start=start, is_reversed=is_reversed)
        with self.noting_hangs(nodeids), Worker(request, **self.start(self.seed())) as worker:
            yield from worker.answers()

    def request(self, nodeids: Sequence[str], *, alone: bool = False) -> Request:
        """Return what asks for tests of this session as it was invoked."""
        files = [] if alone else sorted(self.company)
        return replace(self._request, nodeids=list(nodeids), files=files, modules=own_modules(self._root))

    def seed(self) -> int:
        """Return a new hash seed."""
        return self._draw.randrange(_SEEDS)

    def start(self, hash_seed: int) -> Start:
        """Return with what a process of this session is started."""
        return Start(hash_seed=hash_seed, patience_s=self.patience_s(), environment=self._environment)

    @contextmanager
    def noting_hangs(self, nodeids: Sequence[str]) -> Iterator[None]:
        """Remember that a process hung: whatever it waits for, a lock or a port, this session may hold it still.

        The same tests are not tried again then. After a second time no test is: it is none of theirs.

        Raises:
            WorkerError: no process is to be started.
        """
        for asked, why in self._hung:
            if list(asked) == list(nodeids) or len(self._hung) >= _MOST_HANGS:
                message = f"an earlier fresh process hung ({why}), so none was started"
                raise WorkerError(message)
        try:
            yield
        except WorkerHangsError as error:
            self._hung.append((nodeids, str(error)))
            raise


def _overrides(config: pytest.Config) -> Iterator[str]:
    """Yield what has to differ from the session's command line."""
    if hasattr(config.option, "numprocesses"):
        yield "-n0"
    if config.pluginmanager.hasplugin("_cov"):
        yield "--no-cov"


def own_modules(root: Path) -> dict[str, str]:
    """Return the files of the project's own modules, by name, without what is installed in a folder of it.

    Names that mean another file from one process to the next are not among them.
    """
    named = [(name, module) for name, module in list(sys.modules.items()) if name not in _AMBIGUOUS]
    found = {name: getattr(module, "__file__", None) for name, module in named}
    top = root.resolve()
    return {name: file for name, file in found.items() if file and path_in(top, file) is not None}

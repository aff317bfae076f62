"""The launcher of fresh processes that measure tests of this session, under the session's own invocation."""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from pytest_perfbudget.core.counts import Counting
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.errors import WorkerError, WorkerHangsError
from pytest_perfbudget.measure.clock import SYSTEM
from pytest_perfbudget.paths import own_modules
from pytest_perfbudget.processes.process import ProcessStart, Worker
from pytest_perfbudget.processes.protocol import Answer, Request

_SEEDS = 2**32
_PATIENCE_S = 60.0
_PATIENCE = 10
_MOST_PATIENCE_S = 3600.0
_MOST_HANGS = 2

SLOTS: Final = 6
"""The largest number of fresh processes of a session at the same time: two screening pairs and a fresh pair."""

FRESH_SLOT: Final = 2
SECOND_SLOT: Final = 4
"""The slots of a fresh pair, or of a fresh process, which may run beside the screening pairs, and of the second of
these."""

_KEPT: Final = 9
"""The largest number of pairs that stay from test to test, in all processes of a session together."""

FRESH: Final = "PERFBUDGET_FRESH"
"""The environment variable that tells a test or a conftest that it runs in a fresh process."""


class ProcessLauncher:
    """A launcher of fresh processes for a session, one process at a time.

    Args:
        invocation: the request with the session's own command line and without tests.
        root: pytest's root folder.
        environment: the environment of the processes; by default the present one.

    Attributes:
        companion_files: the files of all tests of the baseline; a process collects them, whichever test it measures.
    """

    def __init__(self, invocation: Request, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self._root = root
        # A test may have frozen the clock of `time`, and is confirmed while the clock stands still.
        self._started_ns = SYSTEM.wall_ns()
        self._longest_s = 0.0
        self.companion_files: set[str] = set()
        self._hung: list[tuple[Sequence[str], str]] = []
        # Copied now: a test may change `os.environ`, and still be running while it is confirmed.
        self._environment: Mapping[str, str] = {**(os.environ if environment is None else environment), FRESH: "1"}
        self._workers = int(self._environment.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        self._draw = random.Random()  # noqa: S311 - a generator of its own, because tests may seed the global generator
        self._invocation = invocation

    def begin(self) -> None:
        """Note that the first test begins. The time until then is the start-up time, which each process needs, too."""
        self._longest_s = max(self._longest_s, (SYSTEM.wall_ns() - self._started_ns) / 1e9)

    def add_arguments(self, arguments: Sequence[str]) -> None:
        """Add arguments to the command line of each process."""
        self._invocation = replace(self._invocation, arguments=[*self._invocation.arguments, *arguments])

    def note_duration(self, elapsed_s: float) -> None:
        """Note how long a test took in this session; a process may be silent for many times as long before it hangs."""
        self._longest_s = max(self._longest_s, elapsed_s)

    def has_companions(self, nodeid: str) -> bool:
        """Return whether a fresh process that measures a test collects other files besides the test's own."""
        return bool(self.companion_files - {file_of(nodeid)})

    def patience_s(self) -> float:
        """Return how many seconds a process may be silent: many times the longest test or start-up."""
        return min(_PATIENCE_S + _PATIENCE * self._longest_s, _MOST_PATIENCE_S)

    def measure(
        self,
        nodeids: Sequence[str],
        *,
        start: int = 0,
        is_reversed: bool = False,
        own_file_only: bool = False,
        counting: Counting = Counting.ALL,
        one_cpu: Sequence[str] | None = None,
    ) -> Iterator[Answer]:
        """Run one process with a hash seed of its own, and yield its answers.

        Closing the iterator ends the process.

        Args:
            nodeids: the tests.
            start: the index of the first test.
            is_reversed: whether to run the tests in reverse order.
            own_file_only: whether to collect the tests' own files only.
            counting: the counts of executions.
            one_cpu: see `Request`.

        Raises:
            WorkerError: the process died, hangs or gave no answer.
        """
        asked = self.request(nodeids, own_file_only=own_file_only)
        request = replace(asked, start=start, is_reversed=is_reversed, counting=counting, one_cpu=one_cpu)
        with self.noting_hangs(nodeids), Worker(request, self.start(self.seed())) as worker:
            yield from worker.answers()

    def request(self, nodeids: Sequence[str], *, own_file_only: bool = False) -> Request:
        """Return the request to measure tests under this session's own invocation."""
        files = [] if own_file_only else sorted(self.companion_files)
        return replace(
            self._invocation,
            nodeids=list(nodeids),
            files=files,
            modules=own_modules(self._root),
            root=str(self._root),
            worker=self.worker_id(FRESH_SLOT),
            workers=self.workers(FRESH_SLOT),
        )

    def share(self, number: int) -> int:
        """Return how many of a number of tests this process is likely to run; workers of pytest-xdist share them."""
        return math.ceil(number / self._workers)

    @property
    def kept(self) -> int:
        """The largest number of pairs of this process that stay from test to test."""
        return max(_KEPT // self._workers, 1)

    def worker_id(self, slot: int) -> str:
        """Return the worker id of a fresh process, which no worker of this session has.

        The slots from `SLOTS` on are those of the pairs that stay. Their ids come last, because a suite may have few
        databases, one for each id.

        Args:
            slot: the place of the process among the processes of this session that run at the same time.
        """
        number = int(re.sub(r"\D", "", self._environment.get("PYTEST_XDIST_WORKER", "")) or 0)
        if slot < SLOTS:
            return f"gw{self._workers + SLOTS * number + slot}"
        return f"gw{self._workers * (1 + SLOTS) + 2 * self.kept * number + slot - SLOTS}"

    def workers(self, slot: int) -> int:
        """Return the number of workers that the process of a slot is told, which is above the number in its id."""
        return self._workers * (1 + SLOTS + (2 * self.kept if slot >= SLOTS else 0))

    def seed(self) -> int:
        """Return a new hash seed, or the one that the user has set for all processes."""
        given = self._environment.get("PYTHONHASHSEED", "")
        if given.isascii() and given.isdigit():
            return int(given)
        return self._draw.randrange(_SEEDS)

    def start(self, hash_seed: int) -> ProcessStart:
        """Return the start parameters of a process of this session."""
        return ProcessStart(hash_seed, self.patience_s(), self._environment)

    @contextmanager
    def noting_hangs(self, nodeids: Sequence[str]) -> Iterator[None]:
        """Remember that a process hung: this session may still hold the lock or the port that the process waits for.

        The same tests are not retried. After a second hang no test is: then no single test is to blame.

        Raises:
            WorkerError: an earlier hang forbids this process.
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

"""Measures tests of this session in fresh processes, under the session's own invocation."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from pytest_perfbudget.plugin.hooks import ARGUMENTS_INPUT
from pytest_perfbudget.workers.process import Worker
from pytest_perfbudget.workers.protocol import Answer, Request

_SEEDS = 2**32
_PATIENCE_S = 60.0
_PATIENCE = 10


class Fresh:
    """Starts fresh processes for a session, one at a time.

    `company` are the files of all tests of the baseline: a process collects them, whichever it measures.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._started_s = time.monotonic()
        self._longest_s = 0.0
        self.company: set[str] = set()
        # What a test changes of them is its own affair, and it may be at it while it is confirmed.
        self._environment = dict(os.environ)
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
        self._longest_s = max(self._longest_s, time.monotonic() - self._started_s)

    def saw(self, elapsed_s: float) -> None:
        """Note how long a test took here: a process is given a multiple of it before it counts as hanging."""
        self._longest_s = max(self._longest_s, elapsed_s)

    def patience_s(self) -> float:
        """Return how long a process may be silent: many times what its longest test, or its start, takes."""
        return _PATIENCE_S + _PATIENCE * self._longest_s

    def measure(self, nodeids: Sequence[str], *, start: int = 0) -> Iterator[Answer]:
        """Run one process with a hash seed of its own, and yield its answers.

        Closing the iterator ends the process.

        Raises:
            WorkerError: it died, hangs or gave no answer.
        """
        request = replace(self._request, nodeids=list(nodeids), files=sorted(self.company), start=start)
        seed = self._draw.randrange(_SEEDS)
        patience_s, environment = self.patience_s(), self._environment
        with Worker(request, hash_seed=seed, patience_s=patience_s, environment=environment) as worker:
            yield from worker.answers()


def _overrides(config: pytest.Config) -> Iterator[str]:
    """Yield what has to differ from the session's command line."""
    if config.pluginmanager.hasplugin("xdist"):
        yield "-n0"
    if config.pluginmanager.hasplugin("_cov"):
        yield "--no-cov"

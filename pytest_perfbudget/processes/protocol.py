"""The protocol between a session and its workers: one JSON object per line, builtins only.

The request goes to the standard input of the worker. Answers come through the worker's original standard output, which
the worker has put aside. So neither a conftest that prints nor a test that reads disturbs requests and answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from json import dumps, loads
from typing import Any

from pytest_perfbudget.core.counts import Counting


@dataclass(frozen=True, slots=True)
class Request:
    """The tests that a worker measures, and the invocation that the worker inherits.

    Attributes:
        arguments: the command line of the session, with the arguments that have to differ in the worker.
        folder: the folder in which the command line was given.
        path: `sys.path` of the session, which differs between `python -m pytest` and `pytest`.
        nodeids: the node ids of the tests to measure; all other tests are left out.
        files: further files to collect, so that the effects of their import are the same in all processes that are
            compared.
        modules: the files of the project's modules in the session, by module name: a process that imports a module of
            that name from another file measures other code.
        start: the index of the test to begin with; the order goes round.
        is_reversed: whether the tests run backwards.
        names: the patterns of the names of test files, classes and functions in the session, by pytest's setting.
        root: pytest's root folder in the session, whose pyproject.toml holds for the worker, too.
        top: the top folder of the working tree, for a comparison with another commit; empty otherwise.
        tree: the checkout, for a process of the base; nothing may come from `top` then. Empty otherwise.
        home: the virtual environment of the base, if the base has its own; modules from there are the base's own.
        compiled: the folder in which child processes keep compiled modules, if they would otherwise not keep them: the
            working tree may have compiled modules from before, while in a checkout each process would compile anew.
            Each side has a folder of its own, so that the first processes of both compile, and the later ones of both
            do not. Empty if child processes keep compiled modules beside the sources.
        who: the name of the process in messages.
        worker: the id with which the process presents itself as a worker of pytest-xdist, so that suites that keep a
            database, a port or a folder for each worker keep others for this process.
        workers: the number of workers that the process tells its tests.
        workerinput: what the controller of pytest-xdist told the session, if the session is a worker itself.
        in_turns: whether the tests are measured one by one, on command, in turns with another process.
        with_spans: whether the turns record spans, and their times decide nothing.
        counting: the counts of executions.
        one_cpu: the names of the measurements whose blocks are timed on one CPU; None if each measurement's threads
            decide, see `measure.one_cpu`.
        collects: whether the process tells which perf tests its own settings choose, and runs none; `nodeids` is then
            the empty node id of that answer.
        has_cache: whether pytest's cache is in use; the worker has to use another cache.
        scratch: the folder for the worker's temporary files and its cache; set by the process that starts the worker.
    """

    arguments: Sequence[str]
    folder: str
    path: Sequence[str]
    nodeids: Sequence[str]
    files: Sequence[str] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    start: int = 0
    is_reversed: bool = False
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    root: str = ""
    top: str = ""
    tree: str = ""
    home: str = ""
    compiled: str = ""
    who: str = "a fresh process"
    worker: str = ""
    workers: int = 1
    workerinput: Mapping[str, Any] = field(default_factory=dict)
    in_turns: bool = False
    with_spans: bool = False
    counting: Counting = Counting.ALL
    one_cpu: Sequence[str] | None = None
    collects: bool = False
    has_cache: bool = False
    scratch: str = ""

    def to_line(self) -> str:
        """Return the request as a line; a base with an environment of its own may have a version without newer keys."""
        data = asdict(self)
        if not self.collects:
            del data["collects"]
        if self.one_cpu is None:
            del data["one_cpu"]
        return dumps(data)

    @classmethod
    def from_line(cls, line: str) -> Request:
        """Rebuild a request from the result of `to_line`."""
        return cls(**loads(line))


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one test in a worker.

    Attributes:
        nodeid: the node id of the test.
        problem: the reason why there is no measurement, in one line; empty if the test passed.
        measurements: the result of `Measurement.to_dict()` for each measurement.
        is_absent: whether the problem is that there is no such test.
        is_wrong_code: whether the problem is that a side of a duet ran other code than its own.
        is_skipped: whether the problem is that the test is skipped.
        source: a digest of the test itself, from a side of a duet; empty if the test has no source.
        loaded: the files of the working tree that came with the test: modules by name, and shared libraries by path.
        modules: the files of the side's own modules that were imported since its last answer, by module name, relative
            to its top folder.
        perf_tests: all perf tests of the base, and the requested tests; an answer with `perf_tests` is about no test.
        expected_to_fail: those of `perf_tests` whose marks let them fail (xfail), if the process collects only.
        replacing: those of `perf_tests` that measure through a fixture of the project, likewise.
        elapsed_s: the time in s that the test took, including set-up and tear-down.
    """

    nodeid: str
    problem: str
    measurements: Sequence[Mapping[str, Any]]
    elapsed_s: float = 0.0
    is_absent: bool = False
    is_wrong_code: bool = False
    is_skipped: bool = False
    source: str = ""
    loaded: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    perf_tests: Sequence[str] = field(default_factory=list)
    expected_to_fail: Sequence[str] = field(default_factory=list)
    replacing: Sequence[str] = field(default_factory=list)

    def to_line(self) -> str:
        """Return the answer as a line."""
        return dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Answer:
        """Rebuild an answer from the result of `to_line`."""
        return cls(**loads(line))

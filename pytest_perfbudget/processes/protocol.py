"""What passes between a session and its workers: one JSON object a line, builtins only.

The request goes down the worker's standard input, answers come up what was its standard output
before it put that aside. So neither a conftest that prints nor a test that reads disturbs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from json import dumps, loads
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What one worker is to measure, and the invocation it inherits.

    Attributes:
        arguments: the command line of the session, and what has to differ from it.
        folder: the folder it was given in.
        path: `sys.path` of the session: `python -m pytest` and `pytest` differ in it.
        nodeids: the tests to measure, all others are left out.
        files: further files to collect, so that what they bring about by being imported is the same in
            every process that is compared.
        modules: the files of the session's own modules, by name: a process that imports another one by a name
            of them measures other code.
        start: with which of them to begin; the order goes round.
        is_reversed: whether to go backwards.
        top: of what is compared with another commit, the top folder of the working tree.
        tree: of the base, its checkout: nothing may come from `top` then.
        home: its virtual environment, if it has one of its own; what it imports from there is its own.
        compiled: where child processes keep what they compile, if they would not keep it: the working tree may have
            it from before, and in a checkout each would compile anew. Empty if they keep it beside their modules.
        who: what the process is called in messages.
        in_turns: whether the tests are measured one by one, when told to, in turns with another process.
        has_cache: whether pytest's cache is in use, which has to be another one there.
        scratch: a folder for its temporary files and its cache; the worker's starter fills it in.
    """

    arguments: Sequence[str]
    folder: str
    path: Sequence[str]
    nodeids: Sequence[str]
    files: Sequence[str] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    start: int = 0
    is_reversed: bool = False
    top: str = ""
    tree: str = ""
    home: str = ""
    compiled: str = ""
    who: str = "a fresh process"
    in_turns: bool = False
    has_cache: bool = False
    scratch: str = ""

    def to_line(self) -> str:
        """Return it as a line."""
        return dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Request:
        """Rebuild what `to_line` gave."""
        return cls(**loads(line))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one test in a worker.

    Attributes:
        nodeid: the test.
        problem: why there is no measurement, in one line; empty if it passed.
        measurements: `Measurement.to_dict()` of each.
        is_absent: whether it is because there is no such test.
        is_wrong_code: whether it is because a side of a duet ran other code than its own.
        source: of a side of a duet, a digest of the test itself; empty if it has no source.
        built: of a side of a duet, the files of the extension modules that came with the test, by name.
        others: of a base, the perf tests that it has besides those asked for; such an answer is of no test.
        elapsed_s: time the test took, set-up and tear-down included.
    """

    nodeid: str
    problem: str
    measurements: Sequence[Mapping[str, Any]]
    elapsed_s: float = 0.0
    is_absent: bool = False
    is_wrong_code: bool = False
    source: str = ""
    built: Mapping[str, str] = field(default_factory=dict)
    others: Sequence[str] = field(default_factory=list)

    def to_line(self) -> str:
        """Return it as a line."""
        return dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Answer:
        """Rebuild what `to_line` gave."""
        return cls(**loads(line))

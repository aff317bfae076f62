"""The data and services that a comparison needs from the session, so that no comparison depends on pytest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pytest_perfbudget.checkout.other_files import OtherFile
from pytest_perfbudget.compare.launcher import ProcessLauncher
from pytest_perfbudget.compare.session_pace import SessionPace
from pytest_perfbudget.core.settings import Settings


class ProgressNote(Protocol):
    """A display of the session's current work."""

    def note(self, text: str) -> None:
        """Show a text until the next text."""

    def clear(self) -> None:
        """Remove the text."""

    def log(self, text: str) -> None:
        """Write a line that stays, where no text can be shown: a log without a terminal."""


@dataclass(frozen=True)
class Invocation:
    """The folders and files that the session was asked to collect.

    Attributes:
        folder: the folder in which the session was started.
        arguments: the folders, files and node ids on the command line.
        file_patterns: the names of test files, pytest's `python_files`.
        testpaths: pytest's setting of that name.
        collects_only: whether the session only collects its tests and runs none.
        addopts: the options that pytest's configuration adds to the command line.
    """

    folder: Path
    arguments: Sequence[str] = ()
    file_patterns: Sequence[str] = ("test_*.py", "*_test.py")
    testpaths: Sequence[str] = ()
    collects_only: bool = False
    addopts: Sequence[str] = ()


@dataclass(frozen=True)
class ComparisonContext:
    """Everything that a comparison needs from the session.

    Attributes:
        settings: the settings of the project.
        root: pytest's root folder.
        launcher: the launcher of fresh processes under the session's own invocation.
        progress: the display of the session's current work.
        invocation: the folders and files that the session was asked to collect.
        stop_timeout: a function that suspends another plugin's timeout for the test that is judged.
        note_base: a function that takes the perf tests of the base, and notes those that the session lacks and those
            that both sides have.
        note_lost: a function that takes a test of the session and the names of measurements that only the base's test
            makes.
        note_other_files: a function that takes the modules that the head imports from another file than the base.
        cache_folder: a function that returns the folder of that name that is kept from session to session; None if
            nothing is kept.
        skipped_files: a function that returns the test files that the session has skipped as a whole.
        data_files: a function that returns the files that the parameters of a test name.
        is_distributed: whether this process is an xdist worker, one of several that share the tests.
        shows_spans: whether the session shows the spans of all its tests.
        looks_at_spans: a function that returns whether any test of the session limits or shows spans.
        accepts_other_loads: whether the user accepts loads with other parameters than in the base.
        by_label: the way in which a reviewer accepts them, in words; empty if there is no reviewer.
        inputs: the files outside of the folder of tests that belong to the tests in this comparison, relative to the
            root folder.
        shared_checkout: the folder in which another process has checked out the base; empty if none has.
        pace: the number of perf tests and their durations so far.
    """

    settings: Settings
    root: Path
    launcher: ProcessLauncher
    progress: ProgressNote
    invocation: Invocation
    stop_timeout: Callable[[], None]
    note_base: Callable[[Collection[str]], None]
    note_lost: Callable[[str, Collection[str]], None]
    cache_folder: Callable[[str], Path | None]
    note_other_files: Callable[[Sequence[OtherFile]], None] = lambda _: None
    skipped_files: Callable[[], Collection[str]] = tuple
    data_files: Callable[[str], Collection[Path]] = lambda _: ()
    is_distributed: bool = False
    shows_spans: bool = False
    looks_at_spans: Callable[[], bool] = lambda: False
    accepts_other_loads: bool = False
    by_label: str = ""
    inputs: Sequence[str] = ()
    shared_checkout: str = ""
    pace: SessionPace = field(default_factory=SessionPace)

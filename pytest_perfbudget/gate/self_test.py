"""The self-test of the gate: a known slowdown is planted in the checkout, and the gate has to find it.

A gate that nobody has seen red may be blind: the project is installed as a copy, the tests measure something else, or
the tolerance allows everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.core.planted_tests import PlantedTests
from pytest_perfbudget.core.planting import SHARE, is_test_file, planted, words_of
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.git import git
from pytest_perfbudget.report.numbers import counted
from pytest_perfbudget.report.self_test import blind_sentence, untouched_sentence


@contextmanager
def planted_slowdown(folder: Path) -> Iterator[int]:
    """Slow down the functions that the tests name, and yield their number; restore the files at the end.

    Raises:
        ConfigError: tracked files have changes, which a broken-off self-test could lose, or no function can be slowed.
    """
    top = Path(git(folder, "rev-parse", "--show-toplevel"))
    if git(top, "status", "--porcelain", "--untracked-files=no"):
        message = "--self-test plants a slowdown in tracked files, and some have changes: commit or stash them"
        raise ConfigError(message)
    files = [name for name in git(top, "ls-files", "-z", "--", "*.py").split("\0") if name]
    contents = {name: (top / name).read_bytes() for name in files if (top / name).is_file()}
    texts = dict(_decoded(contents))
    names = {word for name, text in texts.items() if is_test_file(name) for word in words_of(text)}
    slowed = {name: planted(text, names) for name, text in texts.items() if not is_test_file(name)}
    number = sum(count for _, count in slowed.values())
    if not number:
        message = "--self-test found no function outside of the tests that a test names, so it has nothing to slow down"
        raise ConfigError(message)
    try:
        for name, (text, count) in slowed.items():
            if count:
                (top / name).write_bytes(text.encode())
        yield number
    finally:
        for name, (_, count) in slowed.items():
            if count:
                (top / name).write_bytes(contents[name])


def _decoded(contents: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield the texts, with their own ends of lines; a file in another encoding than UTF-8 is left alone."""
    for name, content in contents.items():
        with suppress(UnicodeDecodeError):
            yield name, content.decode("utf-8")


def self_test_verdict(found: GateVerdict, tests: PlantedTests, functions: int) -> GateVerdict:
    """Return the verdict on the gate itself.

    Args:
        found: the verdict of the gate on the planted slowdown.
        tests: the perf tests, by whether they see it.
        functions: the number of slowed functions.
    """
    planted_text = f"{counted(functions, 'function')} with a planted slowdown of {SHARE:.0%}"
    untouched = untouched_sentence(tests)
    if found.outcome is not Outcome.REGRESSED or not (tests.seeing or tests.blind):
        return GateVerdict(
            Outcome.ERROR,
            f"The gate is blind: it has {planted_text} before it, and says {found.outcome.value}. "
            f"{untouched or found.reason}",
        )
    if tests.blind:
        blind = "partly blind" if tests.seeing else "blind"
        told = f"The gate is {blind} to {planted_text}: {blind_sentence(tests)}"
        return GateVerdict(Outcome.ERROR, f"{told} {untouched}".rstrip())
    told = f"The gate is awake: {counted(len(tests.seeing), 'perf test')} found {planted_text}."
    return GateVerdict(Outcome.PASSED, f"{told} {untouched}".rstrip())

"""Remedies: what a reader can do about failures, each told once for all the tests that it is for."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.report.printable import printable

_MOST_TYPED: Final = 5
"""The most tests that a command names; of more tests it names the files."""

_PLACE: Final = "\0"
"""The place of the tests in a remedy, which no text from outside can contain: its signs are escaped."""

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Remedy:
    """A remedy, and the tests that it is for.

    Attributes:
        text: the remedy.
        tests: the node ids of the tests; an empty id stands for the whole session.
        names: the measurements; none if a command in the text names the tests.
    """

    text: str
    tests: Sequence[str]
    names: Sequence[str]


def remedies_of(findings: Iterable[Finding]) -> list[Remedy]:
    """Return the remedies for findings, those for the first finding first.

    Remedies that differ only in the test that their command names are one remedy.
    """
    groups: dict[str, list[Finding]] = {}
    for one in findings:
        if one.remedy:
            key = one.remedy.replace(one.remedy_target, _PLACE) if one.remedy_target else one.remedy
            groups.setdefault(key, []).append(one)
    return [_remedy(key, found) for key, found in groups.items()]


def remedy_lines(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each remedy; a remedy that is not for all of the tests names its measurements."""
    tests = {one.test for one in findings}
    return [
        f"{named(one.names)}: {one.text}" if one.names and len(one.tests) < len(tests) else one.text
        for one in remedies_of(findings)
    ]


def named(ids: Sequence[str]) -> str:
    """Return the first of several measurements, and the number of the others."""
    shown = ", ".join(printable(one, unicode=True) for one in ids[:_MOST_NAMED])
    return shown if len(ids) <= _MOST_NAMED else f"{shown} and {len(ids) - _MOST_NAMED:,} more"


def _file(target: str) -> str:
    """Return the file of a test as it is typed, whose quotes may be those of a shell."""
    return shlex.quote("".join(shlex.split(target)).partition("::")[0])


def _remedy(key: str, findings: Sequence[Finding]) -> Remedy:
    typed = list(dict.fromkeys(one.remedy_target for one in findings))
    is_typed = _PLACE in key and len(typed) <= _MOST_TYPED
    tests = " ".join(typed if is_typed else dict.fromkeys(_file(one) for one in typed))
    is_whole = _PLACE in key and not is_typed
    whole = f" (all tests of the files; -k EXPRESSION for some of the {len(typed)})" if is_whole else ""
    return Remedy(
        f"{key.replace(_PLACE, tests)}{whole}",
        list(dict.fromkeys(one.test for one in findings)),
        [] if is_typed else list(dict.fromkeys(one.id for one in findings)),
    )

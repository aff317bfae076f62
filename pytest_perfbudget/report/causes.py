"""The wording of causes that several failing tests have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.blame import Blame
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.instructions import InstructionGrowth, InstructionRow
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.results import BudgetResult, Growth, Repeat
from pytest_perfbudget.core.shared_causes import SharedCause, Sign, shared_causes
from pytest_perfbudget.core.spans.changes import ComponentChange
from pytest_perfbudget.report.culprits import cause_text, short_name
from pytest_perfbudget.report.numbers import counted, quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.remedies import named

TITLE: Final = "Causes of several failures"


@dataclass(frozen=True, slots=True)
class CauseText:
    """A cause that several tests have in common, in words.

    Attributes:
        headline: how many tests fail by the cause, with its name.
        evidence: a line for each way in which the tests show the cause.
        ids: the measurements that fail by the cause.
    """

    headline: str
    evidence: Sequence[str]
    ids: Sequence[str]


def cause_texts(measurements: Iterable[Measurement], findings: Iterable[Finding]) -> list[CauseText]:
    """Return the causes that several failing tests have in common, in words; see `shared_causes`."""
    return [_text(one) for one in shared_causes(measurements, findings)]


def cause_lines(causes: Sequence[CauseText], *, with_all: bool, unicode: bool) -> Iterator[str]:
    """Yield the lines about causes for a terminal.

    Args:
        causes: the causes.
        with_all: whether to name all measurements of a cause, a line for each.
        unicode: whether the terminal shows all characters.
    """
    if causes:
        yield f"{TITLE}:"
    for one in causes:
        ids = one.ids if with_all else [named(one.ids)]
        lines = [f"  {one.headline}", *(f"    {line}" for line in (*one.evidence, *ids))]
        yield from (printable(line, unicode=unicode) for line in lines)


def _text(cause: SharedCause) -> CauseText:
    word = f"the {cause.subject.value} " if cause.subject.value else ""
    headline = f"{counted(len(cause.tests), 'test')} fail by {word}{short_name(cause.name)}"
    ways: dict[type, list[Sign]] = {}
    for sign in cause.signs:
        ways.setdefault(type(sign), []).append(sign)
    evidence = [_way(signs) if len(ways) == 1 else f"{len(signs)} of them: {_way(signs)}" for signs in ways.values()]
    return CauseText(
        printable(headline, unicode=True),
        [printable(line, unicode=True) for line in evidence],
        [one.id for one in cause.measurements],
    )


def _way(signs: Sequence[Sign]) -> str:
    """Return the way in which measurements show a cause, with the range of the numbers; the signs are of one type."""
    first = signs[0]
    if isinstance(first, (Blame, ComponentChange, Growth, InstructionGrowth)):
        return _compared_way(first, signs)
    if isinstance(first, Repeat):
        counts = sorted(one.count for one in signs if isinstance(one, Repeat))
        numbers = _range([f"{one:,}" for one in counts])
        sites = {one.site for one in signs if isinstance(one, Repeat)}
        at = f", at {first.site}" if sites == {first.site} and first.site else ""
        return f"the same line asks it {numbers} times in an execution{at}"
    if isinstance(first, BudgetResult):
        sources = {one.source for one in signs if isinstance(one, BudgetResult)}
        return f"exceeds its budget from {first.source}" if len(sources) == 1 else "exceeds its budgets"
    noun = "instructions" if isinstance(first, InstructionRow) else "time, in a profiled call"
    shares = sorted(one.share for one in signs if isinstance(one, (InstructionRow, ProfileRow)))
    return f"takes {_range([f'{one:.0%}' for one in shares])} of the {noun}"


def _compared_way(first: Blame | ComponentChange | Growth | InstructionGrowth, signs: Sequence[Sign]) -> str:
    """Return the way that a comparison of both sides shows."""
    if isinstance(first, Blame):
        words = {cause_text(one) for one in signs if isinstance(one, Blame)}
        how = cause_text(first) if len(words) == 1 else "takes longer, by profiles of both sides"
        return f"{how}: {_times([one.gained_ns for one in signs if isinstance(one, Blame)])} in each execution"
    if isinstance(first, ComponentChange):
        times = _times([one.difference_ns for one in signs if isinstance(one, ComponentChange)])
        return f"takes longer, by the spans of both sides: {times} in each execution"
    if isinstance(first, InstructionGrowth):
        return "executes more instructions than on the other side"
    if not first.caller:
        return "is called more often than on the other side"
    callees = {one.function for one in signs if isinstance(one, Growth)}
    return f"calls {short_name(first.function) if len(callees) == 1 else 'others'} more often than on the other side"


def _times(times_ns: Sequence[float]) -> str:
    return _range([f"+{quantity(one, 'ns')}" for one in (min(times_ns), max(times_ns))])


def _range(texts: Sequence[str]) -> str:
    """Return the first and the last of texts in the order of their numbers."""
    return texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}"

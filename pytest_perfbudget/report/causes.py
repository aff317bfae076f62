"""The wording of what several failing tests have in common: a cause, or the place where their time goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.instructions import InstructionGrowth, InstructionRow
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.results import BudgetResult, Growth, Repeat
from pytest_perfbudget.core.shared_causes import SeenCause, SharedCause, Sign, shared_causes
from pytest_perfbudget.core.spans.changes import ComponentChange
from pytest_perfbudget.report.culprits import cause_text, kind_text, short_name
from pytest_perfbudget.report.numbers import counted, quantity
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.remedies import named

TITLE: Final = "What several failures have in common"

_PROFILES: Final = (ProfileRow, InstructionRow)
"""The evidence of one side alone, which shows where the time goes, and not by what a test fails."""


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


def cause_texts(measurements: Iterable[Measurement], findings: Sequence[Finding]) -> list[CauseText]:
    """Return the causes that several failing tests have in common, in words; see `shared_causes`."""
    fail = _fail if any(one.is_failure for one in findings) else _would_fail
    return [_text(one, fail) for one in shared_causes(measurements, findings)]


def _fail(tests: int) -> str:
    return "fails" if tests == 1 else "fail"


def _would_fail(_tests: int) -> str:
    return "would fail"


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


def _text(cause: SharedCause, fail: Callable[[int], str]) -> CauseText:
    """Return a cause in words.

    Args:
        cause: the cause.
        fail: returns the verb for so many tests.
    """
    ways: dict[object, list[SeenCause]] = {}
    tests: dict[object, set[str]] = {}
    for one, seen in zip(cause.measurements, cause.seen, strict=True):
        ways.setdefault(_way_key(seen.sign), []).append(seen)
        tests.setdefault(_way_key(seen.sign), set()).add(one.nodeid)
    evidence = [
        _way(found) if len(ways) == 1 else f"{len(tests[way]):,} of them: {_way(found)}" for way, found in ways.items()
    ]
    return CauseText(
        printable(_headline(cause, tests, fail), unicode=True),
        [printable(line, unicode=True) for line in evidence],
        [one.id for one in cause.measurements],
    )


def _way_key(sign: Sign) -> object:
    """Return the kind of evidence, by which tests are told together: a changed function without a part has its own."""
    is_part_unknown = isinstance(sign, Blame) and sign.cause is Cause.OTHER_CODE
    return Cause.OTHER_CODE if is_part_unknown else type(sign)


def _headline(cause: SharedCause, tests: Mapping[object, set[str]], fail: Callable[[int], str]) -> str:
    """Return the number of tests, and the cause; a profile of one side only says where the time goes.

    Args:
        cause: the cause.
        tests: the tests by the type of their evidence.
        fail: returns the verb for so many tests.
    """
    word = f"the {cause.subject.value} " if cause.subject.value else ""
    name = f"{word}{short_name(cause.name)}" + (f" in {cause.file}" if cause.file else "")
    caused = {test for way, found in tests.items() if way not in (*_PROFILES, Cause.OTHER_CODE) for test in found}
    likely = tests.get(Cause.OTHER_CODE, set()) - caused
    others = len(set(cause.tests) - caused - likely)
    whose = "its" if others == 1 else "their"
    noun = "time" if ProfileRow in tests else "instructions"
    most = f"{'spends' if others == 1 else 'spend'} most of {whose} {noun}"
    if likely and not caused:
        text = f"{counted(len(likely), 'test')} most likely {fail(len(likely))} by {name}"
    elif not caused:
        text = f"{counted(others, 'test')} that {fail(others)} {most} in {name}"
    else:
        text = f"{counted(len(caused), 'test')} {fail(len(caused))} by {name}"
        text += f"; {len(likely):,} more most likely" if likely else ""
        text += f"; {others:,} more that {fail(others)} {most} there" if others else ""
    number = len(cause.measurements)
    return text if number == len(cause.tests) else f"{text} ({counted(number, 'measurement')})"


def _way(seen: Sequence[SeenCause]) -> str:
    """Return the way in which measurements show a cause, with the range of the numbers; the signs are of one type."""
    signs: Sequence[Sign] = [one.sign for one in seen]
    first = signs[0]
    if isinstance(first, Blame):
        return _blamed_way(first, seen)
    if isinstance(first, (ComponentChange, Growth, InstructionGrowth)):
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
    return f"takes {_range([f'{one:.0%}' for one in shares])} of the {noun}: where to look first"


def _blamed_way(first: Blame, seen: Sequence[SeenCause]) -> str:
    """Return the way in which a function's code became slower, with its part of the measured slowdowns.

    A profile inflates times, so the parts are its shares of the slowdowns that were measured without a profiler.
    """
    blamed = [(one.sign, one.slower_ns) for one in seen if isinstance(one.sign, Blame)]
    if first.cause is Cause.OTHER_CODE:
        return "was changed; the profiles of these tests do not show its part"
    words = {cause_text(one) for one, _ in blamed}
    kinds = {kind_text(one) for one, _ in blamed}
    how = cause_text(first) if len(words) == 1 else kind_text(first) if len(kinds) == 1 else "takes longer"
    parts = [slower_ns * one.share for one, slower_ns in blamed if slower_ns]
    return f"{how}: {_times(parts)} in each execution, by the shares of the profiles" if parts else how


def _compared_way(first: ComponentChange | Growth | InstructionGrowth, signs: Sequence[Sign]) -> str:
    """Return the way that spans, calls or instructions of both sides show."""
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

"""Causes that several failing tests have in common: a function, a component or a statement."""

from __future__ import annotations

import enum
import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pytest_perfbudget.core.blame import Blame, Cause
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.instructions import InstructionGrowth, InstructionRow
from pytest_perfbudget.core.measurement import Measurement, ProfileRow
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import (
    BudgetResult,
    BudgetVerdict,
    Growth,
    RegressionResult,
    RegressionVerdict,
    Repeat,
)
from pytest_perfbudget.core.spans.changes import ComponentChange

_MOST_OF: Final = 0.5
"""The share of the largest part, or of the whole, from which a part is a cause."""

_FEWEST_TESTS: Final = 2
_PLACE: Final = re.compile(r"^.*, from (.+)$|, line \d+$")
"""The place that a row of a profile has with a function: the line, or the function that calls a library."""

_COMPREHENSION: Final = re.compile(r"\.<(listcomp|setcomp|dictcomp|genexpr)>")
"""A part of a function that some versions of Python profile as a function of its own."""

_KINDS: Final = (BudgetVerdict.EXCEEDED.value, RegressionVerdict.REGRESSED.value)


class Subject(enum.Enum):
    """The thing that a cause is; the value is the word before its name."""

    FUNCTION = ""
    SPAN = "component"
    STATEMENT = "query"


Sign = Blame | Growth | InstructionGrowth | InstructionRow | ComponentChange | Repeat | ProfileRow | BudgetResult
"""The part of a measurement's evidence that shows its cause."""


class SeenCause(NamedTuple):
    """The cause of a measurement's failure, and the evidence that shows it.

    Attributes:
        subject: the thing that the cause is.
        name: the name of the function or of the component, or the text of the statement.
        sign: the evidence.
        slower_ns: the measured slowdown that the evidence explains, in ns; None if the evidence is of no slowdown.
    """

    subject: Subject
    name: str
    sign: Sign
    slower_ns: float | None = None


@dataclass(frozen=True, slots=True)
class SharedCause:
    """A cause that several tests have in common.

    Attributes:
        subject: the thing that the cause is.
        name: the name of the function or of the component, or the text of the statement.
        measurements: the measurements that fail by the cause.
        seen: the cause and its evidence as each measurement shows them.
        file: the source file of the function, if several functions have the name; empty otherwise.
    """

    subject: Subject
    name: str
    measurements: Sequence[Measurement]
    seen: Sequence[SeenCause]
    file: str = ""

    @property
    def tests(self) -> list[str]:
        """The node ids of the tests."""
        return list(dict.fromkeys(one.nodeid for one in self.measurements))


def shared_causes(measurements: Iterable[Measurement], findings: Iterable[Finding]) -> list[SharedCause]:
    """Return the causes that two or more failing tests have in common, the cause of the most tests first.

    A measurement that may have several causes counts for the cause that most of the measurements have.

    Args:
        measurements: the measurements of the session.
        findings: the findings that fail tests, or would fail them.
    """
    failing = {one.id for one in findings if one.kind in _KINDS}
    seen = [(one, _distinct(causes_of(one))) for one in measurements if one.id in failing]
    namesakes = _namesakes(seen)
    keys = [(one, [(_key(one, cause, namesakes), cause) for cause in causes]) for one, causes in seen]
    numbers = Counter(key for _, causes in keys for key, _ in causes)
    groups: dict[_Key, list[tuple[Measurement, SeenCause]]] = {}
    for one, causes in keys:
        if causes:
            key, cause = max(causes, key=lambda found: numbers[found[0]])
            groups.setdefault(key, []).append((one, cause))
    found = [
        SharedCause(*key[:2], [one for one, _ in group], [cause for _, cause in group], key.file)
        for key, group in groups.items()
        if key.file or (key.subject, key.name) not in namesakes
    ]
    shared = [one for one in found if len(one.tests) >= _FEWEST_TESTS]
    return sorted(shared, key=lambda one: len(one.tests), reverse=True)


class _Key(NamedTuple):
    """The identity of a cause: modules of the same name in different folders may have functions of the same name."""

    subject: Subject
    name: str
    file: str


def _key(measurement: Measurement, cause: SeenCause, namesakes: Container[tuple[Subject, str]]) -> _Key:
    is_ambiguous = cause[:2] in namesakes
    return _Key(cause.subject, cause.name, _file_of(measurement, cause) if is_ambiguous else "")


def _namesakes(seen: Iterable[tuple[Measurement, Sequence[SeenCause]]]) -> set[tuple[Subject, str]]:
    """Return the causes that are functions of several files, by their subject and name."""
    files: dict[tuple[Subject, str], set[str]] = {}
    for one, causes in seen:
        for cause in causes:
            files.setdefault(cause[:2], set()).add(_file_of(one, cause))
    return {name for name, found in files.items() if len(found - {""}) > 1}


def _file_of(measurement: Measurement, cause: SeenCause) -> str:
    """Return the source file of the function that is a cause; empty if it is not known."""
    graphs = measurement.call_graphs
    return graphs.head.files.get(cause.name, "") if graphs is not None and cause.subject is Subject.FUNCTION else ""


def causes_of(measurement: Measurement) -> Iterator[SeenCause]:
    """Yield the causes that the evidence of a measurement's failure names, the most certain first.

    A comparison of two sides says more than the profile of one, so the latter counts only where nothing was compared.
    """
    regressed = [one for one in measurement.changes if one.verdict is RegressionVerdict.REGRESSED]
    compared = [cause for change in regressed for cause in _of_change(change)]
    yield from compared
    if not compared and not any(one.metric == TIME.name for one in regressed):
        for budget in measurement.budgets:
            if budget.verdict is BudgetVerdict.EXCEEDED:
                yield from _of_budget(budget, measurement)


def _distinct(causes: Iterable[SeenCause]) -> list[SeenCause]:
    """Return the causes, each with its first evidence."""
    found: dict[tuple[Subject, str], SeenCause] = {}
    for one in causes:
        found.setdefault(one[:2], one)
    return list(found.values())


def _of_change(change: RegressionResult) -> Iterator[SeenCause]:
    yield from _of_blame(change)
    compared = change.fitting_components
    if compared is not None:
        least_ns = _MOST_OF * compared.total.difference_ns
        for component in compared.components:
            if component.name and component.has_moved and component.difference_ns >= max(least_ns, 1.0):
                yield SeenCause(Subject.SPAN, component.name, component)
    for growth in change.grown[:1]:
        yield SeenCause(Subject.FUNCTION, growth.caller or growth.function, growth)
    for executed in change.executed[:1]:
        yield SeenCause(Subject.FUNCTION, executed.function, executed)


def _of_blame(change: RegressionResult) -> Iterator[SeenCause]:
    """Yield the functions whose code has caused a slowdown, and a function that most likely has.

    Where the same code as before takes longest, it may wait for a changed function that is not in its profiles: most
    likely, if no other was changed.
    """
    largest = max((one.gained_ns for one in change.blamed), default=0.0)
    is_known = change.before is not None and change.after is not None and change.unit == "ns"
    slower_ns = max((change.after or 0.0) - (change.before or 0.0), 0.0) if is_known else None
    changed = [one for one in change.blamed if one.cause is Cause.OTHER_CODE]
    awaited = changed if len(changed) == 1 and change.blamed[0].is_unchanged else []
    for blame in change.blamed:
        if blame.function and (blame.gained_ns >= _MOST_OF * largest or blame in awaited):
            yield SeenCause(Subject.FUNCTION, blame.function, blame, slower_ns)


def _of_budget(budget: BudgetResult, measurement: Measurement) -> Iterator[SeenCause]:
    for repeat in budget.repeats[:1]:
        if repeat.count > 1 and repeat.statement:
            yield SeenCause(Subject.STATEMENT, repeat.statement, repeat)
    if budget.span:
        yield SeenCause(Subject.SPAN, budget.span, budget)
        return
    for row in budget.instructions[:1]:
        if row.share >= _MOST_OF:
            yield SeenCause(Subject.FUNCTION, row.function, row)
    # A profile has wall times of a usual execution, and tells nothing of calls, of CPU time or of rare slow executions.
    is_usual = measurement.statistics.get("median", math.inf) > budget.limit
    if budget.unit == "ns" and not budget.metric.startswith("cpu") and is_usual:
        for profiled in measurement.profile[:1]:
            if profiled.share >= _MOST_OF:
                function = _COMPREHENSION.sub("", _PLACE.sub(r"\1", profiled.function))
                yield SeenCause(Subject.FUNCTION, function, profiled)

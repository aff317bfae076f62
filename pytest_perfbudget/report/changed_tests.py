"""The wording of a perf test that a pull request changes so that the test measures less, or other code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Final

from pytest_perfbudget.core.changed_tests import ChangedTest, PerfTestChange
from pytest_perfbudget.core.measurement import file_of
from pytest_perfbudget.core.metrics import METRICS, TIME
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.report.numbers import counted, quantity

_MOST_NAMED: Final = 3
_PLACE: Final = re.compile(r"(?<=') \([^()]*\)$")
"""The file at the end of an ImportError, which lies in a checkout that is gone."""


def changed_test_text(changed: ChangedTest, test: str, against: str) -> str:
    """Return the sentence about a changed test.

    Args:
        changed: the comparison with the base's own test.
        test: the node id.
        against: the base.
    """
    if changed.change is PerfTestChange.FOLLOWS_CODE:
        names = ", ".join(f"{old} -> {new}" for old, new in changed.renamed.items())
        return f"changed by names only, which the pull request changes in the code as well: {names}"
    if changed.is_unknown:
        reasons = ", and ".join(_PLACE.sub("", one) for one in changed.reasons)
        remedy = (
            "keep the old names and parameters, too, until the next pull request, or compare both versions of the "
            f"test: {_diff(changed, test, against)}"
        )
        return f"changed, and whether the test measures less is not known: {reasons} ({remedy})"
    code = f"the code of {against if changed.with_base is None else 'the pull request'}"
    if changed.numbers:
        parts = [f"{name or 'the test'} {_less(one)}" for name, one in changed.numbers]
        by = f"by {_names(changed.inputs, 'file')}, " if changed.inputs == changed.files and changed.inputs else ""
        return f"changed {by}so that the test measures less: with {code}, {', '.join(parts)}"
    parts = [
        f"{name or 'the test'} does not run {_names([*one.shares])} any more, {one.share:.0%} of its time before"
        for name, one in (changed.hiding or changed.replaced).items()
    ]
    told = f"changed so that the test measures other code: with {code}, {', '.join(parts)}"
    if changed.change is PerfTestChange.MEASURES_LESS and changed.is_incomparable:
        remedy = f"let the old code call the new, or compare both versions of the test: {_diff(changed, test, against)}"
        return f"{told}, and {against} does not run the changed test, so the numbers of both say nothing ({remedy})"
    return told


def _diff(changed: ChangedTest, test: str, against: str) -> str:
    """Return the command that shows how a test has changed: in its own file, a conftest.py, a helper or its data."""
    files = changed.files or [file_of(test)]
    return f"git diff {against}" + (f" -- {shlex.join(files)}" if len(files) <= _MOST_NAMED else "")


def _names(ones: Sequence[str], noun: str = "function") -> str:
    more = f" and {counted(len(ones) - _MOST_NAMED, f'other {noun}')}" if ones[_MOST_NAMED:] else ""
    return f"{', '.join(ones[:_MOST_NAMED])}{more}"


def _less(change: RegressionResult) -> str:
    before, after = (quantity(one or 0, change.unit) for one in (change.after, change.before))
    if change.metric == TIME.name:
        return f"takes {after} instead of {before}"
    return f"has {after} instead of {before} {METRICS[change.metric].words}"

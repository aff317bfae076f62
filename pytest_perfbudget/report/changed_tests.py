"""The wording of a perf test that a pull request changes so that the test measures less, or other code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_perfbudget.core.changed_tests import ReplacedCode
from pytest_perfbudget.core.metrics import METRICS, TIME
from pytest_perfbudget.core.results import RegressionResult
from pytest_perfbudget.report.numbers import counted, quantity

_MOST_NAMED: Final = 3
_NEW_NAME: Final = "import the new name within the test that needs it"


def measuring_less_text(found: Sequence[tuple[str, RegressionResult]], against: str) -> str:
    """Return the sentence about a changed test.

    Args:
        found: the numbers that are lower, or could not be compared; see `core.changed_tests.lower_numbers`.
        against: the base.
    """
    if reasons := [one.reason for _, one in found if one.verdict.is_unjudged]:
        unknown = f"the tests of both commits could not be compared with the code of {against}"
        # Only a new test needs what the base's code lacks; without that import, the other tests of the file run.
        is_import = any(one in reasons[0] for one in ("cannot import name", "No module named"))
        reason = f"{reasons[0]} ({_NEW_NAME})" if is_import else reasons[0]
        return f"changed, and whether the test measures less is not known, because {unknown}: {reason}"
    parts = [f"{name or 'the test'} {_less(one)}" for name, one in found]
    return f"changed so that the test measures less: with the code of {against}, {', '.join(parts)}"


def replaced_code_text(found: Mapping[str, ReplacedCode], against: str) -> str:
    """Return the sentence about a changed test that runs other code.

    Args:
        found: the functions that the test runs no more, by the name of the measurement.
        against: the base.
    """
    parts = [
        f"{name or 'the test'} does not run {_names([*one.shares])} any more, {one.share:.0%} of its time before"
        for name, one in found.items()
    ]
    return f"changed so that the test measures other code: with the code of {against}, {', '.join(parts)}"


def _names(functions: Sequence[str]) -> str:
    more = f" and {counted(len(functions) - _MOST_NAMED, 'other function')}" if functions[_MOST_NAMED:] else ""
    return f"{', '.join(functions[:_MOST_NAMED])}{more}"


def _less(change: RegressionResult) -> str:
    before, after = (quantity(one or 0, change.unit) for one in (change.after, change.before))
    if change.metric == TIME.name:
        return f"takes {after} instead of {before}"
    return f"has {after} instead of {before} {METRICS[change.metric].words}"

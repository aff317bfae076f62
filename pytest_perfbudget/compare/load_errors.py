"""The errors of loads in the processes of a comparison, which judge nothing themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pytest_perfbudget.compare.evidence import Evidence
from pytest_perfbudget.core.load.error_count import ErrorCount
from pytest_perfbudget.core.load_errors import exceeded_by
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetVerdict

_ELSEWHERE: Final = "the errors are those in the fresh processes of the comparison, and not in the session's own load"


def with_load_errors(measurement: Measurement, evidence: Evidence, alpha: float) -> Measurement:
    """Return a measurement whose limits on errors hold for the loads of the comparison's processes as well.

    Args:
        measurement: the measurement, judged by the session's own load.
        evidence: of its comparison.
        alpha: the probability of a false `exceeded`.
    """
    head = ErrorCount.together(one.head.load_errors for one in evidence.attempts)
    base = ErrorCount.together(one.base.load_errors for one in evidence.attempts)
    against = evidence.origin.against
    warnings = list(measurement.warnings)
    if exceeded_by(measurement.budgets, base, alpha):
        warnings.append(f"compared with a service that fails: in the processes of {against}, {base.text}")
    if not base.requests:  # a committed baseline keeps no errors; the session's own load has been judged
        against, base = "the session's own load", ErrorCount(measurement.rounds)
    judged = {(one.metric, one.source) for one in measurement.budgets if one.verdict is BudgetVerdict.EXCEEDED}
    exceeded = exceeded_by(measurement.budgets, head, alpha, base)
    found = [one for one in exceeded if (one.metric, one.source) not in judged]
    if not found:
        if head.failures and not exceeded and exceeded_by(measurement.budgets, head, alpha):
            warnings.append(
                f"in the fresh processes of the comparison, {head.text}: no more often than chance allows beside "
                f"{against}, where {base.failures:,} of {base.requests:,} failed"
            )
        return replace(measurement, warnings=warnings)
    broken = {(one.metric, one.source): replace(one, reason=_ELSEWHERE) for one in found}
    budgets = [broken.pop((one.metric, one.source), one) for one in measurement.budgets]
    errors = [*head.groups, *measurement.errors]
    return replace(measurement, budgets=[*budgets, *broken.values()], errors=errors, warnings=warnings)

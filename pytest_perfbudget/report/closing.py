"""The closing lines of a summary: the number of results by verdict, and the other side of the comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from pytest_perfbudget.core.decision import is_unsuspicious
from pytest_perfbudget.core.health import Cap, Health
from pytest_perfbudget.core.results import BudgetResult, RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import RunResult, SessionFacts, regression_tally
from pytest_perfbudget.report.numbers import counted, percent
from pytest_perfbudget.report.printable import printable
from pytest_perfbudget.report.regressions import UNSUSPICIOUS


def budgets_text(tally: Mapping[str, int], measurements: int) -> str:
    """Return the line that counts the budgets by verdict."""
    found = ", ".join(f"{count} {verdict}" for verdict, count in tally.items() if count)
    budgets = sum(tally.values())
    if not budgets:
        return f"{counted(measurements, 'measurement')}, no budget"
    return f"{counted(budgets, 'budget')} of {counted(measurements, 'measurement')}: {found}"


_MOST_COMPONENTS: Final = 5
"""The number of components that the line about health names, the sickest first."""


HEALTH_WORDS: Final = (
    "Health is the mean of the marks of budgets and comparisons, from 0 to 100, and at most 59 if a budget is exceeded "
    "or a number regressed. Apdex is the share of times within their limit, plus half the share of times up to four "
    "times the limit."
)
"""The meaning of the two scores, for a reader who sees them in a table."""


def score_text(health: Health) -> str:
    """Return the health of a session in short, with what caps it: `59 of 100, Apdex 0.97`."""
    apdex = "" if health.apdex is None else f", Apdex {health.apdex:.2f}"
    return f"{health.score} of 100{apdex}{_capped(health)}"


def health_text(health: Health) -> str:
    """Return the line about the health of a session, with the components if there are any, and with what caps it."""
    return f"{_scores_text(health)}{_capped(health)}"


def _capped(health: Health) -> str:
    """Return the reason why the health is lower than the components show; empty if they show it."""
    return "" if health.cap is None else f"; at most {health.score}, because {_CAPS[health.cap]}"


_CAPS: Final = {
    Cap.DRIFTED: "a number drifted above max_drift",
    Cap.INCOMPLETE: "the session ended early or failed for other reasons",
}


def _scores_text(health: Health) -> str:
    text = f"health {health.score} of 100"
    named = sorted((one for one in health.components if one.component), key=lambda one: (one.score, one.component))
    if not named:
        return text
    text += ": " + ", ".join(
        f"{printable(one.component, unicode=True)} {one.score}" for one in named[:_MOST_COMPONENTS]
    )
    rest = named[_MOST_COMPONENTS:]
    return f"{text}, {len(rest)} more from {rest[0].score} up" if rest else text


def changes_text(result: RunResult, against: str) -> str:
    """Return the line that counts the compared numbers by verdict; those that ask for nothing come last."""
    tally = regression_tally(result.measurements, len(result.missing))
    is_compared = any(count and not RegressionVerdict(name).is_unjudged for name, count in tally.items())
    calm = [change for one in result.measurements for change in one.changes if is_unsuspicious(one, change)]
    tally[RegressionVerdict.UNDECIDED.value] -= len(calm)
    tally[UNSUSPICIOUS] = len(calm)
    found = ", ".join(f"{count:,} {name}" for name, count in tally.items() if count) + _highest_text(calm)
    if found and not is_compared:
        found = f"nothing was compared ({found})"
    return f"against {against}: {found or 'nothing was compared'}"


def _highest_text(calm: Sequence[RegressionResult]) -> str:
    """Return how large a slowdown may be that nothing shows; empty if all are within their limits."""
    beyond = [one.upper for one in calm if one.upper is not None and one.upper > 1 + one.limit]
    return f" (a slowdown by up to {percent(max(beyond)).lstrip('+')} may be hidden)" if beyond else ""


def improved_text(result: RunResult) -> str:
    """Return the line that advises to keep a gain; empty if no number is faster than the baseline."""
    changes = [one for measurement in result.measurements for one in measurement.changes]
    is_better = any(one.verdict is RegressionVerdict.IMPROVED and not one.against for one in changes)
    if not is_better or result.update is not None:
        return ""
    return "update the baseline, else a later slowdown up to the old number passes: pytest --perf-update-baseline"


def others_text(number: int) -> str:
    """Return the line about measurements of the baseline that the session was not asked for."""
    return f"{counted(number, 'other measurement')} of the baseline: not selected or not collected"


def left_out_text(verdicts: Mapping[str, int]) -> str:
    """Return the line that stands in for the measurements that a short table leaves out."""
    found = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.items())
    return f"{counted(sum(verdicts.values()), 'more measurement')}: {found}; -v shows all"


_FAR_AWAY: Final = 0.1
"""If less than this share of each limit is used, the exact share does not matter to a reader."""


def further_limits_text(budgets: Sequence[BudgetResult]) -> str:
    """Return the line that stands in for budgets that hold and that the table leaves out."""
    most = max(budget.used or 0.0 for budget in budgets)
    used = f"under {100 * _FAR_AWAY:.0f} %" if most < _FAR_AWAY else f"within, at most {100 * most:.0f} %"
    metrics = ", ".join(dict.fromkeys(printable(budget.label, unicode=True) for budget in budgets))
    each = "all " if len(budgets) > 1 else ""
    return f"{counted(len(budgets), 'further limit')}, {each}{used} used: {metrics}"


MAXIMUM_MARK: Final = "*"
"""The mark of a percentile that is just the slowest round; see `core.metrics.is_just_maximum`."""


def mean_text() -> str:
    """Return the line that explains the mark of a mean."""
    return "~ is a mean: several calls were timed together"


def maximum_text() -> str:
    """Return the line that explains the mark of a percentile that is just the slowest round."""
    return f"{MAXIMUM_MARK} is the slowest round: too few rounds for the percentile"


UNSURE_MARK: Final = "?"
"""The mark of a change that no verdict vouches for."""


def unsure_text() -> str:
    """Return the line that explains the mark of a change that may be chance."""
    return f"{UNSURE_MARK} may be chance: undecided, or unconfirmed by fresh processes, or the test itself changed"


def fresh_text() -> str:
    """Return the line that explains why the number of a change is not the number of the session."""
    return "measured of a change: in fresh processes; p50 and p95: in this session"


def busy_machine_text(load: float, cpus: int) -> str:
    """Return the note on a machine that other processes kept busy during a comparison."""
    return (
        f"the machine was busy: {load:.1f} processes ran or waited for {counted(cpus, 'CPU')} in the last minute "
        "(load average): comparisons take longer then, and more of them stay undecided"
    )


def benchmarks_measured_text(tests: int) -> str:
    """Return the note that answers pytest-benchmark's warning that benchmarks are disabled under xdist."""
    beside = "it" if tests == 1 else "them"
    return f"pytest-benchmark measured {counted(tests, 'perf test')} under xdist: no other test ran beside {beside}"


def off_text(tests: int, because: str = "") -> str:
    """Return the line that stands in for the table if the gate is off.

    Args:
        tests: the number of perf tests that were executed.
        because: the reason, if the command line did not switch the gate off.
    """
    how = f"because {because}: {counted(tests, 'perf test')} untimed" if because else ""
    return f"performance budgets: off, {how or counted(tests, 'perf test') + ' ran once, untimed'}"


def session_text(session: SessionFacts) -> str:
    """Return the circumstances of a session in a line: the commit, the interpreter, the machine and the time."""
    dirty = " with uncommitted changes" if session.is_dirty else ""
    branch = f" on {session.branch}" if session.branch else ""
    python = f"{session.implementation} {session.python}".strip()
    # The profile of a machine names the minor version of Python, too.
    machine = ", ".join(one for one in session.machine.split(", ") if not python.startswith(f"{one}."))
    parts = [
        f"commit {session.commit}{branch}{dirty}" if session.commit else "",
        python,
        machine,
        session.started_at,
    ]
    return ", ".join(part for part in parts if part)


def folded_text(verdicts: Mapping[str, int]) -> str:
    """Return the line that stands for results that need no attention."""
    found = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.items())
    return f"{counted(sum(verdicts.values()), 'further result')}: {found}"


def too_long_text(shortened: Mapping[str, int], left_out: Mapping[str, int]) -> str:
    """Return the line at the end of a text that is too long.

    Args:
        shortened: the number of things without their details, by kind.
        left_out: the number of things that are left out, by kind.
    """
    parts = [f"{_listed(shortened)} without evidence"] if shortened else []
    parts += [f"{_listed(left_out)} left out"] if left_out else []
    return f"The text is too long: {'; '.join(parts)}. --perf-output report.json has all of them."


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(counted(count, kind) for kind, count in numbers.items())

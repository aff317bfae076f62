"""The wording of findings about budgets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from pytest_perfbudget.core.criteria.quantile import MOST_ROUNDS
from pytest_perfbudget.core.finding import NEAR_LIMIT, Case
from pytest_perfbudget.core.kinds import LOAD, TIMER
from pytest_perfbudget.core.loosening import OF_BASE
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import CAPACITY, ERROR_RATE, KEYWORDS, METRICS, SUCCESS_RATE, WALL, Direction
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict
from pytest_perfbudget.core.span_budgets import SPAN_KEYWORDS
from pytest_perfbudget.core.units import NS_PER
from pytest_perfbudget.report import capacity, loads, spans
from pytest_perfbudget.report.instructions import instruction_lines
from pytest_perfbudget.report.numbers import counted, quantity, share_text

_FAR = 0.8
"""An estimate that uses less than this share of its limit is not close to the limit."""

HELD: Final = (
    "The pull request loosens this limit, and the base's value holds. On your machine, perfbudget gate --policy head "
    "judges by the new limit."
)
_UPPER = (
    "exceeds",
    "Make the code cheaper, or raise the limit at the place that the failure names if the cost is intended.",
)
_LOWER = (
    "falls short of",
    "Make the code or the service faster, or lower the limit at the place that the failure names if less is enough.",
)


_NEVER: Final = (
    "A limit that its test never measures fails: measure the code, call pytest.skip() where there is nothing to "
    'measure, or allow it with unmeasured = "warn".'
)
_ERRORS = "Make the requests succeed, or allow more errors: max_error_rate or min_success_rate."


def wall_budgets(budgets: Iterable[BudgetResult]) -> list[BudgetResult]:
    """Return the budgets on the wall-clock times of a measurement's own rounds, without those on its spans."""
    return [one for one in budgets if one.metric in METRICS and METRICS[one.metric].series == WALL and not one.span]


def headline(case: Case, budget: BudgetResult) -> str:
    """Return the finding in one sentence."""
    if case.finding.kind == NEAR_LIMIT:
        of_limit = f"{share_text(budget.used or 0)} of {_limit(budget)}"
        return f"{budget.label} uses {_used(budget) if _is_success(budget) else of_limit}"
    if budget.verdict is BudgetVerdict.EXCEEDED:
        return _exceeded_text(case.measurement, budget)
    if budget.verdict is BudgetVerdict.UNDECIDED:
        return _undecided_text(case.measurement, budget)
    return f"{budget.label}: {budget.reason}"


def _undecided_text(measurement: Measurement, budget: BudgetResult) -> str:
    if budget.metric == CAPACITY.name:
        return capacity.undecided_text(measurement, budget)
    if budget.without_waits is not None:
        why = "undecided only because other processes held the CPU"
        return f"{budget.metric}: {why}: run the test again, or on a calmer machine"
    text = spans.undecided_text(measurement, budget) if budget.span else ""
    return text or undecided_reason(measurement, budget)


def _exceeded_text(measurement: Measurement, budget: BudgetResult) -> str:
    if budget.span:
        return spans.exceeded_text(measurement, budget)
    if not budget.limit or (_is_success(budget) and budget.used is None):
        failed = loads.failures_of(budget)
        return f"{counted(failed, 'request')} of {budget.rounds:,} failed, and no error is allowed"
    if budget.unit == "ns" and (budget.estimate or 0) <= budget.limit:
        return f"{budget.metric} exceeds its budget of {_limit(budget)}: no answer came within {_estimate(budget)}"
    verb = _words(budget)[0]
    own_ns = _own_time(measurement, budget)
    # The verdict holds for the code's own time, and only that is a reason to change the code.
    shown = budget if own_ns is None or own_ns <= budget.limit else replace(budget, estimate=own_ns)
    return f"{budget.metric} {_estimate(shown)} {verb} its budget of {_limit(budget)} ({_used(shown)})"


def evidence(case: Case, budget: BudgetResult, alpha: float) -> Iterator[str]:
    """Yield the numbers behind a finding.

    Args:
        case: the finding.
        budget: the result that it is about.
        alpha: the probability of a false `exceeded`.
    """
    if case.finding.kind == NEAR_LIMIT:
        return
    measurement = case.measurement
    if budget.verdict is BudgetVerdict.UNMEASURED:
        yield f"its budget is {_limit(budget)}"
    else:
        yield from _numbers(measurement, budget, alpha)
    yield f"limit {budget.keyword}={_written(budget)} from {budget.source}"
    if loads.depends_on_errors(budget, measurement):
        yield from loads.error_lines(measurement)
    if budget.verdict is not BudgetVerdict.EXCEEDED:
        return
    yield from spans.repeat_lines(budget)
    if measurement.spans is not None and budget.unit in ("ns", "spans", "%"):
        yield from spans.tree_lines(measurement.spans, spans.whole_of(measurement))
    if budget.unit == "ns" and not budget.span and measurement.load is not None:
        yield from loads.step_lines(budget, measurement.load)
    if budget.unit in ("ns", "calls") and not budget.span and measurement.profile:
        yield from profile_lines(measurement)
    yield from instruction_lines(budget.instructions)


def _numbers(measurement: Measurement, budget: BudgetResult, alpha: float) -> Iterator[str]:
    if budget.verdict is BudgetVerdict.UNDECIDED:
        yield f"{budget.label} {_estimate(budget)}, budget {_limit(budget)} ({_used(budget)})"
    amount = f"{rounds_text(budget, measurement)}{_spent(measurement, budget)}"
    yield f"{_interval(budget, alpha)}; {amount.removesuffix(',')}"
    if budget.without_waits is not None:
        own = quantity(budget.without_waits, budget.unit, beside=budget.limit)
        median = _own_median(measurement, budget.without_waits)
        yield f"{budget.label} without the time in which the rounds waited for a CPU: {own}{median}"
    elif (own_ns := _own_time(measurement, budget)) is not None:
        yield _waits_text(measurement, budget, own_ns)
    if budget.reason:
        yield budget.reason


def _waits_text(measurement: Measurement, budget: BudgetResult, own_ns: float) -> str:
    """Return the time that the headline does not have: with the waits for a CPU, or without them."""
    if own_ns > budget.limit:
        return f"{_estimate(budget)} with the time in which other processes held the CPU: the machine was busy"
    own = quantity(own_ns, budget.unit, beside=budget.limit)
    return f"{own} without the time in which other processes held the CPU{_own_median(measurement, own_ns)}"


def _own_median(measurement: Measurement, own_ns: float) -> str:
    """Return the median without the waits for a CPU, where the median with waits lies above another such number."""
    own = (measurement.without_waits or {}).get("median")
    return f" (median {quantity(own, 'ns')})" if own is not None and own_ns < measurement.statistics["median"] else ""


def _own_time(measurement: Measurement, budget: BudgetResult) -> float | None:
    """Return the time of an exceeded budget without the waits for a CPU; None if it is not known or hardly smaller."""
    is_exceeded = budget.verdict is BudgetVerdict.EXCEEDED
    own_ns = (measurement.without_waits or {}).get(budget.metric) if is_exceeded and wall_budgets([budget]) else None
    return own_ns if own_ns is not None and own_ns < _FAR * (budget.estimate or 0) else None


def remedy(budget: BudgetResult, *, is_failure: bool) -> str:
    """Return the remedy for a finding; empty if there is none."""
    if budget.verdict is BudgetVerdict.EXCEEDED:
        if budget.source.endswith(OF_BASE):
            return HELD
        if budget.repeats:
            return spans.fewer_text(budget)
        return _ERRORS if budget.metric in (ERROR_RATE.name, SUCCESS_RATE.name) else _words(budget)[1]
    if budget.is_required:
        return _NEVER
    if is_failure:
        return "A budget that is not judged fails because of --perf-strict (or strict = true)."
    return ""


def profile_lines(measurement: Measurement) -> Iterator[str]:
    """Yield the functions that take the time of a measurement, from one profiled call."""
    name = f" of {measurement.name}" if measurement.name else ""
    yield f"Where the time goes, in one profiled call{name}, without the functions that each calls:"
    for row in measurement.profile:
        yield f"  {row.share:4.0%}  {counted(row.calls, 'call')} of {row.function}"


def rounds_text(budget: BudgetResult, measurement: Measurement) -> str:
    """Return the amount of data behind a number: `72 rounds`, `2 untimed passes`, `12 alternating quads of blocks`."""
    count = budget.rounds
    if budget.span:
        return spans.amount_text(measurement, budget)
    if budget.metric == CAPACITY.name:
        return counted(count, "probe")
    if _is_counted(budget):
        return counted(count, "untimed pass", "es")
    if measurement.kind.sample == "quad":
        return f"{count} alternating quads of blocks"
    text = f"{count:,} {measurement.kind.sample}" + ("s" if count != 1 else "")
    if budget.effective is not None:
        independent = round(min(budget.effective, count))
        # The requests of a load without an error, or of a fast load, may be independent of each other.
        return f"{text}, which say as much as {independent:,} independent requests," if independent < count else text
    return text if measurement.iterations == 1 else f"{text} of {measurement.iterations} calls"


def undecided_reason(measurement: Measurement, budget: BudgetResult) -> str:
    """Return the reason why a budget is undecided, and the remedy."""
    metric, needs, had, kind = budget.metric, budget.needs_rounds, budget.rounds, measurement.kind
    is_over = (budget.used or 0) > 1
    if kind is LOAD:
        ended_early = "" if measurement.load is None else measurement.load.ended_early
        amount = rounds_text(budget, measurement)
        return loads.undecided_text(budget, amount, _written(budget), measurement.errors, ended_early)
    if needs and had < needs:
        above = f", and the estimate lies {_wrong_side(budget)} the limit" if is_over else ""
        text = f"{metric} needs {needs} {kind.sample}s, had {had}{above}"
        if kind.more_samples != "raise max_time":
            return f"{text}: {kind.more_samples}"
        each_ns = measurement.elapsed_ns / max(measurement.rounds, 1)
        return f"{text}; that takes at least {quantity(each_ns * needs, 'ns')}: {kind.more_samples}{_instead(budget)}"
    if (budget.used or 0) < _FAR and kind.sample == "round":
        return (
            f"{metric}: some rounds lay {_wrong_side(budget)} the limit, too many for {had} rounds: {kind.more_samples}"
        )
    if (budget.used or 0) > 1 / _FAR and kind.sample == "round":
        return f"{metric}: {had} rounds are too few to be sure that the limit is exceeded: {kind.more_samples}"
    side = _wrong_side(budget) if is_over else _right_side(budget)
    more = "" if had >= MOST_ROUNDS else ", or raise max_time"
    return f"{metric}: too close to call, the estimate lies {side} the limit: move the limit away{more}"


def _instead(budget: BudgetResult) -> str:
    """Return a hint at budgets on the same time that need fewer rounds."""
    unit = budget.keyword.rpartition("_")[2]
    prefix = "cpu_" if budget.keyword.startswith("cpu_") else ""
    return f", or budget {prefix}median_{unit} or {prefix}max_{unit}" if unit in NS_PER else ""


def _interval(budget: BudgetResult, alpha: float) -> str:
    if budget.metric == CAPACITY.name:
        return capacity.interval_text(budget)
    if budget.needs_rounds is None:  # nothing is inferred from an extreme or a count
        return "as observed"
    if budget.metric in loads.OF_ERRORS and budget.verdict is BudgetVerdict.EXCEEDED:
        return loads.too_many_text(budget, alpha)
    unit, metric = budget.unit, budget.label
    is_upper = budget.direction is Direction.LOWER
    decisive = budget.lower if is_upper else budget.upper
    if budget.verdict is BudgetVerdict.EXCEEDED and decisive is not None:
        bound = quantity(decisive, unit, beside=budget.limit)
        return f"{metric} lies {_wrong_side(budget)} {bound} ({100 * (1 - alpha):.3g} % sure)"
    if budget.lower is None and budget.upper is None:
        return "too few rounds for a bound"
    lower = quantity(budget.lower or 0.0, unit)
    between = f"lies between {lower} and {quantity(budget.upper or 0.0, unit)}"
    return f"{metric} {between if budget.upper is not None else f'lies above {lower}'}"


def _words(budget: BudgetResult) -> tuple[str, str]:
    return _UPPER if budget.direction is Direction.LOWER else _LOWER


def _wrong_side(budget: BudgetResult) -> str:
    return "above" if budget.direction is Direction.LOWER else "below"


def _right_side(budget: BudgetResult) -> str:
    return "below" if budget.direction is Direction.LOWER else "above"


def _is_counted(budget: BudgetResult) -> bool:
    metric = METRICS.get(budget.metric)
    return metric is not None and metric.is_counted and metric.name != "ratio"


def _spent(measurement: Measurement, budget: BudgetResult) -> str:
    if budget.span and measurement.kind not in (LOAD, TIMER):  # the spans are those of further rounds
        return ""
    return "" if _is_counted(budget) else f" in {quantity(measurement.elapsed_ns, 'ns')}"


def _written(budget: BudgetResult) -> str:
    known = SPAN_KEYWORDS if budget.span else KEYWORDS
    factor = known[budget.keyword][1] if budget.keyword in known else 1
    return f"{budget.limit / factor:g}"


def _limit(budget: BudgetResult) -> str:
    return quantity(budget.limit, budget.unit, beside=budget.estimate)


def _estimate(budget: BudgetResult) -> str:
    return quantity(budget.estimate or 0, budget.unit, beside=budget.limit)


def _used(budget: BudgetResult) -> str:
    """Return the estimate as a share of the limit, and of a rate of success the failures as a share of the allowed."""
    if _is_success(budget):
        text = share_text(budget.used or 0)
        return f"{text} of the allowed errors" if text.endswith("%") else f"{text} the allowed errors"
    if budget.direction is Direction.HIGHER and budget.limit:
        return f"{share_text((budget.estimate or 0) / budget.limit)} of it"
    return share_text(budget.used or 0)


def _is_success(budget: BudgetResult) -> bool:
    return budget.metric == SUCCESS_RATE.name

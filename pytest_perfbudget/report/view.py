"""All wording and rounding: what a verdict is called and how a number is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_perfbudget.core.budgets import KEYWORDS, STATISTICS, Resource
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.criteria.quantile import MOST_ROUNDS
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, Measurement
from pytest_perfbudget.core.units import BYTES_PER_MB, NS_PER

_FAR_BELOW = 0.8
"""An estimate below this share of its limit is not close to it."""

_METRICS = [prefix + name for prefix in ("", "cpu_") for name in STATISTICS]


def statistics_order(statistics: Mapping[str, float]) -> dict[str, float]:
    """Return the statistics from the smallest to the largest, wall-clock time first."""
    order = [*(name for name in _METRICS if name in statistics), *statistics]
    return {name: statistics[name] for name in dict.fromkeys(order)}


def three_digits(value: float) -> str:
    """Return a number with three significant digits, without an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits and value == int(value) else f"{value:.{digits}f}"


def quantity(value: float, unit: str) -> str:
    """Return a value in base units as people read it: `1.84 ms`, `64.2 MB`, `201`, `0.48x`."""
    if unit == "ns":
        for name in ("s", "ms", "us"):
            if value >= NS_PER[name]:
                return f"{three_digits(value / NS_PER[name])} {name}"
        return f"{three_digits(value)} ns"
    if unit == "bytes":
        if value >= BYTES_PER_MB / 10:
            return f"{three_digits(value / BYTES_PER_MB)} MB"
        return f"{three_digits(value / 1000)} kB"
    if unit == "calls":
        return f"{value:,.0f}"
    return f"{three_digits(value)}x"


def share_text(share: float) -> str:
    """Return a share of a limit: `38%`, `100.4%` where rounding would hide the side, `6.5x`."""
    if share >= 2:
        return f"{three_digits(share)}x"
    return f"{share:.1%}" if 0.99 < share < 1.01 and share != 1 else f"{share:.0%}"


def rounds_text(judgement: BudgetResult, measurement: Measurement) -> str:
    """Return what a number rests on: `72 rounds`, `2 passes`, `12 quads of blocks`."""
    count = judgement.rounds
    if judgement.metric in (Resource.PEAK.value, Resource.CALLS.value):
        return f"{count} untimed pass" + ("es" if count != 1 else "")
    if measurement.kind == "ratio":
        return f"{count} alternating quads of blocks"
    text = f"{count:,} round" + ("s" if count != 1 else "")
    return text if measurement.iterations == 1 else f"{text} of {measurement.iterations} calls"


def is_red(verdict: BudgetVerdict, *, strict: bool) -> bool:
    """Return whether a verdict fails its test."""
    return verdict is BudgetVerdict.EXCEEDED or (strict and verdict is not BudgetVerdict.WITHIN)


def failure_text(measurements: Iterable[Measurement], *, strict: bool, errors: Errors) -> str:
    """Return why a test fails, a paragraph per budget and then what to do; empty if it does not."""
    red = [
        (measurement, judgement)
        for measurement in measurements
        for judgement in measurement.judgements
        if is_red(judgement.verdict, strict=strict)
    ]
    paragraphs = ["\n  ".join(_paragraph(*pair, errors)) for pair in red]
    if any(judgement.verdict is BudgetVerdict.EXCEEDED for _, judgement in red):
        paragraphs.append("Make it cheaper, or raise the limit where it stands if the cost is meant.")
        slow = {measurement.id: measurement for measurement, judgement in red if _is_slow(judgement)}
        paragraphs += [profile_text(measurement) for measurement in slow.values() if measurement.profile]
    if any(judgement.verdict is not BudgetVerdict.EXCEEDED for _, judgement in red):
        paragraphs.append("A budget that is not judged fails because of --perf-strict (or strict = true).")
    return "\n".join(paragraphs)


def _is_slow(judgement: BudgetResult) -> bool:
    return judgement.verdict is BudgetVerdict.EXCEEDED and judgement.unit in ("ns", "calls")


def profile_text(measurement: Measurement) -> str:
    """Return where the time of a measurement goes, from one profiled call."""
    name = f" of {measurement.name}" if measurement.name else ""
    lines = [
        f"  {share:4.0%}  {counted(calls, 'call')} of {function}" for function, calls, share in measurement.profile
    ]
    return "\n".join([f"Where the time goes, in one profiled call{name}, without what a function calls:", *lines])


def _paragraph(measurement: Measurement, judgement: BudgetResult, errors: Errors) -> Iterator[str]:
    what = f"{measurement.name}: {judgement.metric}" if measurement.name else judgement.metric
    limit = quantity(judgement.limit, judgement.unit)
    estimate = quantity(judgement.estimate or 0, judgement.unit)
    if judgement.verdict is BudgetVerdict.UNMEASURED:
        yield f"{what} was not measured, its budget is {limit}"
        yield judgement.reason
    else:
        verb = "exceeds" if judgement.verdict is BudgetVerdict.EXCEEDED else "is undecided against"
        yield f"{what} {estimate} {verb} its budget of {limit} ({share_text(judgement.used or 0)})"
        yield f"{_interval(judgement, errors)}; {rounds_text(judgement, measurement)}{_spent(measurement, judgement)}"
    if judgement.verdict is BudgetVerdict.UNDECIDED:
        yield undecided_reason(measurement, judgement)
    yield f"limit {judgement.keyword}={_written(judgement)} from {judgement.source}"


def _interval(judgement: BudgetResult, errors: Errors) -> str:
    unit = judgement.unit
    if judgement.needs_rounds is None:  # an extreme or a count: no inference
        return "as observed"
    if judgement.verdict is BudgetVerdict.EXCEEDED and judgement.lower is not None:
        confidence = 100 * (1 - errors.exceeded)
        return f"{judgement.metric} lies above {quantity(judgement.lower, unit)} ({confidence:.3g} % sure)"
    if judgement.lower is None and judgement.upper is None:
        return "too few rounds for a bound"
    if judgement.upper is None:
        return f"{judgement.metric} lies above {quantity(judgement.lower or 0.0, unit)}"
    lower = quantity(judgement.lower or 0.0, unit)
    return f"{judgement.metric} lies between {lower} and {quantity(judgement.upper, unit)}"


def _spent(measurement: Measurement, judgement: BudgetResult) -> str:
    counted = judgement.metric in (Resource.PEAK.value, Resource.CALLS.value)
    return "" if counted else f" in {quantity(measurement.elapsed_ns, 'ns')}"


def _written(judgement: BudgetResult) -> str:
    factor = KEYWORDS[judgement.keyword][1] if judgement.keyword in KEYWORDS else 1
    return f"{judgement.limit / factor:g}"


def undecided_reason(measurement: Measurement, judgement: BudgetResult) -> str:
    """Return what would decide an undecided budget."""
    metric, needs, had = judgement.metric, judgement.needs_rounds, judgement.rounds
    if needs and had < needs:
        each_ns = measurement.elapsed_ns / max(measurement.rounds, 1)
        what = "quads" if measurement.kind == "ratio" else "rounds"
        above = ", and the estimate lies above the limit" if (judgement.used or 0) > 1 else ""
        text = f"{metric} needs {needs} {what}, had {had}{above}"
        if measurement.kind == "timer":
            return f"{text}: loop the timer"
        if measurement.kind == "benchmark":
            return f"{text}: raise pytest-benchmark's min_rounds or max_time"
        unit = judgement.keyword.rpartition("_")[2]
        kind = "cpu_" if judgement.keyword.startswith("cpu_") else ""
        instead = f", or budget {kind}median_{unit} or {kind}max_{unit}" if unit in NS_PER else ""
        return f"{text}; that takes at least {quantity(each_ns * needs, 'ns')}: raise max_time{instead}"
    if (judgement.used or 0) < _FAR_BELOW and measurement.kind != "ratio":
        remedies = {"timer": "loop the timer more often", "benchmark": "raise pytest-benchmark's min_rounds"}
        remedy = remedies.get(measurement.kind, "raise max_time")
        return f"some rounds lay above the limit, too many for {had}: {remedy}"
    side = "below" if (judgement.used or 0) <= 1 else "above"
    more = "" if had >= MOST_ROUNDS else ", or raise max_time"
    return f"too close to call, the estimate lies {side} the limit: move the limit away from it{more}"


def notes(measurements: Iterable[Measurement], warn_at: float) -> Iterator[str]:
    """Yield a line for everything that a reader of the table should know, the pressing first."""
    lines: dict[BudgetVerdict, list[str]] = {verdict: [] for verdict in BudgetVerdict}
    for measurement in measurements:
        for judgement in measurement.judgements:
            prefix = f"{judgement.verdict.value}: {measurement.id} {judgement.metric}"
            if judgement.verdict is BudgetVerdict.UNDECIDED:
                lines[judgement.verdict].append(f"{prefix}: {undecided_reason(measurement, judgement)}")
            elif judgement.verdict is BudgetVerdict.UNMEASURED:
                lines[judgement.verdict].append(f"{prefix}: {judgement.reason}")
            elif judgement.verdict is BudgetVerdict.WITHIN and is_near(judgement, warn_at):
                used = share_text(judgement.used or 0)
                limit = quantity(judgement.limit, judgement.unit)
                near = f"near its limit: {measurement.id} {judgement.metric} uses {used} of {limit}"
                lines[judgement.verdict].append(near)
        lines[BudgetVerdict.WITHIN] += [f"note: {measurement.id}: {warning}" for warning in measurement.warnings]
    for found in lines.values():
        yield from found


def is_near(judgement: BudgetResult, warn_at: float) -> bool:
    """Return whether a budget that holds is used up to the share from which the report warns.

    A number of calls is exact, and limits are set to it: that is not near.
    """
    if judgement.metric == Resource.CALLS.value:
        return False
    return judgement.used is not None and judgement.used >= warn_at


def counts_text(tally: Mapping[str, int], measurements: Sequence[Measurement]) -> str:
    """Return the closing line of the summary."""
    found = ", ".join(f"{count} {verdict}" for verdict, count in tally.items() if count)
    budgets, number = sum(tally.values()), len(measurements)
    if not budgets:
        return f"{counted(number, 'measurement')}, no budget"
    return f"{counted(budgets, 'budget')} of {counted(number, 'measurement')}: {found}"


def off_text(tests: int) -> str:
    """Return the line that stands in for the table where the gate is off."""
    return f"performance budgets: off, {counted(tests, 'perf test')} ran once, untimed"


def left_out_text(budgets: int) -> str:
    """Return the line that stands in for the rows a short table leaves out."""
    return f"{counted(budgets, 'more row')}: well within, or without a budget; -v shows all"


def counted(number: int, what: str, plural: str = "s") -> str:
    """Return a number of things: `1 call`, `2 calls`."""
    return f"{number} {what}{plural if number != 1 else ''}"


def progress_text(rounds: int, spent_ns: int, allowed_ns: int) -> str:
    """Return the note that is shown while a measurement takes long."""
    return f"perf: {rounds:,} rounds, {spent_ns / 1e9:.1f} of {allowed_ns / 1e9:.3g} s"

"""The merging of sessions that each ran a part of a suite, so that they give the verdicts of one session.

A session shares its alpha among its tests. The parts together have more tests than each part, so each number is judged
again, at its share of the alpha of all. No number can become worse by that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pytest_perfbudget.core.decision import has_numbers
from pytest_perfbudget.core.finding import Finding
from pytest_perfbudget.core.measurement import Measurement, measurement_id
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.run_result import BASELINE, NO_TESTS, ComparedWith, RunResult, SessionFacts
from pytest_perfbudget.core.slowdown import rejudged

_FAILED: Final = 1
_ENDED_EARLY: Final = {
    2: "was interrupted",
    3: "ended by an internal error",
    4: "ended by an error of its options or files",
}
"""The exit statuses of pytest after which a part may lack tests."""


class MergeError(ValueError):
    """Sessions that are no parts of one session."""


def merge(parts: Mapping[str, RunResult]) -> RunResult:
    """Return the result of the session whose parts these are, without findings, which depend on the merged verdicts.

    Args:
        parts: the results by name, at least one; errors name the parts.

    Raises:
        MergeError: the parts have different settings or commits or the same measurement, a part ended early, or a
            part was not compared with the commit that the others were compared with.
    """
    _check(parts)
    results = list(parts.values())
    is_compared = any(one.compared_with is not None for one in results)
    uncompared = {one.id for result in results for one in _uncompared(result) if is_compared}
    shares = [_sharing(one) for one in results]
    total = max(1, sum(shares))
    measurements = [
        _new(one) if one.id in uncompared else _rejudged(one, max(1, share) / total)
        for result, share in zip(results, shares, strict=True)
        for one in result.measurements
    ]
    made = {(one.nodeid, one.name) for one in measurements}
    tests = {one.nodeid for one in measurements}
    missing = {(one.test, one.name): one for result in results for one in result.missing}
    return RunResult(
        _facts([one.session for one in results], _exit_status(results), {test for test, _ in made}),
        _compared([one.compared_with for one in results], made, total),
        measurements,
        (),
        [one for place, one in missing.items() if place not in made and not (place[1] == "" and place[0] in tests)],
        next((one.update for one in results if one.update is not None), None),
    )


def doubts(parts: Mapping[str, RunResult], merged: RunResult) -> Iterator[str]:
    """Yield a line for each thing about the parts of a merged result that a reader should know."""
    machines: dict[str, str] = {}
    for name, one in parts.items():
        if one.session.machine:
            machines.setdefault(one.session.machine, name)
    if len(machines) > 1:
        where = "; ".join(f"{name}: {machine}" for machine, name in machines.items())
        yield f"the parts were measured on {len(machines)} machines, each against its own baseline: {where}"
    if merged.session.missing_parts:
        yield _absent_text(merged.session)
    if empty := [name for name, one in parts.items() if not one.measurements]:
        yield f"{', '.join(empty)}: no measurement in {'this part' if len(empty) == 1 else 'these parts'}"
    for name, one in parts.items():
        if number := one.session.other_failures:
            yield f"{name}: {number:,} {'test' if number == 1 else 'tests'} failed, not by a budget or a comparison"
        elif _fails_otherwise(one):
            yield f"{name}: the session failed, not by a test (exit status {one.session.exit_status})"
    if merged.compared_with is not None:
        yield from _doubts_of_comparison(parts, merged.compared_with)


def _doubts_of_comparison(parts: Mapping[str, RunResult], compared: ComparedWith) -> Iterator[str]:
    for name, one in parts.items():
        if number := len(_uncompared(one)):
            lacking = f"{number:,} {'measurement' if number == 1 else 'measurements'}"
            yield f"{name}: not compared with {compared.against}: no baseline for {lacking}"
    if others := compared.others:
        first = measurement_id(*others[0])
        more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
        yield f"no part ran what {compared.against} has: {first}{more}: is a report left out?"


def _check(parts: Mapping[str, RunResult]) -> None:
    for name, result in parts.items():
        if (how := _ENDED_EARLY.get(result.session.exit_status)) is not None:
            message = (
                f"{name} is of a session that {how} (exit status {result.session.exit_status}): run this part again"
            )
            raise MergeError(message)
        if result.session.is_unfinished:
            message = f"{name} is of a session that ended before its last test{_lost(result)}: run this part again"
            raise MergeError(message)
    (first, reference), *others = parts.items()
    for name, result in others:
        for what, own, other in zip(_SAME, _same(reference), _same(result), strict=True):
            if own != other and None not in (own, other):
                message = (
                    f"{first} and {name} are no parts of one session: {what} is {own!r} in one, {other!r} in the other"
                )
                raise MergeError(message)
    _check_comparison(parts)
    seen: dict[str, str] = {}
    for name, result in parts.items():
        for one in result.measurements:
            if one.id in seen:
                message = f"{seen[one.id]} and {name} both have {one.id}: give each test to one part only"
                raise MergeError(message)
            seen |= {one.id: name}


def _check_comparison(parts: Mapping[str, RunResult]) -> None:
    """Refuse a part that another run with the same options can compare; a lost baseline is a doubt only."""
    compared = {name: one.compared_with.against for name, one in parts.items() if one.compared_with is not None}
    other = next((name for name, against in compared.items() if against != BASELINE and parts[name].measurements), None)
    for name, result in parts.items():
        if other is not None and _uncompared(result):
            against = compared[other]
            message = f"{name} was not compared with {against}, and {other} was: run this part with the same comparison"
            raise MergeError(message)


def _uncompared(part: RunResult) -> list[Measurement]:
    """Return the measurements that the session of a part could have compared, if the session compared nothing."""
    is_updated = part.update is not None and not part.update.problem
    if part.compared_with is not None or is_updated:
        return []
    return [one for one in part.measurements if has_numbers(one) and one.max_regression is not None]


def _new(measurement: Measurement) -> Measurement:
    """Return a measurement that has no baseline, in a result that is compared with the baseline."""
    lacking = RegressionResult(TIME.name, RegressionVerdict.NEW, reason="this part was not compared with the baseline")
    return replace(measurement, changes=[*measurement.changes, lacking])


def _absent(sessions: Sequence[SessionFacts]) -> list[int]:
    """Return the parts that are missing; none if a session does not know which part it ran."""
    total = sessions[0].parts
    absent = set() if total is None else {*range(1, total + 1)}
    for one in sessions:
        if one.part is None:  # a merged session, or a session that does not know its part
            absent &= {*one.missing_parts}
    return sorted(absent - {one.part for one in sessions})


def _absent_text(merged: SessionFacts) -> str:
    absent, total = [str(one) for one in merged.missing_parts], merged.parts
    if len(absent) == 1:
        return f"part {absent[0]} of {total} is missing: the verdict is on the other parts only"
    return f"parts {', '.join(absent[:-1])} and {absent[-1]} of {total} are missing: the verdict is on the others only"


def _lost(result: RunResult) -> str:
    number = result.session.not_run
    return f" ({number:,} {'perf test' if number == 1 else 'perf tests'} did not run)" if number else ""


_SAME = (
    "the number of parts",
    "commit",
    "gate",
    "strict",
    "require",
    "alpha",
    "confidence",
    "warn_at",
    "the other side of the comparison",
)


def _same(result: RunResult) -> tuple[object, ...]:
    facts, compared = result.session, result.compared_with
    against = compared.against if compared is not None and result.measurements else None
    parts, same = facts.parts, (facts.commit, facts.gate, facts.strict, facts.require)
    return parts, *same, facts.alpha, facts.confidence, facts.warn_at, against


def _sharing(result: RunResult) -> int:
    return 0 if result.compared_with is None else result.compared_with.sharing


def _rejudged(measurement: Measurement, share: float) -> Measurement:
    return replace(measurement, changes=[_at(one, share) for one in measurement.changes])


def _at(change: RegressionResult, share: float) -> RegressionResult:
    if change.metric != TIME.name or change.alpha is None:
        return change
    return rejudged(change, change.alpha * share)


def _compared(others: Sequence[ComparedWith | None], made: set[tuple[str, str]], sharing: int) -> ComparedWith | None:
    known = [one for one in others if one is not None]
    if not known:
        return None
    # What one part was not asked for, another part may have measured.
    left_out = Counter(tuple(place) for one in known for place in one.others)
    nobodys = [place for place, times in left_out.items() if times == len(known) and place not in made]
    remarks = dict.fromkeys(one.remark for one in known if one.remark)
    return ComparedWith(known[0].against, " ".join(remarks), [(test, name) for test, name in nobodys], sharing)


def _facts(parts: Sequence[SessionFacts], exit_status: int, measured: Collection[str]) -> SessionFacts:
    """Return the facts that all parts have in common; a fact in which they differ becomes empty."""
    common: dict[str, Any] = {
        name: getattr(parts[0], name) if len({str(getattr(one, name)) for one in parts}) == 1 else empty
        for name, empty in (
            ("versions", {}), ("python", ""), ("implementation", ""), ("machine_key", ""), ("machine", ""),
            ("cpus", None), ("part", None), ("parts", None), ("branch", ""), ("folder", ""), ("max_time_ns", 0),
        )
    }  # fmt: skip
    notes = [*dict.fromkeys(note for one in parts for note in one.notes)]
    started_at, duration_s = _period(parts)
    return replace(
        parts[0],
        **common,
        started_at=started_at,
        duration_s=duration_s,
        exit_status=exit_status,
        perf_tests=_sum(one.perf_tests for one in parts),
        not_run=_sum(one.not_run for one in parts),
        missing_parts=_absent(parts),
        left_out=_left_out(parts, measured),
        other_failures=sum(one.other_failures for one in parts),
        other_failed=[name for one in parts for name in one.other_failed],
        workers=sum(one.workers for one in parts),
        is_dirty=any(one.is_dirty for one in parts),
        notes=notes,
    )


def _left_out(parts: Sequence[SessionFacts], measured: Collection[str]) -> list[str] | None:
    """Return the perf tests that a part left out and no part measured; None if a part does not know its own."""
    known = [one.left_out for one in parts if one.left_out is not None]
    if len(known) < len(parts):
        return None
    return [test for test in dict.fromkeys(test for one in known for test in one) if test not in measured]


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Return the sum of numbers; None if a number is not known."""
    found = list(numbers)
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


def _exit_status(parts: Sequence[RunResult]) -> int:
    """Return the exit status without the merged findings; no part has tests if all statuses are 5."""
    if any(_fails_otherwise(one) for one in parts):
        return _FAILED
    return NO_TESTS if all(one.session.exit_status == NO_TESTS for one in parts) else 0


def _fails_otherwise(part: RunResult) -> bool:
    """Return whether a part failed by something other than its findings, which are judged again."""
    return part.session.other_failures > 0 or part.fails_otherwise or any(one.is_pending for one in part.measurements)


def with_notes(merged: RunResult, notes: Iterable[str]) -> RunResult:
    """Return a merged result with further notes on its session, so that every report has them."""
    return replace(merged, session=replace(merged.session, notes=[*merged.session.notes, *notes]))


def with_findings(merged: RunResult, findings: Sequence[Finding]) -> RunResult:
    """Return a merged result with its findings, and with the exit status that one session would have had."""
    status = _FAILED if any(one.is_failure for one in findings) else merged.session.exit_status
    return replace(merged, findings=findings, session=replace(merged.session, exit_status=status))


def _period(parts: Sequence[SessionFacts]) -> tuple[str, float]:
    """Return the start of the first part, and the time in s until the end of the last."""
    try:
        starts = [datetime.fromisoformat(one.started_at) for one in parts]
    except ValueError:  # a part does not say when it began
        return "", sum(one.duration_s for one in parts)
    ends = [start + timedelta(seconds=one.duration_s) for start, one in zip(starts, parts, strict=True)]
    return min(starts).isoformat(), round((max(ends) - min(starts)).total_seconds(), 3)

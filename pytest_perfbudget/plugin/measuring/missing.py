"""The measurements and budgets that a test should have measured, and has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pytest_perfbudget.core.kinds import NONE, RATIO
from pytest_perfbudget.core.limits import Limits
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.plugin.collection.kind import PerfTestKind, nothing_measured
from pytest_perfbudget.plugin.collection.markers import marker_place
from pytest_perfbudget.plugin.measuring.never_judged import refuse_name
from pytest_perfbudget.plugin.measuring.protocols import MeasuringRun


def add_missing(
    run: MeasuringRun, kind: PerfTestKind, limits: Sequence[Limits], raised: Iterable[tuple[str, Limits, bool]]
) -> None:
    """Add a measurement without numbers for each measurement and each budget that the test should have made.

    A limit whose number the test never takes fails the test, unless another plugin or a limit of many tests is the
    cause: the test would pass however slow the code is.

    Args:
        run: the run of the test, which has passed.
        kind: the kind of the test.
        limits: the limits of the test's markers.
        raised: the measurements whose code raised, see `BegunMeasurements.raised`.
    """
    found = run.kept.found
    for name, call, is_measured_again in raised:
        _miss(run, name, "the measured code raised", call, is_compared=True, is_required=not is_measured_again)
    names = {measurement.name: None for measurement in found}
    nothing = nothing_measured(run.item, kind)
    never = not names and kind is not PerfTestKind.FOREIGN
    if not names and nothing:
        _miss(run, "", nothing, is_compared=True, is_required=never)
    elif found and all(one.kind is RATIO for one in found):
        _miss(run, "", f"{RATIO.why_not}: measure a function with perf(...) for it", only_budgets=True)
    elif kind is PerfTestKind.BODY and "" not in names:
        _miss(run, "", nothing, is_required=True)
    for name in dict.fromkeys(one.name for one in limits if one.name):
        if name not in names:
            there = ", ".join(map(repr, names)) or "none"
            reason = f"the test has no measurement of the name {name!r}; it has {there}"
            if names:
                refuse_name(own_limits(run, limits), name, reason)
            _miss(run, name, reason, is_required=never)


def own_limits(run: MeasuringRun, limits: Sequence[Limits]) -> list[Limits]:
    """Return the limits of the test's own markers, whose mistakes fail the test; none in a fresh process."""
    if run.session.is_child:
        return []
    item = run.item
    places = {marker_place(item, one) for one in item.own_markers if one.name == "perf_budget"}
    return [one for one in limits if any(budget.source in places for budget in one.budgets)]


def _miss(
    run: MeasuringRun,
    name: str,
    reason: str,
    call: Limits | None = None,
    *,
    only_budgets: bool = False,
    is_compared: bool = False,
    is_required: bool = False,
) -> None:
    effective = run.resolve(name, call)
    budgets = [budget for budget in effective.budgets if not (budget.general and run.kept.found)]
    recording = None
    if is_compared and run.session.comparison is not None:
        run.request(name, effective)
        recording = run.kept.completed(Recording(untimed=reason), name, NONE)
    if budgets or any(not one.budget.general for one in effective.spans):
        effective = replace(effective, budgets=budgets)
        run.kept.add_unmeasured(name, NONE, effective, reason, recording, is_required=is_required)
    elif not only_budgets:
        run.kept.add(replace(run.kept.blank(name, NONE, effective), unmeasured=reason, recording=recording))

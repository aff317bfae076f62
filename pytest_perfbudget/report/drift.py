"""The wording of drift since an anchor."""

from __future__ import annotations

from pytest_perfbudget.core.drift import Drift, DriftVerdict
from pytest_perfbudget.core.history.creep import Creep
from pytest_perfbudget.report.numbers import percent, quantity, tolerance_text


def drift_text(creep: Creep, metric: str, unit: str, anchor: str) -> str:
    """Return a drift above its limit in one sentence."""
    before, after = (quantity(one, unit) for one in (creep.before, creep.after))
    return f"{growth_text(creep.drift, anchor)}, {limit_text(creep.drift)}: {metric} {before} -> {after}"


def growth_text(drift: Drift, anchor: str) -> str:
    """Return the growth since an anchor: `+12.7 % since v1.2 (95 % interval +10.1 % .. +15.2 %)`."""
    if drift.lower is None or drift.upper is None:
        return f"{percent(drift.ratio)} since {anchor} (too few sessions for an interval)"
    return f"{percent(drift.ratio)} since {anchor} (95 % interval {percent(drift.lower)} .. {percent(drift.upper)})"


def limit_text(drift: Drift) -> str:
    """Return on which side of its limit a drift is: `above max_drift = 5 %`."""
    if drift.verdict is DriftVerdict.EXCEEDED:
        return f"above max_drift = {tolerance_text(drift.max_drift or 0.0)}"
    if drift.verdict is DriftVerdict.DRIFTING:
        return f"above {tolerance_text(drift.warn_at)}"
    return "not judged" if drift.verdict is DriftVerdict.UNMEASURED else "not above its limit"

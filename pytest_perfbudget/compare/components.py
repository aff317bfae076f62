"""The comparison of components: which spans a test's change is in, from a pair of processes of its own.

The processes record spans in their turns, and the judged times come from other processes. So recording changes no
verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Final

from pytest_perfbudget.compare.confirm import Attempt
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.pairs import LOAD_SPREAD, PAIR_SPREAD, Pair
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.spans.changes import SpanComparison, compare_pair
from pytest_perfbudget.errors import PerfBudgetError
from pytest_perfbudget.paths import own_modules

_PACKAGE: Final = "pytest_perfbudget"
_TRACING: Final = ("pytest_perfbudget.tracing", "opentelemetry")

Record = Callable[[], Attempt[Pair]]
"""A function that measures a test with a pair of processes that records spans.

Raises:
    WorkerError: there are no measurements.
"""


@dataclass(frozen=True)
class ComponentChanges:
    """The comparison of the components of a session's tests.

    Attributes:
        context: the session.
    """

    context: ComparisonContext

    def explain(self, nodeid: str, measurements: Sequence[Measurement], record: Record) -> list[Measurement]:
        """Return the measurements of a test; results of a comparison have the change of each component.

        Only a regression is worth the time, unless the session shows the spans of all tests.

        Args:
            nodeid: the test.
            measurements: the compared measurements of the test.
            record: see `Record`.
        """
        asked = [one.name for one in measurements if self._is_asked(one)]
        if not asked:
            return list(measurements)
        self.context.progress.note(f"perf: {nodeid}: comparing its components")
        try:
            found = record()
        except Exception as error:  # noqa: BLE001 - the verdict stands, and a test may have patched any function
            why = str(error) if isinstance(error, PerfBudgetError) else f"{type(error).__name__}: {error}"
            found = Attempt(problem=why)
        finally:
            self.context.progress.clear()
        return [_with_components(one, found) if one.name in asked else one for one in measurements]

    def _is_asked(self, measurement: Measurement) -> bool:
        time = _time(measurement.changes)
        if time is None or time.ratio is None or measurement.is_pending:
            return False
        if measurement.spans is not None:
            has_spans = bool(measurement.spans.nodes)
        else:
            has_spans = self.context.looks_at_spans() or has_tracked_code(self.context.root)
        return has_spans and (self.context.shows_spans or time.verdict is RegressionVerdict.REGRESSED)


def has_tracked_code(root: Path) -> bool:
    """Return whether a module of the project has something of `track`'s package or of OpenTelemetry under a name."""
    return any(_uses_tracing(_names_of(sys.modules[name])) for name in own_modules(root) if name in sys.modules)


def _names_of(module: ModuleType) -> dict[str, object]:
    """Return what a module holds by name; a lazy module is not imported, which `vars` would do."""
    names: dict[str, object] = object.__getattribute__(module, "__dict__")
    return names


def _uses_tracing(names: Mapping[str, object]) -> bool:
    return any(_home_of(one).startswith(_TRACING) or _home_of(one) == _PACKAGE for one in list(names.values()))


def _home_of(value: object) -> str:
    """Return the name of a module, or that of the module that an object comes from; empty if the name is not known."""
    try:
        home = object.__getattribute__(value, "__name__" if isinstance(value, ModuleType) else "__module__")
    except Exception:  # noqa: BLE001 - any object
        return ""
    return home if isinstance(home, str) else ""


def _time(changes: Iterable[RegressionResult]) -> RegressionResult | None:
    return next((one for one in changes if one.metric == TIME.name), None)


def _compared(sides: Sides) -> SpanComparison | None:
    is_load = bool(sides.head.load)
    spread = LOAD_SPREAD if is_load else PAIR_SPREAD
    return compare_pair(sides.base.spans, sides.head.spans, spread, is_load=is_load)


def _why_not_compared(found: Attempt[Pair], sides: Sides | None) -> str:
    """Return the reason why a pair says nothing of a measurement; empty if the measured code has no spans."""
    if found.problem or sides is None:
        return found.problem or "the pair that recorded spans did not take this measurement"
    has_spans = any(batch.parts for one in (sides.base, sides.head) for batch in one.spans)
    return "no turn has spans of both sides" if has_spans else ""


def _with_components(measurement: Measurement, found: Attempt[Pair]) -> Measurement:
    sides = found.sides.get(measurement.name)
    components = None if sides is None else _compared(sides)
    why = _why_not_compared(found, sides) if components is None else ""
    changes = [replace(one, components=components) if one.metric == TIME.name else one for one in measurement.changes]
    notes = [f"its components could not be compared: {why}"] if why else []
    return replace(measurement, changes=changes, warnings=[*measurement.warnings, *notes])

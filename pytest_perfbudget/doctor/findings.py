"""The findings about the gate, computed from trial sessions with and without slowdowns."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_perfbudget.doctor.trial import Session

_FEWEST_ERRORS = 6
_LEAST = 0.02
_STEP = 0.005
_BOUND = 3.9
"""How many standard errors a regression has to lie above no change, if 24 tests share an alpha of 1 %."""


@dataclass
class Findings:
    """All sessions of one call of the doctor.

    Attributes:
        clean: the sessions without slowdowns.
        slowed: the sessions in which every workload was slowed down, each by its own share.
        update_s: the seconds that each update of the baseline took.
    """

    clean: list[Session] = field(default_factory=list)
    slowed: list[Session] = field(default_factory=list)
    update_s: list[float] = field(default_factory=list)

    @property
    def false_alarms(self) -> int:
        """The number of clean sessions that failed."""
        return sum(session.failed for session in self.clean)

    def caught(self) -> dict[float, tuple[int, int]]:
        """Return, by slowdown, how many cases were called regressed, and how many cases there were."""
        found: dict[float, list[bool]] = {}
        for session in self.slowed:
            for case in session.cases:
                if case.slowdown:
                    found.setdefault(case.slowdown, []).append(case.is_red)
        return {slowdown: (sum(hits), len(hits)) for slowdown, hits in sorted(found.items())}

    def alarmed(self) -> dict[str, list[float]]:
        """Return, by workload, the measured ratios of clean cases that were called regressed."""
        found: dict[str, list[float]] = {}
        for session in self.clean:
            for case in session.cases:
                if case.is_red and case.ratio is not None:
                    found.setdefault(case.workload, []).append(case.ratio)
        return found

    def errors(self) -> list[float]:
        """Return the standard errors, in log time, of slowed cases that fresh processes measured again."""
        return [case.error for one in self.slowed for case in one.cases if case.fresh and case.error is not None]

    def missed(self) -> dict[str, list[float]]:
        """Return, by workload, the slowdowns of at least 10 % that were not called regressed."""
        found: dict[str, list[float]] = {}
        for session in self.slowed:
            for case in session.cases:
                if case.slowdown >= 0.1 and not case.is_red:
                    found.setdefault(case.workload, []).append(case.slowdown)
        return found

    def seconds_per_test(self) -> float:
        """Return the median time that a clean session takes for each of its tests, start-up included."""
        return statistics.median(session.elapsed_s / len(session.cases) for session in self.clean)

    def can_fire(self) -> bool:
        """Return whether the largest slowdown was caught at least once."""
        caught = self.caught()
        return bool(caught) and caught[max(caught)][0] > 0

    def recommended(self) -> float | None:
        """Return the `max_regression` to use on this machine; None if too few cases were measured again.

        A regression has to be both above the limit and clear of the noise. The returned limit is at least as large as
        the noise of nine cases in ten. With a lower limit, the noise would decide in more than one case of ten.
        """
        errors = self.errors()
        if len(errors) < _FEWEST_ERRORS:
            return None
        bound = math.expm1(_BOUND * _ninth_decile(errors))
        return max(_LEAST, math.ceil(bound / _STEP) * _STEP)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as builtins."""
        return {
            "schema": "perfbudget-doctor/1",
            "clean_sessions": len(self.clean),
            "false_alarms": self.false_alarms,
            "caught": [
                {"slowdown": slowdown, "caught": hits, "of": number}
                for slowdown, (hits, number) in self.caught().items()
            ],
            "seconds_per_test": self.seconds_per_test(),
            "update_seconds": self.update_s,
            "recommended_max_regression": self.recommended(),
            "can_fire": self.can_fire(),
            "cases": [
                {
                    "session": number,
                    "workload": case.workload,
                    "slowdown": case.slowdown,
                    "verdict": case.verdict,
                    "ratio": case.ratio,
                    "error": case.error,
                    "fresh": case.fresh,
                }
                for number, session in enumerate([*self.clean, *self.slowed])
                for case in session.cases
            ],
        }


def _ninth_decile(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=10, method="inclusive")[-1]

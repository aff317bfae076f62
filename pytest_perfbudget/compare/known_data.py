"""The baseline's data on one measurement."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from pytest_perfbudget.baseline.schema import Line
from pytest_perfbudget.compare.evidence import Sides
from pytest_perfbudget.compare.obstacles import untimed
from pytest_perfbudget.core.load.differences import load_differences, other_load
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.recording import Recording
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest


@dataclass(frozen=True)
class KnownData:
    """The baseline's data on one measurement, from this machine and from any machine with this Python and system.

    Attributes:
        line: of this machine; None if there is none.
        counted: the line with the counts to compare with; None if there is none.
        slowdown_test: for the time; None if the baseline has no time of this machine.
        is_known_elsewhere: whether a line of any machine has the measurement.
        only_base: the names of the measurements of the test that only the baseline has.
        unlike: the reason why the measurement is not the baseline's of that name; empty if there is none.
    """

    line: Line | None
    counted: Line | None
    slowdown_test: UnpairedSlowdownTest | None
    is_known_elsewhere: bool
    only_base: Collection[str] = ()
    unlike: str = ""

    @property
    def one_cpu(self) -> bool:
        """Whether the time of the line was taken on one CPU, so that the head's is, too."""
        return self.line is not None and self.line.one_cpu

    def counts(self) -> Mapping[str, int]:
        """Return the counts to compare with, by metric."""
        return self.counted.counts if self.counted is not None else {}

    def recording(self) -> Recording:
        """Return a recording of the baseline, which has the counts only."""
        return Recording(counts=self.counts())

    def beside(self, head: Recording | None) -> Sides:
        """Return both sides of an attempt; the side of the baseline is the same in each attempt."""
        return Sides(head or Recording(), self.recording())

    def obstacle(self, measurement: Measurement) -> RegressionResult | None:
        """Return the result for a measurement that cannot be compared with the line; None for others."""
        if self.unlike:
            return untimed(RegressionVerdict.UNMEASURED, self.unlike)
        if self.line is None or measurement.recording is None:
            return None
        here, there = measurement.recording.load, self.line.load
        if why := other_load("the baseline", there, here):
            needs_reason = any(one.needs_reason for one in load_differences(there, here))
            why += ": an update of the baseline needs --perf-reason" if needs_reason else ""
            return replace(untimed(RegressionVerdict.FOREIGN, why), needs_reason=needs_reason)
        return None

    def doubted(self, found: RegressionResult) -> RegressionResult:
        """Return the result for the time, undecided if the baseline is too uncertain to tell.

        A gate that cannot fire has to say so. Pairs with the baseline's commit need no time of the baseline, and a time
        that regressed or improved all the same is decided.
        """
        test = self.slowdown_test
        is_open = found.verdict in (RegressionVerdict.UNDECIDED, RegressionVerdict.UNCONFIRMED) and not found.reason
        if test is None or not test.is_blind or found.in_pairs or not is_open:
            return found
        where = f"in {found.runs} fresh processes" if found.runs else "in this session"
        ratio = f"{100 * (found.ratio - 1):+.0f} % {where}, but " if found.ratio is not None else ""
        reason = f"{ratio}{self._why_uncertain(test.told_without_pairs())}"
        smallest = test.smallest_found()
        return replace(found, verdict=RegressionVerdict.UNDECIDED, reason=reason, smallest_found=smallest)

    def _why_uncertain(self, smallest: float) -> str:
        is_imported = self.line is not None and not self.line.is_corrected
        what = "imported, not corrected for weather" if is_imported else "uncertain, its processes differ"
        least = f"{100 * smallest:.0f} %"
        remedy = "update the baseline" if is_imported else "update on a calmer machine, or compare in pairs"
        return f"the baseline is {what}: a slowdown of less than {least} may not be found: {remedy}"

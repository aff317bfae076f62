"""The result of a session: one value that holds everything the session found.

Every output is a function of this value. The JSON report is the result of its `to_dict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pytest_perfbudget.core.baseline_update import UpdateSummary
from pytest_perfbudget.core.finding import DRIFT, NOT_READY, Finding, Missing
from pytest_perfbudget.core.health import Health, session_health
from pytest_perfbudget.core.measurement import Measurement
from pytest_perfbudget.core.results import BudgetVerdict, RegressionVerdict

SCHEMA: Final = "perfbudget-report/1"
BASELINE: Final = "the baseline"
"""The name of the baseline as the other side of a comparison."""
NO_TESTS: Final = 5
"""The exit status of a session without tests."""


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """The circumstances of a session.

    Attributes:
        started_at: the time of the start, in ISO 8601 with the offset from UTC.
        duration_s: the time in s from the start until all tests, and an update of the baseline, had ended.
        exit_status: the exit status of pytest.
        is_cut_short: whether the session ended before its last test: interrupted, crashed, or stopped by `-x`.
        perf_tests: the number of perf tests that should have run; None if the number is not known.
        not_run: the number of these that did not run to their end; None if the number is not known.
        part: the number of the part of the suite that the session ran, counted from 1; None if the number is not known.
        parts: the number of all parts; None if the number is not known.
        missing_parts: the numbers of the parts that a merged session lacks.
        left_out: the node ids of the perf tests that were collected, and deselected, or skipped or xfailed without a
            number; None if not known.
        other_failures: the number of tests that failed by something other than a finding, such as an assertion.
        other_failed: the node ids of these tests, and of files that could not be collected.
        versions: the versions of pytest and of this package; empty if no file is written.
        python: the version of Python, such as `3.11.7`.
        implementation: the implementation of Python, such as `CPython`.
        machine_key: the key of the machine's profile in the baseline.
        machine: the machine in words.
        cpus: the number of CPUs in the machine; None if the number is not known.
        workers: the number of pytest-xdist's worker processes; 0 without pytest-xdist.
        commit: the commit that is checked out; empty outside git, and if no file is written.
        branch: the branch that is checked out; empty outside git, for a detached head, and if no file is written.
        folder: the path from the top of the repository to pytest's root folder; empty at the top, outside git, and if
            no file is written.
        is_dirty: whether tracked files differ from the commit; false if no file is written.
        gate: the mode of the gate: `fail`, `warn` or `off`.
        strict: whether numbers that could not be judged fail their tests.
        alpha: the largest probability of a false `exceeded` or `regressed`.
        confidence: the confidence of the verdict `within`.
        max_time_ns: the measuring time for each measurement, in ns.
        warn_at: the share of a limit from which a budget is near its limit.
        require: the least readiness, `ready` or `conditional`; empty if the session requires none.
        notes: notes on the configuration and on the session.
    """

    started_at: str = ""
    duration_s: float = 0.0
    exit_status: int = 0
    is_cut_short: bool = False
    perf_tests: int | None = None
    not_run: int | None = None
    part: int | None = None
    parts: int | None = None
    missing_parts: Sequence[int] = ()
    left_out: Sequence[str] | None = None
    other_failures: int = 0
    other_failed: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    python: str = ""
    implementation: str = ""
    machine_key: str = ""
    machine: str = ""
    cpus: int | None = None
    workers: int = 0
    commit: str = ""
    branch: str = ""
    folder: str = ""
    is_dirty: bool = False
    gate: str = "fail"
    strict: bool = False
    alpha: float = 0.01
    confidence: float = 0.95
    max_time_ns: int = 1_000_000_000
    warn_at: float = 0.8
    require: str = ""
    notes: Sequence[str] = ()

    @property
    def is_unfinished(self) -> bool:
        """Whether the session ended before its last test, also if a report says so only by perf tests not run."""
        return self.is_cut_short or bool(self.not_run)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as builtins."""
        lists = {"other_failed": list(self.other_failed), "notes": list(self.notes)}
        lists |= {} if self.left_out is None else {"left_out": list(self.left_out)}
        found = {**asdict(self), "versions": dict(self.versions), "missing_parts": list(self.missing_parts), **lists}
        return found if self.missing_parts else {name: one for name, one in found.items() if name != "missing_parts"}


@dataclass(frozen=True, slots=True)
class ComparedWith:
    """The other side of a session's comparison.

    Attributes:
        against: the baseline or a commit, in words; empty if nothing was compared.
        remark: a doubt about the other side; empty if there is none.
        others: the test and the name of each measurement that the baseline has and the session was not asked for.
        sharing: the number of tests, or of their measurements, among which the comparison shared alpha.
    """

    against: str = ""
    remark: str = ""
    others: Sequence[tuple[str, str]] = ()
    sharing: int = 0

    @property
    def is_baseline(self) -> bool:
        """Whether the other side is the baseline, which an update changes; a commit stays as it is."""
        return self.against == BASELINE

    def to_dict(self) -> dict[str, Any]:
        """Return the other side as builtins."""
        others = [list(one) for one in self.others]
        return {"against": self.against, "remark": self.remark, "others": others, "sharing": self.sharing}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ComparedWith:
        """Rebuild the other side from the result of `to_dict`."""
        others = [(test, name) for test, name in data["others"]]
        return cls(**{**data, "others": others})


@dataclass(frozen=True, slots=True)
class RunResult:
    """Everything that a session found.

    Attributes:
        session: the circumstances of the session.
        compared_with: the other side of the comparison; None if nothing was compared.
        measurements: the measurements, in the order in which their tests ended.
        findings: the facts that a reader should know, with texts.
        missing: the measurements that the other side has and the session should have made.
        update: the outcome of an update of the baseline; None if there was no update.
    """

    session: SessionFacts = field(default_factory=SessionFacts)
    compared_with: ComparedWith | None = None
    measurements: Sequence[Measurement] = ()
    findings: Sequence[Finding] = ()
    missing: Sequence[Missing] = ()
    update: UpdateSummary | None = None

    @property
    def fails_otherwise(self) -> bool:
        """Whether the session failed by something else than numbers and tests, such as another plugin."""
        session = self.session
        is_explained = session.is_cut_short or session.other_failures or any(one.is_failure for one in self.findings)
        is_explained = is_explained or any(one.is_pending for one in self.measurements)
        return session.exit_status not in (0, NO_TESTS) and not is_explained

    @property
    def health(self) -> Health | None:
        """The health of the session; None if the session judged nothing."""
        session = self.session
        failed = {one.kind for one in self.findings if one.is_failure or one.is_gated} - {NOT_READY}
        is_whole = not (session.is_cut_short or session.other_failures or failed or self.fails_otherwise)
        has_drifted = any(one.kind == DRIFT and one.test and (one.is_failure or one.is_gated) for one in self.findings)
        return session_health(self.measurements, is_whole=is_whole, has_drifted=has_drifted)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON report as builtins; `from_dict` ignores `summary` and `health`, which are for readers."""
        health = self.health
        return {
            "schema": SCHEMA,
            "session": self.session.to_dict(),
            "summary": {
                "measurements": len(self.measurements),
                "budgets": budget_tally(self.measurements),
                "changes": regression_tally(self.measurements, len(self.missing)),
            },
            "health": None if health is None else health.to_dict(),
            "compared_with": None if self.compared_with is None else self.compared_with.to_dict(),
            "findings": [one.to_dict() for one in self.findings],
            "measurements": [one.to_dict() for one in self.measurements],
            "missing": [one.to_dict() for one in self.missing],
            "update": None if self.update is None else self.update.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunResult:
        """Rebuild a session's result from the result of `to_dict`.

        Raises:
            ValueError: the data has another schema.
        """
        if data.get("schema") != SCHEMA:
            message = f"schema must be {SCHEMA}, found {data.get('schema')!r}"
            raise ValueError(message)
        compared, update = data.get("compared_with"), data.get("update")
        return cls(
            SessionFacts(**data["session"]),
            None if compared is None else ComparedWith.from_dict(compared),
            [Measurement.from_dict(one) for one in data["measurements"]],
            [Finding.from_dict(one) for one in data["findings"]],
            [Missing.from_dict(one) for one in data["missing"]],
            None if update is None else UpdateSummary.from_dict(update),
        )


def budget_tally(measurements: Iterable[Measurement]) -> dict[str, int]:
    """Return the number of budgets for each verdict, including verdicts that no budget has."""
    tally = dict.fromkeys((verdict.value for verdict in BudgetVerdict), 0)
    for measurement in measurements:
        for one in measurement.budgets:
            tally[one.verdict.value] += 1
    return tally


def regression_tally(measurements: Iterable[Measurement], missing: int) -> dict[str, int]:
    """Return the number of comparisons for each verdict, including verdicts that no comparison has.

    Args:
        measurements: the measurements with their comparisons.
        missing: the number of missing measurements.
    """
    tally = dict.fromkeys((verdict.value for verdict in RegressionVerdict), 0)
    for measurement in measurements:
        for one in measurement.changes:
            tally[one.verdict.value] += 1
    tally[RegressionVerdict.MISSING.value] += missing
    return tally

"""Findings: what a reader of the results should know, with its urgency, its evidence and its remedy."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_perfbudget.core.measurement import Measurement, measurement_id
from pytest_perfbudget.core.results import BudgetResult, BudgetVerdict, RegressionResult, RegressionVerdict


class Severity(enum.Enum):
    """The urgency of a finding."""

    FAILURE = "failure"
    WARNING = "warning"
    NOTE = "note"


NEAR_LIMIT: Final = "near_limit"
DOUBT: Final = "doubt"
UNMEASURED: Final = BudgetVerdict.UNMEASURED.value
MISSING: Final = RegressionVerdict.MISSING.value
CHANGED: Final = RegressionVerdict.CHANGED.value
NOT_UPDATED: Final = "not_updated"
NOTHING_COMPARED: Final = "nothing_compared"
NOT_RECORDED: Final = "not_recorded"
LOOSENED: Final = "loosened"
DRIFT: Final = "drift"
NOT_READY: Final = "not_ready"

KNOWN_TO_BE_WRONG: Final = (
    BudgetVerdict.EXCEEDED.value,
    RegressionVerdict.REGRESSED.value,
    RegressionVerdict.WRONG_CODE.value,
)
"""The kinds of findings on numbers that are known to be wrong, which reports show before all others."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that a reader of the results should know.

    Attributes:
        kind: a budget verdict, a regression verdict, `near_limit`, `doubt`, `nothing_compared`, `not_recorded`,
            `not_updated`, `loosened`, `drift` or `not_ready`.
        severity: the urgency of the finding; a failure fails the test.
        is_gated: whether the finding is a failure while the gate is on; with --perf-gate=warn it is a warning.
        test: the node id of the test.
        name: the measurement's own name; empty if the measurement has none.
        metric: the name of the metric; empty if the finding is about the whole measurement.
        file: the file of the test; empty if the file is not known.
        line: the line of the test in its file, counted from 1; None if the line is not known.
        headline: the finding in one sentence.
        evidence: the numbers behind the finding, a line for each.
        remedy: the action that the user can take; empty if nothing can be done.
        remedy_target: the part of the remedy that names the test in a command; empty if no part does.
        span: the name of the spans whose limit is `not_recorded`; empty for other findings.
        is_accepted: whether the finding is about a test of the base that a reviewer allows to leave out.
    """

    kind: str
    severity: Severity
    test: str
    name: str = ""
    metric: str = ""
    is_gated: bool = False
    file: str = ""
    line: int | None = None
    headline: str = ""
    evidence: Sequence[str] = ()
    remedy: str = ""
    remedy_target: str = ""
    span: str = ""
    is_accepted: bool = False

    @property
    def id(self) -> str:
        """The name of the measurement in reports."""
        return measurement_id(self.test, self.name)

    @property
    def is_failure(self) -> bool:
        """Whether the finding fails its test."""
        return self.severity is Severity.FAILURE

    @property
    def belongs_to_test(self) -> bool:
        """Whether the test itself fails by the finding; other findings fail the session."""
        return self.kind not in (MISSING, NOT_UPDATED, NOTHING_COMPARED, NOT_RECORDED, LOOSENED, DRIFT, NOT_READY)

    @property
    def is_of_limit(self) -> bool:
        """Whether a loosened finding is about a limit or a setting; others are about a test that judges nothing."""
        return bool(self.metric)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as builtins."""
        return {
            "kind": self.kind,
            "severity": self.severity.value,
            "is_gated": self.is_gated,
            "test": self.test,
            "name": self.name,
            "metric": self.metric,
            "file": self.file,
            "line": self.line,
            "headline": self.headline,
            "evidence": list(self.evidence),
            "remedy": self.remedy,
            **({"remedy_target": self.remedy_target} if self.remedy_target else {}),
            **({"span": self.span} if self.span else {}),
            **({"is_accepted": True} if self.is_accepted else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Finding:
        """Rebuild a finding from the result of `to_dict`."""
        return cls(**{**data, "severity": Severity(data["severity"])})


@dataclass(frozen=True, slots=True)
class Case:
    """A finding, with the measurement and the result that the finding is about."""

    finding: Finding
    measurement: Measurement
    result: BudgetResult | RegressionResult | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A measurement that the baseline or another commit has, and that the session should have made but did not make.

    Attributes:
        test: the node id of the test.
        name: the measurement's own name; empty if the measurement has none.
        reason: the reason why the session did not make the measurement.
        is_gone: whether no test makes the measurement any more, however many tests run.
    """

    test: str
    name: str
    reason: str
    is_gone: bool = False

    @property
    def id(self) -> str:
        """The name of the measurement in reports."""
        return measurement_id(self.test, self.name)

    def to_dict(self) -> dict[str, Any]:
        """Return the missing measurement as builtins; `from_dict` ignores `id`, which is for readers."""
        return {"id": self.id, "test": self.test, "name": self.name, "reason": self.reason, "is_gone": self.is_gone}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Missing:
        """Rebuild a missing measurement from the result of `to_dict`."""
        return cls(data["test"], data["name"], data["reason"], data.get("is_gone", False))

"""The user's policy for findings: which of them fail their tests, and what warns."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pytest_perfbudget.core.finding import Severity
from pytest_perfbudget.core.loosening import by_label


class GateMode(enum.Enum):
    """The effect of an exceeded budget or a regression."""

    FAIL = "fail"
    WARN = "warn"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Policy:
    """The user's policy for findings.

    Attributes:
        gate: the effect of a finding that fails its test: a failure, or only a warning.
        strict: whether a number that could not be judged fails its test as well.
        warn_at: the share of a limit from which a budget is near its limit.
        accept_label: the label by which a reviewer accepts the limits of a pull request; empty if it is not known.
    """

    gate: GateMode = GateMode.FAIL
    strict: bool = False
    warn_at: float = 0.8
    accept_label: str = ""

    @property
    def by_label(self) -> str:
        """The way in which a reviewer accepts the limits of a pull request, in words."""
        return by_label(self.accept_label)

    def judge(self, *, fails: bool, otherwise: Severity) -> Judgement:
        """Return how a finding is judged.

        Args:
            fails: whether the finding fails its test while the gate is on.
            otherwise: the severity of a finding that does not fail its test.
        """
        if not fails:
            return Judgement(otherwise)
        return Judgement(Severity.FAILURE if self.gate is GateMode.FAIL else Severity.WARNING, is_gated=True)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of a result under the user's policy.

    Attributes:
        severity: the urgency of the finding.
        is_gated: whether the finding fails its test while the gate is on.
    """

    severity: Severity
    is_gated: bool = False

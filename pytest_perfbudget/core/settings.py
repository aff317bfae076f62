"""Settings: the checked table `[tool.perfbudget]`."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_perfbudget.core.alerts import AlertRule
from pytest_perfbudget.core.criteria import Errors
from pytest_perfbudget.core.limits import Limits, RegressionTolerance, Rule


@dataclass(frozen=True, slots=True)
class DuetSettings:
    """The settings for the measurement of head and base side by side.

    Attributes:
        mode: `together`: both at the same time; `sequential`: one process after the other.
        changed_tests: `gate` or `skip`: whether a test that differs in the base can fail.
        tests_from: `each`: each side has its own test files; `head`: both sides have the test files of the head.
        setup: the command that prepares the base in an environment of its own; empty if there is no such command.
    """

    mode: str = "together"
    changed_tests: str = "gate"
    tests_from: str = "each"
    setup: str = ""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """The settings for the monitor of a running service.

    Attributes:
        history: whether the monitor appends its minutes to the history.
    """

    history: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The table, checked. `entries` are in the order in which they win, the most specific first.

    `codspeed` tells whether tests with CodSpeed's markers are perf tests. `baseline_asked` tells whether the table
    names the baseline; a named baseline has to exist. `confirm` tells how suspects of the baseline are measured again:
    by `runs` in fresh processes, by a `duet` with the commit at which the baseline was made, or, with `auto`, by a duet
    where git has the commit, and by runs in addition where more than the repository's code may have changed. If no duet
    is possible, runs confirm instead, with a note. `history` is the path of the history; empty if there is none.
    `anchor` is the commit since which drift is judged, or `last-tag`; empty if drift is not judged. `max_drift` is the
    drift that fails a session; None if none does. `require` is the least readiness; empty if none is required.
    `count_instructions` tells whether bytecode instructions are compared. `notes` are remarks for the user about the
    table itself.
    """

    alpha: float = 0.01
    confidence: float = 0.95
    max_time_ns: int = 1_000_000_000
    max_regression: RegressionTolerance = field(default_factory=lambda: RegressionTolerance(0.05, "the default"))
    baseline: str = "perf-baseline.json"
    baseline_asked: bool = False
    baseline_runs: int = 10
    strict: bool = False
    require: str = ""
    codspeed: bool = False
    confirm: str = "auto"
    history: str = ""
    history_days: int = 30
    anchor: str = ""
    max_drift: RegressionTolerance | None = None
    pin: bool = True
    count_instructions: bool = False
    unmeasured: str = "fail"
    warn_at: float = 0.8
    duet: DuetSettings = DuetSettings()
    monitor: MonitorSettings = MonitorSettings()
    limits: Limits = field(default_factory=Limits)
    notes: tuple[str, ...] = ()
    entries: tuple[Rule, ...] = ()
    components: tuple[Rule, ...] = ()
    alerts: tuple[AlertRule, ...] = ()

    @property
    def errors(self) -> Errors:
        """The largest probabilities of wrong verdicts on one budget."""
        return Errors(exceeded=self.alpha, within=1 - self.confidence)

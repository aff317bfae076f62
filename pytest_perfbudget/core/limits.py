"""Terms: what is asked of a measurement, and which of several places that say so wins."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pytest_perfbudget.core.budgets import Budget, merge_budgets
from pytest_perfbudget.core.criteria import Errors


@dataclass(frozen=True, slots=True)
class RegressionTolerance:
    """The growth against the baseline that never fails a test, as a share, and where it was written."""

    share: float
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What one marker, call or table entry says of the measurements it covers.

    `name` limits it to the measurement of that name; None covers all of the test's.
    """

    budgets: tuple[Budget, ...] = ()
    component: str | None = None
    max_time_ns: int | None = None
    name: str | None = None
    max_regression: RegressionTolerance | None = None
    pin: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Terms for the tests whose node id matches one of the patterns."""

    patterns: tuple[str, ...]
    limits: Limits
    place: str

    def matches(self, nodeid: str) -> bool:
        """Return whether one of the patterns covers this test."""
        return any(pattern_matches(pattern, nodeid) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class DuetSettings:
    """How head and base are measured side by side.

    Attributes:
        mode: `together`, both at the same time, or `sequential`, one process after the other.
        changed_tests: `gate` or `skip`: whether a test that is another one in the base can fail.
        tests_from: `each` has its own test files, or both have those of the `head`.
        setup: the command that prepares the base, in an environment of its own; empty if none does.
    """

    mode: str = "together"
    changed_tests: str = "gate"
    tests_from: str = "each"
    setup: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The table, checked. `entries` are in the order in which they win, most specific first.

    `baseline_asked` tells whether the table names the baseline: then it has to be there. `confirm` is how suspects of
    the baseline are measured again: by `runs` in fresh processes, by a `duet` with the commit it was made at, or by
    whichever is possible, the duet first (`auto`). `notes` is what the user should know of the table itself.
    """

    alpha: float = 0.01
    confidence: float = 0.95
    max_time_ns: int = 1_000_000_000
    max_regression: RegressionTolerance = RegressionTolerance(0.05, "the default")
    baseline: str = "perf-baseline.json"
    baseline_asked: bool = False
    baseline_runs: int = 10
    strict: bool = False
    confirm: str = "runs"
    pin: bool = True
    warn_at: float = 0.8
    duet: DuetSettings = DuetSettings()
    limits: Limits = field(default_factory=Limits)
    notes: tuple[str, ...] = ()
    entries: tuple[Rule, ...] = ()
    components: tuple[Rule, ...] = ()

    @property
    def errors(self) -> Errors:
        """How often a verdict on one budget may be wrong."""
        return Errors(exceeded=self.alpha, within=1 - self.confidence)


def pattern_matches(pattern: str, nodeid: str) -> bool:
    """Return whether a pattern covers a node id.

    `*` and `?` are wildcards; brackets are not, because node ids of parametrized tests hold them.
    A pattern without wildcard also covers everything below it: a file, a class, all parameters.
    """
    pattern = pattern.removeprefix("./").removesuffix("/")
    literal = pattern.replace("[", "[[]")
    if fnmatch.fnmatchcase(nodeid, literal):
        return True
    return any(nodeid.startswith(pattern + separator) for separator in ("::", "[", "/"))


def specificity(pattern: str) -> tuple[int, int]:
    """Return a key that orders patterns: fewer wildcards count more, then the longer text."""
    wildcards = pattern.count("*") + pattern.count("?")
    return -wildcards, len(pattern) - wildcards


@dataclass(frozen=True, slots=True)
class EffectiveLimits:
    """What holds for one measurement after all places have been heard."""

    budgets: Sequence[Budget]
    component: str
    max_time_ns: int
    max_regression: RegressionTolerance
    pin: bool = True


def resolve(
    settings: Settings, nodeid: str, given: Iterable[Limits], *, name: str, max_time_ns: int | None = None
) -> EffectiveLimits:
    """Return what holds for the measurement `name` of a test.

    Budgets merge metric by metric. First comes what is `given` (the call, then the markers from
    the test outwards, terms that name the measurement before those that do not), then the
    entries of the table from the most specific pattern on, then the component, then the table
    itself. `max_time_ns`, from the command line, is before them all.
    """
    heard = [limits for limits in given if limits.name in (None, name)]
    heard.sort(key=lambda limits: limits.name is None)
    heard += [rule.limits for rule in settings.entries if rule.matches(nodeid)]
    component = next((limits.component for limits in heard if limits.component), None)
    for rule in settings.components:
        if component == rule.limits.component or (component is None and rule.matches(nodeid)):
            component = rule.limits.component
            heard.append(rule.limits)
            break
    heard.append(settings.limits)
    tolerances = [limits.max_regression for limits in heard if limits.max_regression is not None]
    pins = [limits.pin for limits in heard if limits.pin is not None]
    limits_ns = [limits.max_time_ns for limits in heard if limits.max_time_ns is not None]
    return EffectiveLimits(
        merge_budgets(*(limits.budgets for limits in heard)),
        component or "",
        max_time_ns or next(iter(limits_ns), settings.max_time_ns),
        next(iter(tolerances), settings.max_regression),
        next(iter(pins), settings.pin),
    )

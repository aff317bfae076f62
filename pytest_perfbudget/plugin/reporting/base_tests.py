"""The findings about tests of the base that a pull request leaves out or expects to fail, under the policy of the base.

Whoever removes a perf test, deselects it, skips it or lets it fail loosens its limits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_perfbudget.checkout.compiled_files import compiled_files
from pytest_perfbudget.core.changed_tests import PerfTestChange
from pytest_perfbudget.core.finding import LOOSENED, Finding, Severity
from pytest_perfbudget.core.left_out import left_out
from pytest_perfbudget.core.measurement import file_of, function_of
from pytest_perfbudget.errors import GitError
from pytest_perfbudget.plugin.collection.typed_options import deselecting_settings, names_tests
from pytest_perfbudget.plugin.session import PerfSession
from pytest_perfbudget.report.numbers import counted

if TYPE_CHECKING:
    from pytest_perfbudget.checkout.base_policy import BasePolicy

_UNKNOWN = "whether perf tests are left out is not known, because the base does not tell its perf tests"
_MOST_NAMED = 3
_REPLACED = (
    "measured through a fixture of the project that stands in for perf, perf_load or benchmark, and not in the base"
)


def find_left_out(
    session: PerfSession,
    missing: Sequence[Finding],
    expected_to_fail: Collection[str],
    skipped: Collection[str],
    taken: Collection[str],
) -> list[Finding]:
    """Return a finding for each test of the base that does not judge the pull request.

    Args:
        session: the session.
        missing: the findings about measurements of the base that the working tree has left out.
        expected_to_fail: the tests that xfail lets fail.
        skipped: the tests that were skipped.
        taken: the tests that were measured, skipped, or failed.
    """
    policy = session.base_policy
    if policy is None:
        return []
    found = [
        replace(one, kind=LOOSENED, is_gated=True) if one.test not in skipped or _adds_skip(session, one.test) else one
        for one in missing
    ]
    found = [_judged(session, _removed(session, one)) for one in found]
    known = {one.test for one in found}
    functions = set(map(function_of, known))
    chosen = set(_noted(session, "chosen"))
    expected = [one for one in chosen & set(expected_to_fail) if adds_xfail(session, one)]
    reasons = dict(session.tests.expectations.get(PerfTestChange.MEASURES_LESS.value, ()))
    reasons |= dict.fromkeys(expected, "expected to fail (xfail), and not in the base")
    reasons |= dict.fromkeys(_noted(session, "replacing"), _REPLACED)
    reasons |= {one: f"deselected by {by}" for one, by in _deselected(session).items() if one not in known}
    reasons |= {one: f"not collected, by {by}" for one, by in _uncollected(session).items() if one not in functions}
    functions |= set(map(function_of, reasons))
    reasons |= {one: why for one, why in _not_measured(session, taken).items() if function_of(one) not in functions}
    found += [
        _judged(session, Finding(LOOSENED, Severity.WARNING, one, is_gated=True, file=file_of(one), headline=why))
        for one, why in sorted(reasons.items())
    ]
    seen = [*_unknown(session), *_compiled(session, policy), *_other_files(session)]
    return [*seen, *found, *_that_fail_nothing(session, set(reasons))]


def _removed(session: PerfSession, finding: Finding) -> Finding:
    """Return the finding about a test that the pull request removes with words for that; others as they are."""
    policy, comparison = session.base_policy, session.comparison
    if policy is None or comparison is None or finding.headline != comparison.gone or finding.name:
        return finding
    new = policy.tests.new_name(finding.test)
    headline = f"renames the perf test: {new} has the same body" if new else "removes the perf test"
    # The controller of pytest-xdist collects nothing, and its workers tell the perf tests only.
    collected = {*session.tests.collected.nodeids, *_noted(session, "collected")}
    if not new and function_of(finding.test) in map(function_of, collected):
        headline = "removes the perf test: its function has other cases only"
    return replace(finding, headline=headline)


def adds_xfail(session: PerfSession, test: str) -> bool:
    """Return whether the pull request lets a test of the base fail (xfail) that the base does not let fail."""
    policy = session.base_policy
    if policy is None or not policy.tests.has_file_of(test):
        return False
    return test in _noted(session, "xfail added") or policy.tests.adds(test, "xfail")


def _adds_skip(session: PerfSession, test: str) -> bool:
    """Return whether the pull request skips a test that the base runs, or may do so if the base cannot tell."""
    if test in _noted(session, "run by base"):
        return True
    policy = session.base_policy
    return policy is not None and test not in _noted(session, "skipped by base") and policy.tests.adds(test, "skip")


def _unknown(session: PerfSession) -> list[Finding]:
    """Return a finding if the base cannot tell its perf tests, so that nothing shows what has been left out."""
    return [
        _judged(session, Finding(LOOSENED, Severity.WARNING, "", is_gated=True, headline=f"{_UNKNOWN}: {problem}"))
        for problem in _noted(session, "base unknown")
    ]


def _compiled(session: PerfSession, policy: BasePolicy) -> list[Finding]:
    """Return a finding if the pull request commits compiled files, which may be of another source."""
    try:
        found = compiled_files(policy.tests.base)
    except GitError as error:
        headline = f"may commit compiled files: {error}"
    else:
        if not found:
            return []
        more = f" and {len(found) - _MOST_NAMED} more" if found[_MOST_NAMED:] else ""
        names = f"{', '.join(found[:_MOST_NAMED])}{more}"
        headline = f"commits compiled files, which Python may run instead of their source: {names}"
    return [_judged(session, Finding(LOOSENED, Severity.WARNING, "", is_gated=True, headline=headline))]


def _other_files(session: PerfSession) -> list[Finding]:
    """Return the findings if the tests import modules from other files than the base's tests do."""
    found = []
    hiding = session.tests.expectations.get("other file", [])
    if hiding:
        headline = _other_files_text(hiding, "which is still there")
        found = [_judged(session, Finding(LOOSENED, Severity.WARNING, "", is_gated=True, headline=headline))]
    if others := [one for one in session.tests.expectations.get("shadowed file", ()) if one not in hiding]:
        # A later pull request could make the base's file slower, and no test would measure that.
        headline = _other_files_text(others, "which is still there and hides no change")
        found.append(Finding(LOOSENED, Severity.NOTE, "", headline=headline))
    return found


def _other_files_text(noted: Sequence[Sequence[str]], state: str) -> str:
    module, files = noted[0]
    more = f", and {counted(len(noted) - 1, 'more module')} from such files" if noted[1:] else ""
    return f"measures another file: the tests import {module} from {files}, {state}{more}"


def _that_fail_nothing(session: PerfSession, known: Collection[str]) -> list[Finding]:
    """Return a finding for each changed test that a reviewer should see, although nothing can hide behind the change.

    A conftest.py around the test may run with the code of neither commit, the code that the test does not run any more
    is the same in both commits, or the test follows a renamed function and has not changed otherwise.
    """
    states = {
        PerfTestChange.MAY_MEASURE_LESS: Severity.WARNING,
        PerfTestChange.MEASURES_OTHER_CODE: Severity.NOTE,
        PerfTestChange.FOLLOWS_CODE: Severity.NOTE,
    }
    return [
        Finding(LOOSENED, severity, test, file=file_of(test), headline=why)
        for state, severity in states.items()
        for test, why in session.tests.expectations.get(state.value, ())
        if test not in known
    ]


def _noted(session: PerfSession, state: str) -> Collection[str]:
    """Return the tests in a state; see `accounting.Expectations`."""
    return [test for test, _ in session.tests.expectations.get(state, ())]


def _not_measured(session: PerfSession, taken: Collection[str]) -> dict[str, str]:
    """Return the tests that the base chooses and that the session has left out by whatever means, with the reason."""
    policy = session.base_policy
    if policy is None or not (of_base := _noted(session, "of base")):
        return {}
    changed = policy.tests.changes_that_run
    more = f" and {len(changed) - _MOST_NAMED} more" if changed[_MOST_NAMED:] else ""
    files = f" (changed: {', '.join(changed[:_MOST_NAMED])}{more})" if changed else ""
    against = session.config.option.perf_against
    why = f"left out: {against} measures the test, and this session does not{files}"
    return dict.fromkeys(left_out(of_base, taken), why)


def _judged(session: PerfSession, finding: Finding) -> Finding:
    """Return a finding as a failure under the policy of the base, if the pull request causes the finding."""
    if not finding.is_gated:
        return replace(finding, kind=LOOSENED)
    is_enforced = session.base_policy is not None and session.base_policy.is_enforced
    judged = session.policy.judge(fails=is_enforced, otherwise=Severity.WARNING)
    fails = f"so the session fails: a reviewer accepts this {session.policy.by_label}"
    effect = fails if is_enforced else "accepted"
    headline = f"{finding.headline}, {effect}"
    is_accepted = bool(finding.test) and not is_enforced
    return replace(
        finding, severity=judged.severity, is_gated=judged.is_gated, headline=headline, is_accepted=is_accepted
    )


def _uncollected(session: PerfSession) -> dict[str, str]:
    """Return the base's tests that are not collected any more, each with the change that is the reason."""
    policy, config, seen = session.base_policy, session.config, session.tests.collected
    if policy is None or names_tests(config):
        return {}
    typed = [config.invocation_params.dir / one for one in config.args] if _names_folders(config) else []
    # The controller of pytest-xdist collects nothing, and its workers tell the perf tests only.
    collected = {*seen.nodeids, *(test for test, _ in session.tests.expectations.get("collected", ()))}
    found = policy.uncollected(set(map(function_of, collected)), [one.resolve() for one in typed])
    skipped = session.tests.observer.skipped
    of_base = set(map(function_of, _noted(session, "of base")))
    return {
        test: f"{by}, which differs from the base's"
        for test, by in found.items()
        if file_of(test) not in skipped and (test in of_base or not of_base)
    }


def _names_folders(config: pytest.Config) -> bool:
    """Return whether the command line names what to collect; else pytest collects `testpaths`, or all tests."""
    return config.args_source is pytest.Config.ArgsSource.ARGS


def _deselected(session: PerfSession) -> dict[str, str]:
    """Return the tests that the pull request's own files deselect, each with the file or the option that does."""
    policy = session.base_policy
    expectations = session.tests.expectations
    chosen = {test for test, _ in expectations.get("chosen", ())}
    left_out = {test for test, _ in expectations.get("collected", ())} - chosen
    by_conftest = {test for test, _ in expectations.get("by conftest", ())}
    if policy is None or not left_out:
        return {}
    reasons: dict[str, str] = {}
    options = deselecting_settings(session.config)
    if options and policy.tests.options_differ:
        reasons |= dict.fromkeys(left_out - by_conftest, f"{options} of addopts, which differs from the base's")
    if policy.tests.conftest_differs:
        reasons |= dict.fromkeys(left_out & by_conftest, "a conftest.py, which differs from the base's")
    of_base = _noted(session, "of base")
    return {
        test: why
        for test, why in reasons.items()
        if test in of_base or not (of_base or not policy.tests.has_file_of(test))
    }

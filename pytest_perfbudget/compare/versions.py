"""The distributions whose versions differ from those with which the baseline was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_perfbudget.baseline.call_profiles import read_versions
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.versions import version_changes
from pytest_perfbudget.installed import installed_versions, used_distributions


def with_versions(
    changes: Sequence[RegressionResult], baseline: Path, machine: str, root: Path
) -> list[RegressionResult]:
    """Return results of which each slowdown says which distributions have other versions than for the baseline.

    Args:
        changes: the results.
        baseline: the baseline's file.
        machine: the key of this machine.
        root: pytest's root folder.
    """
    return [_explained(one, baseline, machine, root) if _is_slowdown(one) else one for one in changes]


def _is_slowdown(change: RegressionResult) -> bool:
    return change.metric == TIME.name and change.verdict is RegressionVerdict.REGRESSED


def _explained(change: RegressionResult, baseline: Path, machine: str, root: Path) -> RegressionResult:
    before = read_versions(baseline, machine)
    if before is None:
        return change
    used = used_distributions(root)
    return replace(change, installed=version_changes(before, installed_versions(), used))

"""The code that no commit of the repository has: libraries and ignored files, now and when the baseline was made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_perfbudget.baseline.call_profiles import calls_file, read_versions
from pytest_perfbudget.checkout.generated import ignored
from pytest_perfbudget.checkout.hidden_code import functions_in
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.versions import version_changes
from pytest_perfbudget.installed import code_without_version, installed_versions, may_be_used, used_distributions
from pytest_perfbudget.paths import own_modules, path_in


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


def why_not_as_for_baseline(baseline: Path, machine: str, root: Path, repository: Path) -> str:
    """Return why code that no commit has may not be that of the baseline; empty if all its versions are the same.

    Args:
        baseline: the baseline's file.
        machine: the key of this machine.
        root: pytest's root folder.
        repository: the top folder of the repository.
    """
    before, after = read_versions(baseline, machine), installed_versions(root)
    if before is None:
        return f"the versions of installed distributions are not in {calls_file(baseline).name}"
    changed = {one.name: one for one in version_changes(before, after)}
    if changed and (used := may_be_used(root, list(changed))):
        versions = (f"{name} {changed[name].before or 'none'} -> {changed[name].after or 'none'}" for name in used)
        return f"{', '.join(versions)} since the baseline"
    if elsewhere := code_without_version(root, repository):
        return f"{elsewhere} is not in the repository, and has no version that would tell a change"
    if generated := _ignored_code(root, repository):
        return f"git ignores {generated}, so that a change of this file is in no commit"
    return ""


def _ignored_code(root: Path, repository: Path) -> str:
    """Return a module of the project that git ignores, and that has functions; empty if there is none."""
    top = repository.resolve()
    places = [place for file in own_modules(root).values() if (place := path_in(top, file)) is not None]
    found = [one for one in ignored(top, places) if one.suffix != ".py" or functions_in(top / one)]
    return min((one.as_posix() for one in found), default="")


def _is_slowdown(change: RegressionResult) -> bool:
    return change.metric == TIME.name and change.verdict is RegressionVerdict.REGRESSED


def _explained(change: RegressionResult, baseline: Path, machine: str, root: Path) -> RegressionResult:
    before = read_versions(baseline, machine)
    if before is None:
        return change
    used = used_distributions(root)
    return replace(change, installed=version_changes(before, installed_versions(root), used))

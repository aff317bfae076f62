"""The distributions whose versions differ from those with which the baseline was made."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from pytest_perfbudget.baseline.call_profiles import read_versions
from pytest_perfbudget.core.metrics import TIME
from pytest_perfbudget.core.results import RegressionResult, RegressionVerdict
from pytest_perfbudget.core.versions import normalized, version_changes
from pytest_perfbudget.installed import installed_versions
from pytest_perfbudget.paths import own_modules


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
    return replace(change, installed=version_changes(before, installed_versions(), imported_distributions(root)))


def imported_distributions(root: Path) -> set[str]:
    """Return the normalized names of the distributions that the loaded modules of a project import by themselves.

    A name that a module imports within a function is not seen.
    """
    known = _distributions()  # reads all metadata, which takes a tenth of a second
    modules = [sys.modules[name] for name in own_modules(root) if name in sys.modules]
    tops = {_package_of(value) for module in modules for value in _names_of(module).values()}
    return {normalized(one) for top in tops for one in known.get(top, ())}


def _names_of(module: ModuleType) -> dict[str, Any]:
    """Return the names in a module, without waking a lazy module."""
    found: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return dict(found)


def _package_of(value: object) -> str:
    """Return the package that a value of a module comes from; empty if that is not known.

    The type of the value decides, because a proxy would make its object if it were asked.
    """
    kind = type(value)
    if issubclass(kind, ModuleType):
        name = _names_of(value).get("__name__")  # type: ignore[arg-type]
    else:
        name = getattr(value, "__module__", "") if issubclass(kind, _HAVE_MODULES) else ""
    return name.partition(".")[0] if isinstance(name, str) else ""


_distributions = cache(packages_distributions)
_HAVE_MODULES: Final = (type, FunctionType, BuiltinFunctionType)

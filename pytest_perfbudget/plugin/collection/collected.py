"""What a session has collected, and what it was not asked to."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_perfbudget.core.limits import Rule, pattern_matches

if TYPE_CHECKING:
    import pytest


def nodeid_of(item: pytest.Item) -> str:
    """Return the node id of a test as it is without xdist, whose workers add the group for --dist loadgroup."""
    if not getattr(item.config.option, "loadgroup", False):
        return item.nodeid
    marks = item.iter_markers("xdist_group")
    groups = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks}
    # It is added after some hooks have run, and before others.
    return item.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}")


def typed(config: pytest.Config, nodeid: str) -> str:
    """Return a node id as it is to be typed in the folder where pytest was started."""
    file, colons, rest = nodeid.partition("::")
    path = os.path.relpath(config.rootpath / file, config.invocation_params.dir)
    return f"{path.replace(os.sep, '/')}{colons}{rest}"


class Collected:
    """The tests of a session before any were deselected, next to what there may be besides.

    Args:
        config: the session's.
        items: what was collected.
        visited: node ids of files that were looked into, tests or not: one may have been skipped as a whole.
    """

    def __init__(self, config: pytest.Config, items: Iterable[pytest.Item], visited: Iterable[str] = ()) -> None:
        self._root = config.rootpath
        self._file_names: list[str] = config.getini("python_files")
        self.nodeids = {nodeid_of(item) for item in items}
        self.files = {nodeid.partition("::")[0] for nodeid in self.nodeids} | set(visited)
        # --lf and the like collect no more of a file than they run.
        self._is_partial = any("::" in one for one in config.args) or bool(getattr(config.option, "lf", False))

    def is_gone(self, nodeid: str) -> bool:
        """Return whether a test is there no longer: its file was collected without it, or is not there."""
        if nodeid in self.nodeids or self._is_partial:
            return False
        file = nodeid.partition("::")[0]
        return file in self.files or not (self._root / file).exists()

    def unmatched(self, rules: Iterable[Rule], perf_tests: Collection[str]) -> Iterator[str]:
        """Yield a line for each pattern of the configuration that covers no perf test and ought to."""
        for rule in rules:
            for pattern in rule.patterns:
                if any(pattern_matches(pattern, nodeid) for nodeid in perf_tests):
                    continue
                if what := self._why_unmatched(pattern):
                    named = "" if f'"{pattern}"' in rule.place else f"{pattern!r} "
                    yield f"{rule.place}: {named}{what}"

    def _why_unmatched(self, pattern: str) -> str:
        """Return what is wrong with a pattern; nothing if its tests were only not asked for."""
        file = pattern.partition("::")[0]
        collected = any(pattern_matches(file, one) for one in self.files)
        if (collected and self._is_partial) or self._has_uncollected(file):
            return ""
        if any(pattern_matches(pattern, nodeid) for nodeid in self.nodeids):
            return "matches tests, but none that is measured: mark them with perf_budget or use the perf fixture"
        return "matches no test: correct the pattern or remove it"

    def _has_uncollected(self, pattern: str) -> bool:
        """Return whether the pattern covers test files on disk that this session did not collect."""
        try:
            found = [*self._root.glob(pattern), *self._root.glob(f"{pattern}/**/*.py")]
        except (ValueError, NotImplementedError):  # an empty pattern, an absolute one
            return False
        return any(
            path.relative_to(self._root).as_posix() not in self.files
            for path in found
            if path.is_file() and any(path.match(name) for name in self._file_names)
        )

"""The collected tests of a session, as opposed to tests that are gone or that the session was not asked for."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from pytest_perfbudget.core.limits import Rule, pattern_matches
from pytest_perfbudget.core.measurement import file_of, without_addresses

if TYPE_CHECKING:
    import pytest


def nodeid_of(item: pytest.Item) -> str:
    """Return the node id of a test without the group that xdist workers append for --dist loadgroup."""
    if not getattr(item.config.option, "loadgroup", False):
        return item.nodeid
    marks = item.iter_markers("xdist_group")
    groups = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks}
    # xdist appends the group after some hooks have run, and before others.
    return item.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}")


def typed(config: pytest.Config, nodeid: str) -> str:
    """Return a node id as a user types it in the folder where pytest was started."""
    file, colons, rest = nodeid.partition("::")
    path = os.path.relpath(config.rootpath / file, config.invocation_params.dir)
    return f"{path.replace(os.sep, '/')}{colons}{rest}"


class Collected:
    """The tests of a session before any were deselected, compared with the test files on disk.

    Args:
        config: the configuration of the session.
        items: the collected tests.
        visited: the node ids of visited files, with or without tests: a file may have been skipped as a whole.
    """

    def __init__(self, config: pytest.Config, items: Iterable[pytest.Item], visited: Iterable[str] = ()) -> None:
        self._root = config.rootpath
        self._file_names: list[str] = config.getini("python_files")
        self.nodeids = {nodeid_of(item) for item in items}
        self._stable = {without_addresses(nodeid) for nodeid in self.nodeids}
        self.files = {file_of(nodeid) for nodeid in self.nodeids} | set(visited)
        # Options such as --lf collect only those tests of a file that they run.
        self.is_partial = any("::" in one for one in config.args) or bool(getattr(config.option, "lf", False))

    def is_gone(self, nodeid: str) -> bool:
        """Return whether a test no longer exists: its file was collected without the test, or does not exist."""
        # Another process has other addresses in its ids.
        if nodeid in self.nodeids or self.is_partial or without_addresses(nodeid) in self._stable:
            return False
        file = file_of(nodeid)
        return file in self.files or not (self._root / file).exists()

    def unmatched(self, rules: Iterable[Rule], perf_tests: Collection[str]) -> Iterator[str]:
        """Yield a line for each pattern of the configuration that should cover a perf test and covers none."""
        for rule in rules:
            for pattern in rule.patterns:
                if any(pattern_matches(pattern, nodeid) for nodeid in perf_tests):
                    continue
                if what := self._why_unmatched(pattern):
                    named = "" if f'"{pattern}"' in rule.place else f"{pattern!r} "
                    yield f"{rule.place}: {named}{what}"

    def _why_unmatched(self, pattern: str) -> str:
        """Return the mistake in a pattern; empty if the session was merely not asked for the pattern's tests."""
        file = file_of(pattern)
        collected = any(pattern_matches(file, one) for one in self.files)
        if (collected and self.is_partial) or self._has_uncollected(file):
            return ""
        if any(pattern_matches(pattern, nodeid) for nodeid in self.nodeids):
            return "matches tests, but none that is measured: mark them with perf_budget or use the perf fixture"
        return "matches no test: correct the pattern or remove it"

    def _has_uncollected(self, pattern: str) -> bool:
        """Return whether the pattern covers test files on disk that this session did not collect."""
        try:
            found = [*self._root.glob(pattern), *self._root.glob(f"{pattern}/**/*.py")]
        except (ValueError, NotImplementedError):  # the pattern is empty or absolute
            return False
        return any(
            path.relative_to(self._root).as_posix() not in self.files
            for path in found
            if path.is_file() and any(path.match(name) for name in self._file_names)
        )

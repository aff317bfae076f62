"""Names by which parts of the plugin find each other, within a process and between processes.

Every pytest session imports this module, so it imports next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest

SESSION: Final = "perfbudget-session"
"""The name of the plugin that measures; a session without perf tests does not have this plugin."""
SUMMARY: Final = "perfbudget-summary"
"""The name of the plugin that reports; xdist workers do not have this plugin."""
CHILD: Final = "perfbudget-child"
"""The name of the plugin in a fresh process, which makes the process measure for another session."""
CHANNEL: Final = "perfbudget-channel"
"""The name of the plugin through which a fresh process receives commands and sends answers."""
SUGGESTING: Final = "pytest_perfbudget.plugin.measuring.suggesting"
"""The name of the plugin of a session that suggests budgets, by which `perfbudget init` starts it."""

ERROR_OUTPUT: Final = "perfbudget_error"
"""The key under which an xdist worker reports a user's mistake to its controller."""
EXPECTATIONS_OUTPUT: Final = "perfbudget_expectations"
"""The key under which an xdist worker tells its controller the expectations from the baseline."""
LATE_OUTPUT: Final = "perfbudget_late"
"""The key under which an xdist worker sends measurements that it compared after its last test."""
REMARK_OUTPUT: Final = "perfbudget_remark"
"""The key under which an xdist worker sends its doubts about the base, such as files that the checkout lacked."""
KNOWN_SPANS_OUTPUT: Final = "perfbudget_known_spans"
"""The key under which an xdist worker sends the names of spans that exist, by its tests and the project's code."""
SHARING_OUTPUT: Final = "perfbudget_sharing"
"""The key under which an xdist worker sends the number of tests that share alpha."""
LOCK_INPUT: Final = "perfbudget_lock"
"""The key under which the controller tells its workers the folder of the lock."""
TREE_INPUT: Final = "perfbudget_tree"
"""The key under which the controller tells its workers the folder of the base's checkout."""
ENVIRONMENT_INPUT: Final = "perfbudget_environment"
"""The key under which the controller tells its workers the environment with which the session began."""
ARGUMENTS_INPUT: Final = "perfbudget_arguments"
"""The key under which the controller tells its workers the command line."""

FIXTURES: Final = frozenset({"perf", "perf_load"})
"""The fixtures that measure. A test that asks for one of them is a perf test."""

_MEASURING: Final = (__package__, "pytest_benchmark")

BASELINE: Final = "perf-baseline.json"
"""The file of the baseline, unless pyproject.toml names another file."""


def is_xdist_worker(config: pytest.Config) -> bool:
    """Return whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def worker_input(config: pytest.Config, key: str) -> str:
    """Return the text that the controller told this worker under a key; empty in other processes."""
    found: str = getattr(config, "workerinput", {}).get(key, "")
    return found


def can_be_measured(item: pytest.Item) -> bool:
    """Return whether an item is a test function, and no doctest or an item of a plugin's own kind."""
    return isinstance(item, pytest.Function)


def is_marked(item: pytest.Item) -> bool:
    """Return whether a test has the marker."""
    return can_be_measured(item) and item.get_closest_marker("perf_budget") is not None


def asks(item: pytest.Item) -> bool:
    """Return whether a test itself says that it is a perf test."""
    return is_marked(item) or (can_be_measured(item) and bool(measuring_fixtures(item)))


def measuring_fixtures(item: pytest.Item) -> frozenset[str]:
    """Return which of `FIXTURES` a test asks for; a project's own fixture of that name measures nothing."""
    names = FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if not names:
        return names
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return frozenset(name for name in names if _is_own(name, known.get(name, ())))


def replaces_fixtures(item: pytest.Item) -> bool:
    """Return whether a fixture of the project stands between a test and a fixture that measures."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    last = [known[name][-1].func for name in FIXTURES | {"benchmark"} if len(known.get(name, ())) > 1]
    return any(not (getattr(one, "__module__", None) or "").startswith(_MEASURING) for one in last)


def _is_own(name: str, definitions: Sequence[Any]) -> bool:
    """Return whether a fixture is this plugin's, or uses the plugin's in order to replace it."""
    for one in reversed(definitions):
        if (getattr(one.func, "__module__", None) or "").startswith(__package__):
            return True
        if name not in one.argnames:
            return False
    return True

"""The fixtures of all tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np  # noqa: F401 - pytester unloads what a run inside this process loaded, which numpy cannot stand
import pytest
import scipy.special  # noqa: F401
from programs import FEW_RUNS, perf_program
from scripting import CONFTEST, SCRIPTED, TWO_WORKERS, Project, ScriptedClock, leave_the_outer_run

import pytest_perfbudget.report.formats.terminal  # noqa: F401 - its package would keep it, with classes of the first run

if TYPE_CHECKING:
    from html_browser import Browser

pytest_plugins = ["pytester"]

_FURTHER_WAYS = ("neighbours", "plugin/collection", "plugin/measuring", "plugin/reporting")
"""The folders whose tests with two workers are slow: what workers change is tested in `plugin/xdist` and `compare`."""

_SLOW = {
    "TestBaseline::test_another_load_is_foreign_until_the_baseline_is_updated",
    "TestEarlyEnd::test_a_server_near_its_limit_is_seldom_ended[M/M/1 at 80 %]",
    "TestLate::test_slower_code_fails_the_session_of_several_workers",
    "TestLate::test_slower_code_fails_where_a_hook_of_the_suite_fails",
    "TestLate::test_slower_code_of_a_test_that_is_expected_to_fail_fails_nothing",
    "TestLate::test_slower_code_only_warns_with_that_gate",
    "test_a_commit_is_compared[gevent-3-regressed]",
    "test_a_commit_is_compared[pyfakefs-3-regressed]",
    "test_a_late_comparison_has_its_share_of_the_sessions_error_rate",
    "test_a_slower_service_fails_in_every_model[asyncio]",
    "test_a_test_may_look_at_the_result_on_both_sides[open]",
    "test_a_test_that_is_many_times_slower_fails_against_it",
    "test_all_workers_know_what_the_first_of_them_took[imported late]",
    "test_code_that_is_run_by_its_path_in_the_working_tree_is_wrong_code[side by side]",
    "test_each_repetition_of_pytest_repeat_is_compared[-arguments1-head1]",
    "test_each_repetition_of_pytest_repeat_is_compared[-arguments2-head2]",
    "test_the_base_builds_its_own_modules[in the repository]",
    "test_the_base_does_not_inherit_what_the_heads_conftest_has_set[environment-n2]",
    "test_the_base_does_not_inherit_what_the_heads_conftest_has_set[search path-plain]",
}
"""The tests of seven seconds or more that have a quicker relative in their file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that the job `slow` runs; see `tests/compare/conftest.py` for those of comparisons."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.parent.relative_to(here).as_posix()
        is_further = folder.startswith(_FURTHER_WAYS) and "n2" in getattr(getattr(item, "callspec", None), "id", "")
        if is_further or item.nodeid.partition("::")[2] in _SLOW:
            item.add_marker("slow")


@pytest.fixture
def scripted() -> ScriptedClock:
    return ScriptedClock()


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    leave_the_outer_run(monkeypatch)
    made = Project(pytester)
    made.file("scripted.py", SCRIPTED)
    made.file("conftest.py", CONFTEST)
    # A root of its own, so that no pyproject.toml above it is read.
    made.file("pytest.ini", "[pytest]\nasyncio_default_fixture_loop_scope = function\npythonpath = .\n")
    return made


@pytest.fixture
def lean(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The project without other plugins, which take half of the start of a process: for tests that start many."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_perfbudget.plugin.hooks")
    project.file("pytest.ini", "[pytest]\npythonpath = .\n")
    return project


@pytest.fixture(params=[(), ("-p", "xdist.plugin", "-n", "0"), TWO_WORKERS], ids=["plain", "n0", "n2"])
def each_way(lean: Project, request: pytest.FixtureRequest) -> Project:
    """The project, run without xdist, with `-n 0` and with `-n 2`."""
    lean.arguments = request.param
    return lean


_BASELINE: dict[str, str] = {}


@pytest.fixture
def based(lean: Project) -> Project:
    """A project with a baseline of `perf_program()`; made once, for on the scripted clock it is always the same."""
    lean.file("pyproject.toml", FEW_RUNS)
    if not _BASELINE:
        lean.run(perf_program(), "--perf-update-baseline").assert_outcomes(passed=2, deselected=1)
        for name in ("perf-baseline.json", "perf-baseline.calls.json"):
            _BASELINE[name] = (lean.pytester.path / name).read_text("utf-8")
    for name, text in _BASELINE.items():
        lean.file(name, text)
    return lean


@pytest.fixture
def data() -> Callable[[str], Any]:
    """Reads a file of recorded timings."""

    def read(name: str) -> Any:
        return json.loads((Path(__file__).parent / "data" / name).read_text("utf-8"))

    return read


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of all tests, which takes a second to start."""
    from html_browser import browser, missing  # selenium takes half a second

    if reason := missing():
        pytest.skip(reason)
    with browser() as shown:
        yield shown

"""What a session without perf tests pays for the plugin: nearly nothing."""

from __future__ import annotations

import sys

import pytest

PROBE = """
import sys

def pytest_unconfigure(config):
    print("LOADED", *sorted(sys.modules))
"""


def loaded(pytester: pytest.Pytester, tests: str, *arguments: str) -> set[str]:
    pytester.makeconftest(PROBE)
    pytester.makepyfile(tests)
    options = ("-p", "no:benchmark", "-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:rerunfailures")
    result = pytester.runpytest_subprocess(
        "-s", "-p", "no:anyio", "-p", "no:asyncio", "-p", "no:trio", *options, *arguments
    )
    (line,) = (line for line in result.outlines if line.startswith("LOADED"))
    return set(line.split())


DEPENDENCY = """
[project]
name = "goods"
dependencies = ["pytest-perfbudget>=0.1"]
[dependency-groups]
test = [ "pytest-perfbudget", 'pytest_perfbudget' ]
"""

TABLES = (
    "[tool.perfbudget]",
    "[ tool . perfbudget ]",
    '[tool."perfbudget"]',
    "[tool.perfbudget.budgets]",
    "[tool.perfbudget.components.web]",
    "[tool]\nperfbudget.strict = true",
    "[tool]\nperfbudget = { strict = true }",
    "tool.perfbudget.strict = true",
)

HEAVY = ("numpy", "scipy", "rich", "filelock", "pytest_perfbudget.core", "tracemalloc")


ENTRY_POINT = {
    "pytest_perfbudget",
    "pytest_perfbudget.plugin",
    "pytest_perfbudget.plugin.hooks",
    "pytest_perfbudget.plugin.keys",
    "pytest_perfbudget.plugin.options",
    "pytest_perfbudget.plugin.start_state",
    "pytest_perfbudget.real_clocks",
    "pytest_perfbudget.table_name",
}
COMPARISONS = (
    "pytest_perfbudget.compare.baseline",
    "pytest_perfbudget.compare.paired",
    "pytest_perfbudget.compare.sequential",
    "pytest_perfbudget.compare.pair_runner",
    "pytest_perfbudget.checkout.worktree",
)


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.startswith("pytest_perfbudget")}


def test_without_perf_tests_nothing_heavy_is_imported(pytester: pytest.Pytester) -> None:
    modules = loaded(pytester, "def test_it(): pass")
    assert [name for name in HEAVY if name in modules] == []
    assert ours(modules) == ENTRY_POINT


def test_a_project_that_only_depends_on_the_plugin_imports_no_more(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(DEPENDENCY)
    assert ours(loaded(pytester, "def test_it(): pass")) == ENTRY_POINT


@pytest.mark.parametrize("table", TABLES)
def test_any_way_to_write_the_table_starts_the_plugin(pytester: pytest.Pytester, table: str) -> None:
    pytester.makepyprojecttoml(f"{table}\n")
    assert ours(loaded(pytester, "def test_it(): pass")) > ENTRY_POINT


@pytest.mark.parametrize(
    "name",
    [
        "tool.perf-budget",
        "tool.perf_budgets",
        "tool.perfbudgets",
        "tool.pytest-perfbudget",
        "tool.pytest_perf_budget",
        "tool.perfbudegt",
        "perfbudget",
    ],
)
@pytest.mark.parametrize("key", ["strict = true", ""])
def test_a_table_with_a_misspelt_name_is_an_error_before_anything_runs(
    pytester: pytest.Pytester, name: str, key: str
) -> None:
    pytester.makepyprojecttoml(f"[{name}]\n{key}\n")
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_inprocess("-p", "no:asyncio")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [f"ERROR: pyproject.toml [[]{name}]: this table is not read: its name is [[]tool.perfbudget]"]
    )


def test_budgets_import_no_comparison(pytester: pytest.Pytester) -> None:
    modules = loaded(pytester, "import pytest\n@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): pass")
    assert not {name for name in modules if name.startswith(COMPARISONS)}


def test_a_perf_test_without_load_imports_no_generator(pytester: pytest.Pytester) -> None:
    modules = loaded(pytester, "def test_it(perf): perf(len, 'x')")
    assert not {name for name in modules if name.startswith(("pytest_perfbudget.measure.load", "aiohttp", "psutil"))}


def test_a_perf_test_of_a_percentile_needs_neither_scipy_nor_numpy(pytester: pytest.Pytester) -> None:
    tests = "import pytest\n@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): pass"
    modules = loaded(pytester, tests)
    assert "pytest_perfbudget.core" in modules
    assert "rich" in modules
    assert not {"numpy", "scipy", "filelock"} & modules


def test_a_perf_test_of_a_mean_needs_scipy_special_and_not_scipy_stats(pytester: pytest.Pytester) -> None:
    tests = "import pytest\n@pytest.mark.perf_budget(mean_s=5)\ndef test_it(): pass"
    assert "scipy.special" in loaded(pytester, tests)
    assert "scipy.stats" not in loaded(pytester, tests)


@pytest.mark.parametrize(
    ("test", "pyproject", "is_early"),
    [
        ("@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): {check}", "", False),
        ("@pytest.mark.perf_budget(mean_s=5)\ndef test_it(): {check}", "", True),
        ("@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): {check}", 'baseline = "b.json"', True),
        ("def test_it(perf):\n    {check}\n    perf(len, 'x', mean_s=5)", "", True),
        ("def test_it(perf):\n    {check}\n    perf(len, 'x', p95_s=5)", "", False),
        ("def test_it(perf_load):\n    {check}\n    perf_load(int, users=1, requests=1)", "", True),
    ],
    ids=["a percentile", "a mean", "a comparison", "the mean of a call", "the percentile of a call", "a load"],
)
def test_scipy_is_imported_before_the_first_test_or_not_at_all(
    pytester: pytest.Pytester, test: str, pyproject: str, is_early: bool
) -> None:
    """A test that restores sys.modules around an import of scipy would break the next import."""
    pytester.makepyprojecttoml(f"[tool.perfbudget]\n{pyproject}\n")
    check = f'assert ("scipy.special" in sys.modules) is {is_early}'
    tests = f"import pytest, sys\n{test.format(check=check)}\n"
    pytester.makepyfile(tests)
    options = ("-p", "no:benchmark", "-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:asyncio", "-p", "no:trio")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=1)


def test_without_the_plugin_nothing_of_its_package_is_imported(pytester: pytest.Pytester) -> None:
    assert not {name for name in loaded(pytester, "def test_it(): pass", "-p", "no:perfbudget") if "perfbudget" in name}


def test_the_marker_is_registered_for_strict_markers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.perf_budget(p95_s=5)\ndef test_it(): pass")
    pytester.runpytest_inprocess("-p", "no:asyncio", "--strict-markers").assert_outcomes(passed=1)
    pytester.runpytest_inprocess("-p", "no:asyncio", "--markers").stdout.fnmatch_lines(
        ["@pytest.mark.perf_budget(name=None, /, *, compo*"]
    )


def test_the_fixture_is_listed_with_its_help(pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess("-p", "no:asyncio", "--fixtures").stdout.fnmatch_lines(
        ["perf -- *", "*Measure functions, coroutines and*"]
    )


def test_the_package_offers_the_fixtures_type_without_importing_it() -> None:
    import pytest_perfbudget

    assert pytest_perfbudget.Perf.__name__ == "Perf"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = pytest_perfbudget.Nothing
    assert "pytest_perfbudget.plugin.measuring.perf_fixture" in sys.modules

"""The user's mistakes: one line that names the place and the remedy, exit code 4."""

from __future__ import annotations

import pytest
from scripting import TWO_WORKERS, Project

USAGE = pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("p95_mss=5", "'p95_mss' has no such unit 'mss': use one of ns, us, ms, s"),
        ("p95ms=5", "unknown keyword 'p95ms' (did you mean 'p95_ms'?)"),
        ("p95=5", "'p95' lacks its unit: write p95_ms, or with another of ns, us, ms, s"),
        ("max_ratio=5", "'max_ratio' limits a comparison only: give it to perf.ratio(...)"),
        ("alpha=0.1", "alpha is a setting of the whole session: it belongs in [tool.perfbudget] of pyproject.toml"),
        ("name='x'", "the name comes first and without a keyword: perf_budget('x', ...)"),
        ("max_calls=1.5", "max_calls must be a whole number, found 1.5"),
        ("componet='x'", "unknown keyword 'componet' (did you mean 'component'?)"),
        ("p95_ms=-5", "p95_ms must be a number above zero, found -5"),
        ("p95_ms=0", "p95_ms must be a number above zero, found 0"),
        ("p95_ms=float('nan')", "p95_ms must be a number above zero, found nan"),
        ("p95_ms=True", "p95_ms must be a number, found True"),
        ("p95_ms='50'", "p95_ms must be a number without quotes, found '50'"),
        ("max_time=1", "max_time: expected a duration above zero in s, ms, us or ns, such as '1s' or '250ms', found 1"),
        ("50", "takes one name and keywords, such as perf_budget('parse', p95_ms=5), found (50,)"),
        ("'a', 'b'", "takes one name and keywords, such as perf_budget('parse', p95_ms=5), found ('a', 'b')"),
    ],
)
def test_a_mistake_in_a_marker_is_a_usage_error_of_one_line(project: Project, marker: str, message: str) -> None:
    result = project.run(f"""
@pytest.mark.perf_budget({marker})
def test_it(): raise SystemError("never run")
""")
    assert result.ret == USAGE
    errors = [line for line in result.errlines if line]
    assert errors == [f"ERROR: perf_budget marker in test_it.py:4: {message}"]


def test_a_mistake_is_the_same_under_xdist(each_way: Project) -> None:
    result = each_way.run("""
@pytest.mark.perf_budget(p95ms=5)
def test_it(): raise SystemError("never run")
""")
    assert result.ret == USAGE
    text = result.stdout.str() + result.stderr.str()
    message = "ERROR: perf_budget marker in test_it.py:4: unknown keyword 'p95ms' (did you mean 'p95_ms'?)"
    assert text.count(message) == 1
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text


def test_a_mistake_in_the_table_is_a_usage_error_of_one_line(each_way: Project) -> None:
    result = each_way.run("def test_it(): pass", pyproject="[tool.perfbudget]\nmax_tme = '1s'\n")
    assert result.ret == USAGE
    errors = [line for line in result.errlines if line]
    assert errors == ["ERROR: pyproject.toml [tool.perfbudget]: unknown keyword 'max_tme' (did you mean 'max_time'?)"]


def test_broken_toml_is_a_usage_error(project: Project) -> None:
    result = project.run("def test_it(): pass", pyproject="[tool.perfbudget\n")
    assert result.ret == USAGE
    result.stderr.fnmatch_lines(["ERROR: *pyproject.toml*"])


PATTERNS = """
[tool.perfbudget.budgets]
"{pattern}" = {{ p95_ms = 50 }}
"""

TWO = """
@pytest.mark.perf_budget(p95_ms=50)
def test_it(): pass

def test_plain(): pass
"""


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("test_it.py::test_it", None),
        ("test_it.py::test_pl*", None),
        ("test_it.py::test_tpyo", "matches no test: correct the pattern or remove it"),
        ("test_gone.py", "matches no test: correct the pattern or remove it"),
        ("other/test_o.py::test_o", None),
        ("::test_it", "matches no test: correct the pattern or remove it"),
    ],
)
def test_a_pattern_that_matches_nothing_is_named(project: Project, pattern: str, complaint: str | None) -> None:
    # A file that this session does not collect may hold the tests that a pattern is for.
    project.file("other/test_o.py", "def test_o(): pass\n")
    table = PATTERNS.format(pattern=pattern)
    result = project.run(TWO, "test_it.py", "-Wdefault", pyproject=table)
    assert result.ret == 0
    line = f'*pyproject.toml [[]tool.perfbudget.budgets] "{pattern}": {complaint}*'
    if complaint is None:
        assert "matches no" not in result.stdout.str()
    else:
        result.stdout.fnmatch_lines([line])
    strict = project.run(TWO, "test_it.py", "--perf-strict", pyproject=table)
    assert strict.ret == (USAGE if complaint else 0)


def test_a_pattern_that_matches_nothing_is_named_once_under_xdist(lean: Project) -> None:
    table = PATTERNS.format(pattern="test_gone.py")
    result = lean.run(TWO, *TWO_WORKERS, "-Wdefault", pyproject=table)
    assert result.stdout.str().count('"test_gone.py": matches no test') == 1
    strict = lean.run(TWO, *TWO_WORKERS, "--perf-strict", pyproject=table)
    assert strict.ret == USAGE
    assert "Different tests were collected" not in strict.stdout.str()


def test_all_mistakes_are_named_at_once(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95=5)
def test_one(): pass
@pytest.mark.perf_budget(peak_mb=-5)
def test_two(): pass
""")
    assert result.ret == USAGE
    places = [line.partition(".py:")[2].partition(":")[0] for line in result.errlines if line]
    assert places == ["4", "6"]


def test_a_pattern_that_matches_nothing_is_an_error_where_warnings_are(project: Project) -> None:
    result = project.run(TWO, "-Werror", pyproject=PATTERNS.format(pattern="test_gone.py"))
    assert result.ret == USAGE
    result.stderr.fnmatch_lines(['ERROR: *"test_gone.py": matches no test: correct the pattern or remove it'])


def test_a_component_that_measures_nothing_is_said(project: Project) -> None:
    table = '[tool.perfbudget.components."jwt"]\nmatch = ["test_it.py::test_plain"]\np95_ms = 50\n'
    result = project.run(TWO, "-Wdefault", pyproject=table)
    result.stdout.fnmatch_lines(["*matches tests, but none that is measured: mark them with perf_budget*"])


def test_a_pattern_over_files_that_were_not_all_collected_is_not_named(project: Project) -> None:
    project.file("test_other.py", "import pytest\n@pytest.mark.perf_budget(p95_s=9)\ndef test_o(): pass\n")
    table = PATTERNS.format(pattern="test_*.py")
    result = project.run("def test_plain(): pass", "test_it.py", "-Wdefault", pyproject=table)
    assert "matches" not in result.stdout.str()


def test_a_component_without_table_but_nearly_the_name_of_one_is_said(project: Project) -> None:
    table = '[tool.perfbudget.components."storage"]\np95_ms = 50\n'
    tests = """
@pytest.mark.perf_budget(component="storag")
def test_it(): pass

@pytest.mark.perf_budget(component="other")
def test_other(): pass
"""
    result = project.run(tests, "-Wdefault", pyproject=table)
    message = "perf_budget marker of test_it.py::test_it: component 'storag' has no table (did you mean 'storage'?)"
    assert message in result.stdout.str()
    assert "component 'other'" not in result.stdout.str()
    strict = project.run(tests, "--perf-strict", pyproject=table)
    assert strict.ret == USAGE
    assert f"ERROR: {message}" in strict.stderr.str()


def test_a_pattern_for_a_file_that_was_collected_in_part_is_not_named(project: Project) -> None:
    table = PATTERNS.format(pattern="test_it.py::test_other")
    result = project.run(TWO, "test_it.py::test_it", pyproject=table)
    assert "matches no" not in result.stdout.str()


def test_a_generator_test_is_refused_by_pytest(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
def test_it(): yield
""")
    assert result.ret != 0
    assert project.report["measurements"] == []


@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 8 warns only")
def test_a_marker_on_a_fixture_is_refused_by_pytest(project: Project) -> None:
    result = project.run("""
@pytest.mark.perf_budget(p95_ms=50)
@pytest.fixture
def server(): pass

def test_it(server): pass
""")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*Marks cannot be applied to fixtures*"])


@pytest.mark.parametrize("limit", ["10**400", "1e308"])
def test_a_limit_beyond_all_numbers_is_refused(project: Project, limit: str) -> None:
    result = project.run(f"@pytest.mark.perf_budget(p95_ms={limit})\ndef test_it(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *p95_ms must be a number above zero, found *"])

"""`--perf-policy=base`: perf tests that the base chooses and that a pull request keeps from being measured."""

from __future__ import annotations

import json
import py_compile

import pytest
from programs import shop
from repositories import Repository, git
from scripting import TWO_WORKERS

CALL = "from shop import work\n\ndef test_it(perf):\n    perf(work)\n"
BODY = "import pytest\nfrom shop import work\n\n{}def test_it():\n    work()\n"
INI = "[pytest]\npythonpath = .\n"
TABLE = """
[tool.perfbudget]
codspeed = true
[tool.perfbudget.budgets]
"test_entry.py" = { p95_ms = 50 }
"""
BASE = {
    "pytest.ini": INI,
    "pyproject.toml": TABLE,
    "test_kept.py": CALL,
    "test_ignored.py": CALL,
    "test_no_file.py": CALL,
    "test_by_plugin.py": CALL,
    "test_dropped.py": CALL,
    "sub/test_shadowed.py": CALL,
    "deep/test_wrapped.py": CALL,
    "test_entry.py": BODY.format(""),
    "test_codspeed.py": BODY.format("@pytest.mark.benchmark\n"),
}
CONFTEST = """
pytest_plugins = ["helpers"]

@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path):
    found = yield
    return [] if file_path.name == "test_no_file.py" else found

@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session):
    session.items[:] = [item for item in session.items if item.path.name != "test_dropped.py"]
"""
PLUGIN = """
def pytest_ignore_collect(collection_path):
    return True if collection_path.name == "test_by_plugin.py" else None
"""
SHADOW = """
import pytest

@pytest.fixture
def perf():
    return lambda function, *arguments, **more: function(*arguments)
"""
NOT_RUN = """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return True if item.path.name == "test_slow.py" else None
"""
WRAPPED = """
import pytest

@pytest.fixture
def perf(perf):
    return lambda function, *arguments: perf(len, [], name="work")
"""
HIDING = {
    "pytest.ini": f"{INI}addopts = --lf --ignore=test_ignored.py\n",
    "pyproject.toml": "",
    "conftest.py": CONFTEST,
    "helpers.py": PLUGIN,
    "sub/conftest.py": SHADOW,
    "deep/conftest.py": WRAPPED,
}
"""The files of a pull request that hides each perf test but the first by another means."""


def propose(repository: Repository, base: dict[str, str], head: dict[str, str]) -> pytest.RunResult:
    """Commit a base with another conftest.py and tests, and judge a pull request by the base's policy."""
    clock = (repository.pytester.path / "conftest.py").read_text("utf-8")
    (repository.pytester.path / "test_it.py").unlink()
    for files in (base, head):
        for name, text in files.items():
            repository.file(name, clock + text if name == "conftest.py" else text)
        if files is base:
            repository.commit()
    return repository.against_base("--perf-policy=base", "--perf-only")


def said(repository: Repository) -> dict[str, str]:
    """Return the first words about each test that the pull request leaves out."""
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return {
        one["test"].partition("::")[0]: one["headline"].partition(", ")[0]
        for one in found
        if (one["kind"], one["severity"]) == ("loosened", "failure")
    }


@pytest.mark.usefixtures("brief")
def test_a_perf_test_that_is_hidden_by_whatever_means_fails_the_session(repository: Repository) -> None:
    result = propose(repository, BASE, {**HIDING, "shop.py": shop(1.3).replace("work():", "work():  # slower")})
    assert result.ret == 1
    out = "left out: HEAD measures the test"
    unmarked = "the test is no perf test any more: it has no marker"
    found = said(repository)
    assert found == {
        "test_ignored.py": "not collected",
        "test_no_file.py": out,
        "test_by_plugin.py": out,
        "test_dropped.py": out,
        "sub/test_shadowed.py": unmarked,
        "deep/test_wrapped.py": "measured through a fixture of the project that stands in for perf",
        "test_entry.py": unmarked,
        "test_codspeed.py": unmarked,
    }
    changed = "(changed: conftest.py, deep/conftest.py, helpers.py and 4 more)"
    result.stdout.fnmatch_lines([f"*test_dropped.py::test_it*{out}, and this session does not {changed}, so the*"])


@pytest.mark.parametrize(
    "head",
    [
        {"pytest.ini": f"{INI}addopts = test_kept.py\n"},
        {"conftest.py": "def pytest_configure(config): config.args[:] = ['test_kept.py::test_it']\n"},
        {"conftest.py": NOT_RUN},
    ],
    ids=["addopts", "arguments", "protocol"],
)
@pytest.mark.usefixtures("brief")
def test_a_pull_request_does_not_choose_the_tests_of_the_base(repository: Repository, head: dict[str, str]) -> None:
    base = {"pytest.ini": INI, "test_kept.py": CALL, "test_slow.py": CALL}
    assert propose(repository, base, head).ret == 1
    assert said(repository) == {"test_slow.py": "left out: HEAD measures the test"}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_one_of_several_workers_asks_the_base(repository: Repository) -> None:
    repository.arguments = TWO_WORKERS
    base = {"pytest.ini": INI, "test_kept.py": CALL, "test_slow.py": CALL}
    assert propose(repository, base, {"pytest.ini": f"{INI}addopts = test_kept.py\n"}).ret == 1
    assert said(repository) == {"test_slow.py": "left out: HEAD measures the test"}
    repository.commit()
    assert repository.against_base("--perf-policy=base", "--perf-only").ret == 0


AT_HOME = """
collect_ignore = ["test_ignored.py"]

def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.path.name != "test_dropped.py"]

def pytest_runtest_setup(item):
    if item.path.name == "test_skipped.py":
        pytest.skip("not here")
"""


@pytest.mark.usefixtures("brief")
def test_what_the_base_leaves_out_itself_is_no_finding(repository: Repository) -> None:
    names = ("test_kept.py", "test_ignored.py", "test_dropped.py", "test_skipped.py", "test_other.py")
    base = {**dict.fromkeys(names, CALL), "conftest.py": AT_HOME, "pytest.ini": f"{INI}addopts = -k 'not other'\n"}
    head = {"conftest.py": AT_HOME + "# ignore nothing else\n", "test_new.py": CALL}
    result = propose(repository, base, head)
    assert said(repository) == {}
    result.assert_outcomes(passed=2, skipped=1, deselected=1)
    assert result.ret == 0


SKIPS = "import pytest, sys\n" + CALL.replace("def", "@pytest.mark.skipif({}, reason='posix')\ndef")
FAILS = "import pytest, sys\n" + CALL.replace("def", "@pytest.mark.xfail({}, reason='posix')\ndef")


@pytest.mark.usefixtures("brief")
def test_a_test_that_only_the_pull_request_skips_or_lets_fail_is_found_by_running_the_base(
    repository: Repository,
) -> None:
    own, more = "from scripted import advance\ndef work():\n    advance({})\n", "    raise unittest.SkipTest('later')\n"
    there = "sys.platform == 'there'"
    base = {
        "pytest.ini": INI,
        "other.py": own.format(1),
        "test_by_code.py": CALL.replace("shop", "other"),
        "test_by_mark.py": SKIPS.format(there),
        "test_to_fail.py": FAILS.format(there),
        "test_kept.py": CALL,
    }
    head = {
        "other.py": f"import unittest\n{own.format(2)}{more}",
        "test_by_mark.py": SKIPS.format(True),
        "test_to_fail.py": FAILS.format(True),
    }
    assert propose(repository, base, head).ret == 1
    assert said(repository) == {
        "test_by_code.py": "the test was skipped: later",
        "test_by_mark.py": "the test was skipped: posix",
        "test_to_fail.py": "expected to fail (xfail)",
    }
    repository.commit()
    repository.file("test_new.py", CALL)  # both sides skip the tests, and let one fail
    assert repository.against_base("--perf-policy=base", "--perf-only").ret == 0
    assert said(repository) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_test_that_a_value_of_the_product_skips_or_lets_fail_is_found(repository: Repository) -> None:
    own = "from scripted import advance\nREADY = {}\ndef work(): advance(1)\n"
    base = {
        "pytest.ini": INI,
        "other.py": own.format(True),
        "test_kept.py": CALL,
        "test_by_mark.py": SKIPS.format("not other.READY").replace("sys", "other"),
        "test_to_fail.py": FAILS.format("not other.READY").replace("sys", "other"),
    }
    assert propose(repository, base, {"other.py": own.format(False)}).ret == 1
    assert said(repository) == {
        "test_by_mark.py": "the test was skipped: posix",
        "test_to_fail.py": "expected to fail (xfail)",
    }
    repository.commit()
    repository.file("other.py", own.format(None))  # neither commit is ready
    assert repository.against_base("--perf-policy=base", "--perf-only").ret == 0
    assert said(repository) == {}


DYING = "import os\n\ndef pytest_collection_modifyitems(items):\n    if len(items) > 1 and '{}': os._exit(9)\n"


@pytest.mark.usefixtures("brief")
def test_a_base_that_does_not_tell_its_perf_tests_fails_the_session(repository: Repository) -> None:
    base = {"conftest.py": DYING.format("now"), "pytest.ini": INI, "test_kept.py": CALL, "test_slow.py": CALL}
    head = {"conftest.py": DYING.format(""), "pytest.ini": f"{INI}addopts = test_kept.py\n"}
    assert propose(repository, base, head).ret == 1
    assert list(said(repository)) == [""]


@pytest.mark.parametrize(("ready", "fails"), [(False, True), (1, False)])
@pytest.mark.usefixtures("brief")
def test_a_perf_test_that_a_value_of_the_product_removes_fails_the_session(
    repository: Repository, ready: object, *, fails: bool
) -> None:
    there = CALL.replace("def", "if other.READY:\n  def").replace("    perf", "      perf")
    base = {
        "other.py": "READY = True\n",
        "pytest.ini": INI,
        "test_kept.py": CALL,
        "test_new.py": f"import other\n{there}",
    }
    result = propose(repository, base, {"other.py": f"READY = {ready}\n"})
    assert result.ret == int(fails)
    assert said(repository) == ({"test_new.py": "removes the perf test"} if fails else {})


@pytest.mark.parametrize("names_hash", [True, False])
@pytest.mark.usefixtures("brief")
def test_a_compiled_file_that_names_the_hash_of_its_source_fails_the_session(
    repository: Repository, *, names_hash: bool
) -> None:
    """Its code may be of another, faster source, whatever hash it names; the time of a checkout cannot be forged."""
    base = {"pytest.ini": INI, "shop.py": shop(1), "test_kept.py": CALL}
    repository.commit(base)
    mode = py_compile.PycInvalidationMode
    other = repository.pytester.path / "other.py"
    other.write_text(shop(1), "utf-8")
    compiled = py_compile.compile(
        str(other), doraise=True, invalidation_mode=mode.CHECKED_HASH if names_hash else mode.TIMESTAMP
    )
    git(repository.pytester.path, "add", "--force", str(compiled))
    assert repository.against_base("--perf-policy=base").ret == int(names_hash)
    assert said(repository) == ({"": "commits compiled files"} if names_hash else {})
    assert repository.against_base("--perf-policy=head").ret == 0
    repository.commit()
    assert repository.against_base("--perf-policy=base").ret == 0  # the base has it, too

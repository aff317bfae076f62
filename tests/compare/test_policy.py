"""`--perf-policy`: limits that the working tree loosens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from programs import shop, shop_tests
from repositories import Repository
from scripting import times

TOLERANT = '[tool.perfbudget]\nmax_regression = "100%"\n'


def findings(repository: Repository) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return found


@pytest.mark.parametrize(
    ("policy", "failed"), [((), 0), (("--perf-policy", "base"), 3), (("--perf-policy", "head"), 0)]
)
@pytest.mark.usefixtures("brief")
def test_slower_code_that_allows_itself_to_be_slower(
    repository: Repository, policy: tuple[str, ...], failed: int
) -> None:
    repository.commit({"pyproject.toml": '[tool.perfbudget]\nmax_drift = "5%"\nanchor = "last-tag"\n'})
    repository.file("shop.py", shop(1.2))
    repository.file("pyproject.toml", f"{TOLERANT}pin = false\n")
    result = repository.against_base(*policy)
    assert result.parseoutcomes().get("failed", 0) == failed
    listed = [one for one in findings(repository) if one["kind"] == "loosened"]
    remedy = (
        "The pull request loosens this limit, and the base's value holds. On your machine, perfbudget gate --policy head "
        "judges by the new limit. In a pull request, a raised limit holds only if a reviewer accepts it by the label "
        "perf-accepted (or the accept-label of the workflow)."
    )
    assert (remedy in result.stdout.str()) is bool(failed)
    if policy:
        effect = "the base's value holds" if failed else "accepted"
        table = f"pyproject.toml [tool.perfbudget]: {effect}"
        assert {one["headline"] for one in listed} == {
            f"max_regression = 5 % -> 100 %, {table}",
            f"max_drift = 5 % -> no limit, {table}",
            f"anchor = last-tag -> none, [tool.perfbudget]: {effect}",
            f"pin = true -> false: {effect}",
        }
        assert findings(repository)[0] in listed
    else:
        assert listed == []


def test_the_policy_needs_another_commit(repository: Repository) -> None:
    result = repository.pytester.runpytest_inprocess("--perf-policy=base", "--perf-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-policy=base needs --perf-against"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("config.option.perf_policy = 'head'", "--perf-policy=base is on the command line, and a conftest.py or a plugin makes it 'head'"),
        ("config.option.perf_policy = config.option.perf_against = None", "--perf-against=HEAD is on the command line, and a conftest.py or a plugin removes that"),
    ],
)  # fmt: skip
def test_a_conftest_chooses_neither_the_policy_nor_the_commit(repository: Repository, line: str, said: str) -> None:
    repository.file("conftest.py", f"def pytest_configure(config): {line}\n")
    result = repository.pytester.runpytest_inprocess("--perf-against=HEAD", "--perf-policy", "base")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}: let it be"])


@pytest.mark.usefixtures("brief")
def test_tests_of_changed_code_run_first_and_all_others_after(repository: Repository) -> None:
    other = "def test_{}(perf):\n    perf({}, name='step')\n"
    files = {
        "goods.py": "from scripted import advance\ndef work(): advance(1)\n",
        "test_a.py": "from shop import work\n" + other.format("a", "work"),
        "test_b.py": "import goods\n" + other.format("b", "goods.work"),
        "pyproject.toml": '[tool.perfbudget]\nmax_regression = "50%"\n',
    }
    repository.commit(files)
    repository.file("goods.py", files["goods.py"].replace("advance(1)", "advance(1.0)"))
    first = repository.against_base("--perf-affected-first", "-v", "test_a.py", "test_b.py")
    plain = repository.against_base("-v", "test_a.py", "test_b.py")
    ran = [[line.partition("::")[0] for line in one.outlines if "PASSED" in line] for one in (first, plain)]
    assert ran == [["test_b.py", "test_a.py"], ["test_a.py", "test_b.py"]]


@pytest.mark.usefixtures("brief")
def test_removed_and_skipped_tests_and_raised_baselines_are_listed_first(repository: Repository) -> None:
    line = '{{"test": "test_it.py::test_body", "name": "", "machine": "m", "calls": {}}}'
    machine = '{"m": {"cpu": "c", "architecture": "a", "system": "Linux", "python": "CPython 3.11"}}'
    text = '{{"schema": "perfbudget-baseline/1", "machines": {}, "measurements": [{}]}}'
    repository.commit({"perf-baseline.json": text.format(machine, line.format(100))})
    repository.file("perf-baseline.json", text.format(machine, line.format(900)))
    tests = shop_tests(marks=("perf_budget", "skip"), with_timer=False)
    result = repository.against_base("--perf-policy", "base", tests=tests)
    listed = {(one["test"], one["headline"]) for one in findings(repository) if one["kind"] == "loosened"}
    assert (
        "test_it.py::test_body",
        "calls of the baseline 100 -> 900, perf-baseline.json: the base's value holds",
    ) in listed
    assert {test for test, _ in listed} == {"test_it.py::test_body", "test_it.py::test_timer"}
    assert any(headline.startswith("the test was skipped") for _, headline in listed)
    assert [one["kind"] for one in findings(repository)][:3] == ["loosened"] * 3
    assert result.ret == 1  # a skip that the base does not have is no way out
    assert "so the session fails: a reviewer accepts this by the label perf-accepted" in result.stdout.str()


LIMITS = """
import pytest
from shop import work

budget = pytest.mark.perf_budget

@pytest.mark.perf_budget(max_regression={plain})
def test_unread(perf):
    perf(work)

{below}def test_below(perf):
    {indent}perf(work, max_regression={tolerance})

@budget(max_regression={tolerance})
def test_alias(perf):
    perf(work)

class Common:
    @pytest.mark.perf_budget(max_regression={tolerance})
    def test_inherited(self, perf):
        perf(work)

class TestOwn(Common):
    pass

@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.perf_budget(max_regression={tolerance}))])
def test_case(perf, n):
    perf(work)
"""


@pytest.mark.usefixtures("brief")
def test_limits_that_no_text_shows_are_compared_at_run_time(repository: Repository) -> None:
    strict = LIMITS.format(plain="'5%'", tolerance="'5%'", below="", indent="")
    repository.commit({"test_it.py": strict})
    repository.file("shop.py", shop(1.2))
    loose = LIMITS.format(plain="str('900%')", tolerance="'900%'", below="if True:\n  ", indent="  ")
    result = repository.against_base("--perf-policy", "base", tests=loose)
    shown = {
        (one["test"].rpartition("::")[2], one["severity"]) for one in findings(repository) if one["kind"] == "loosened"
    }
    held, unheld = {"test_unread", "test_below"}, {"test_alias", "test_inherited", "test_case[1]"}
    assert shown == {*((one, "warning") for one in held), *((one, "failure") for one in unheld)}
    assert result.parseoutcomes()["failed"] == len(held)
    twin = repository.against_base("--perf-policy", "base", tests=strict.replace("'5%'", "'4%'"))
    assert not [one for one in findings(repository) if one["kind"] == "loosened"]
    assert twin.parseoutcomes()["failed"] == len(held | unheld)


SKIPPING = """
import pytest
from shop import work

def test_first(perf):
    perf(work)

@pytest.mark.perf_budget
def test_second():
    work()
"""


CASES = "@pytest.mark.parametrize('n', [1])\n@"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"test_it.py": SKIPPING.replace("@pytest", "@pytest.mark.xfail\n@pytest")}, "expected to fail (xfail)"),
        ({"test_it.py": SKIPPING.replace("test_second", "test_third")}, "renames the perf test: test_third has the same body"),
        ({"pytest.ini": "[pytest]\naddopts = --deselect test_it.py::test_second\n"}, "deselected by --deselect of addopts"),
        ({"conftest.py": "def pytest_collection_modifyitems(items): items.pop()\n"}, "deselected by a conftest.py"),
        ({"test_it.py": SKIPPING.partition("@")[0]}, "removes the perf test, so the session fails"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("brief")
def test_a_pull_request_that_leaves_a_test_out_fails(repository: Repository, files: dict[str, str], said: str) -> None:
    clock = (repository.pytester.path / "conftest.py").read_text("utf-8")
    repository.commit({"test_it.py": SKIPPING})
    for name, text in files.items():
        repository.file(name, clock + text if name == "conftest.py" else text)
    policy = "--perf-policy=base"
    assert repository.against_base(policy).ret == 1
    (found,) = [one for one in findings(repository) if one["kind"] == "loosened"]
    assert (found["test"], found["severity"]) == ("test_it.py::test_second", "failure")
    assert said in found["headline"]
    assert "is_accepted" not in found
    assert repository.against_base("--perf-policy=head").ret == 0  # accepted by the label
    assert [one["is_accepted"] for one in findings(repository) if one["kind"] == "loosened"] == [True]
    repository.commit({})  # both sides leave the test out
    repository.file("shop.py", shop(1.0, more="# a remark"))
    assert repository.against_base(policy).ret == 0


@pytest.mark.usefixtures("brief")
def test_a_perf_test_with_other_cases_is_not_told_as_gone(repository: Repository) -> None:
    repository.commit({"test_it.py": SKIPPING})
    cases = SKIPPING.replace("@", CASES).replace("second()", "second(n)")
    assert repository.against_base("--perf-policy=base", "test_it.py", tests=cases).ret == 1
    (found,) = [one for one in findings(repository) if one["kind"] == "loosened"]
    assert found["test"] == "test_it.py::test_second"
    assert found["headline"].startswith(
        "removes the perf test: its function has other cases only, so the session fails"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_the_label_accepts_cases_of_a_perf_test_that_had_none(repository: Repository) -> None:
    repository.commit({"test_it.py": SKIPPING})
    cases = SKIPPING.replace("@", CASES).replace("second()", "second(n)")
    assert repository.against_base("--perf-policy=head", "test_it.py", tests=cases).ret == 0
    assert times(repository) == {"test_first work": "unchanged", "test_second[1]": "new"}


def test_a_test_that_is_not_collected_any_more_fails(repository: Repository) -> None:
    repository.commit({"test_it.py": SKIPPING})
    repository.file("pytest.ini", "[pytest]\npythonpath = .\npython_files = check_*.py\n")
    repository.against_base("--perf-policy=base")
    by = "not collected, by python_files of pytest's configuration, which differs from the base's"
    assert {(one["test"], one["severity"], one["headline"].partition(", so")[0]) for one in findings(repository)} >= {
        ("test_it.py::test_first", "failure", by),
        ("test_it.py::test_second", "failure", by),
    }


def test_a_new_root_folder_is_refused(repository: Repository) -> None:
    repository.commit({"tests/test_it.py": SKIPPING})
    repository.file("tests/pytest.ini", "[pytest]\npythonpath = ..\n")
    result = repository.pytester.runpytest_inprocess("--perf-against=HEAD", "--perf-policy=base", "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pytest.ini is new and makes its folder pytest's root folder*"])


@pytest.mark.parametrize(
    ("addopts", "typed", "said"),
    [
        ("--perf-max-time=1ms", (), "--perf-max-time=1ms (base: none)"),
        ("--collect-only", (), "--collect-only (base: none)"),
        ("--collect-only", ("--co",), ""),
        # The gate gives --perf-gate=fail itself; plain sessions after the merge do not.
        ("--perf-gate=off", ("--perf-gate=fail",), "--perf-gate=off (base: fail)"),
        ("--perf-gate=warn", ("--perf-gate=fail",), "--perf-gate=warn (base: fail)"),
        ("--perf-gate=fail", ("--perf-gate=fail",), ""),
    ],
)
def test_weaker_options_in_addopts_are_refused(
    repository: Repository, addopts: str, typed: tuple[str, ...], said: str
) -> None:
    repository.file("pytest.ini", f"[pytest]\npythonpath = .\naddopts = {addopts}\n")
    result = repository.against_base("--perf-policy=base", *typed)
    assert (result.ret == pytest.ExitCode.USAGE_ERROR) is bool(said)
    error = (
        f"ERROR: --perf-policy=base: the pull request weakens its own gate by {said}, in addopts or a conftest.py: *"
    )
    result.stderr.fnmatch_lines([error] if said else [])
    assert repository.against_base("--perf-policy=head", "--collect-only", *typed).ret == 0  # accepted


@pytest.mark.usefixtures("brief")
def test_options_in_a_file_that_addopts_names_are_read(repository: Repository) -> None:
    """The options of the file hold in a plain session."""
    repository.file("options.txt", "--perf-strict\n--perf-gate=fail\n")
    repository.file("pytest.ini", "[pytest]\npythonpath = .\naddopts = @options.txt\n")
    repository.commit()
    assert repository.against_base("--perf-policy=base").ret == 0
    repository.file("options.txt", "--perf-strict\n--perf-gate=off\n")
    result = repository.against_base("--perf-policy=base", "--perf-gate=fail")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --perf-policy=base: * weakens its own gate by --perf-gate=off (base: fail), *"]
    )


@pytest.mark.usefixtures("brief")
def test_a_file_of_options_outside_the_repository_is_refused(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "options.txt"
    outside.write_text("--perf-gate=off\n")
    repository.file("pytest.ini", f"[pytest]\npythonpath = .\naddopts = @{outside}\n")
    result = repository.against_base("--perf-policy=base", "--perf-gate=fail")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: --perf-policy=base: * weakens its own gate by @*options.txt (base: none), in *"]
    )


LOAD = """
import time
def answer(): time.sleep(0.001)
def test_it(perf_load): perf_load(answer, stages=[(20, "100ms"), ({}, "200ms")], max_ms=2000)
def test_other(perf): perf(len, "x")
"""


@pytest.mark.usefixtures("brief")
def test_a_load_that_may_have_become_easier_needs_a_reviewer(repository: Repository) -> None:
    """A load whose rate changes is not compared, so only its text shows that it is another load."""
    repository.commit(tests=LOAD.format(60))
    result = repository.against_base("--perf-policy=base", "--perf-accept-label=easier", tests=LOAD.format(50))
    assert result.ret == 1
    (one,) = [one for one in findings(repository) if one["kind"] == "loosened"]
    assert (one["test"], one["metric"], one["severity"]) == ("test_it.py::test_it", "load", "failure")
    assert one["headline"] == (
        "load = 0 to 20/s in 0.1 s, 20 to 60/s in 0.2 s -> 0 to 20/s in 0.1 s, 20 to 50/s in 0.2 s, perf_load() in "
        "test_it.py:6: the session fails: restore the load, or let a reviewer accept this by the label easier"
    )
    assert repository.against_base("--perf-policy=head").ret == 0  # accepted by the label
    twin = repository.against_base("--perf-policy=base", tests=LOAD.format(60).replace("import time", "import time  #"))
    assert twin.ret == 0
    assert not [one for one in findings(repository) if one["kind"] == "loosened"]


ENTRY = '[tool.perfbudget.budgets]\n"test_it.py::test_{}" = {{ max_ms = 0.5 }}\n'


@pytest.mark.usefixtures("brief")
def test_a_removed_entry_of_the_table_still_holds_for_a_test_with_the_fixture(repository: Repository) -> None:
    """A test without a fixture of the plugin is no perf test without its entry: see test_left_out.py."""
    repository.commit({"pyproject.toml": ENTRY.format("timer"), "shop.py": shop(0.1)})
    repository.file("shop.py", shop(0.1, more="# a remark"))
    quiet = repository.against_base("--perf-policy=base")
    assert (quiet.ret, [one["kind"] for one in findings(repository)].count("loosened")) == (0, 0)
    repository.file("pyproject.toml", "")
    repository.against_base("--perf-policy=base")
    (listed,) = [one for one in findings(repository) if one["kind"] == "loosened"]
    assert (listed["test"], listed["severity"]) == ("test_it.py::test_timer", "warning")
    assert listed["headline"].startswith("max_ms = 0.5 -> no limit, pyproject.toml [tool.perfbudget.budgets]")
    assert listed["headline"].endswith(": the base's value holds")

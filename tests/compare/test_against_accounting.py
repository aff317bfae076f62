"""What the base has and the head has not, and the other way round."""

from __future__ import annotations

import pytest
from programs import FASTER_MS, shop, shop_tests
from repositories import Repository
from scripting import BENCHMARK, times

pytestmark = pytest.mark.usefixtures("brief")

MORE = "def test_more(perf): perf(shop.work)"


def test_a_test_with_the_benchmark_fixture_is_compared(repository: Repository) -> None:
    repository.commit(
        tests="import shop\n@pytest.mark.perf_budget\n"
        "def test_old(benchmark):\n    benchmark.pedantic(shop.work, rounds=3)\n"
    )
    repository.file("shop.py", shop(FASTER_MS))
    repository.against_base(*BENCHMARK).assert_outcomes(passed=1)
    assert times(repository) == {"test_old": "improved"}


def test_a_test_that_asks_for_perf_at_run_time_only_is_unmeasured(repository: Repository) -> None:
    late = shop_tests(more="def test_late(request): request.getfixturevalue('perf')(shop.work)")
    result = repository.against_base("-k", "call or late", tests=late)
    result.assert_outcomes(failed=1, passed=1)
    assert times(repository)["test_late work"] == "unmeasured"
    result.stdout.fnmatch_lines(["work: unmeasured: known * at run time only: *"])


def test_a_test_that_the_base_does_not_have_is_new(repository: Repository) -> None:
    more = shop_tests(more=MORE)
    result = repository.against_base(tests=more)
    result.assert_outcomes(passed=4)
    assert times(repository)["test_more work"] == "new"
    result.stdout.fnmatch_lines(["new: test_it.py::test_more work: HEAD does not have this measurement"])
    # It always will be, so it is no failure.
    assert repository.against_base("--perf-strict", "-k", "more").ret == 0


def test_a_test_in_a_file_that_the_base_does_not_have_is_new(repository: Repository) -> None:
    repository.file("test_new.py", "import shop\n" + MORE)
    repository.against_base("test_new.py").assert_outcomes(passed=1)
    assert set(times(repository).values()) == {"new"}


def test_a_base_that_does_not_import_leaves_its_tests_unmeasured(repository: Repository) -> None:
    repository.commit({"shop.py": "import nothing_of_the_kind\n"})
    repository.file("shop.py", shop())
    result = repository.against_base()
    result.assert_outcomes(failed=3)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: the process of HEAD *: *No module named 'nothing_of_the_kind'"])


def test_a_test_that_only_the_base_has_is_missing(repository: Repository) -> None:
    """A test that was removed from its file, and one whose file was."""
    gone = "import shop\n\ndef test_gone(perf):\n    perf(shop.work)\n\ndef test_plain(): pass\n"
    repository.commit({"test_more.py": gone})
    (repository.pytester.path / "test_more.py").unlink()
    result = repository.against_base("--perf-strict", tests=shop_tests(with_timer=False))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "missing: *test_it.py::test_timer*: HEAD has this measurement, and no test collected here does",
            "against HEAD *2 missing*",
        ]
    )
    result.stdout.fnmatch_lines(["missing: *test_more.py::test_gone*"])
    assert result.ret == 0


def test_a_perf_test_of_the_bases_configuration_alone_is_missing(repository: Repository) -> None:
    entry = '[tool.perfbudget.budgets]\n"test_it.py::test_plain" = { p95_ms = 50 }\n'
    repository.commit({"pyproject.toml": entry}, tests=shop_tests(more="def test_plain():\n    shop.work()"))
    result = repository.against_base("-k", "call", tests=shop_tests(), pyproject="[tool.perfbudget]\n")
    result.stdout.fnmatch_lines(
        ["missing: test_it.py::test_plain: HEAD has this measurement, and no test collected here does"]
    )


def test_a_test_of_the_base_that_was_not_selected_is_not_missing(repository: Repository) -> None:
    result = repository.against_base("-k", "body")
    assert repository.report["missing"] == []
    result.stdout.no_fnmatch_line("* missing*")


def test_a_test_in_a_module_that_the_base_skips_is_unmeasured_and_not_new(repository: Repository) -> None:
    test_call = "import shop\ndef test_call(perf): perf(shop.work)\n"
    repository.commit({"test_skip.py": "import pytest\npytest.importorskip('not_there')\n" + test_call})
    repository.file("test_skip.py", test_call)
    result = repository.against_base("test_skip.py")
    assert times(repository) == {"test_call work": "unmeasured"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*unmeasured: the process of HEAD does not collect the test: its file is skipped"])

"""What the base has and the head has not, and the other way round."""

from __future__ import annotations

from programs import AGAINST, SHOP, SLOWER, TESTS
from repositories import commit
from scripting import Project, times


def test_a_benchmark_test_is_compared_too(repository: Project) -> None:
    tests = (
        "import shop\n@pytest.mark.perf_budget\ndef test_old(benchmark):\n    benchmark.pedantic(shop.work, rounds=3)\n"
    )
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {})
    repository.file("shop.py", SLOWER)
    repository.run(tests, *AGAINST, subprocess=True).assert_outcomes(failed=1)


def test_what_turns_out_to_be_a_perf_test_at_run_time_only_is_unmeasured(repository: Project) -> None:
    late = TESTS + "\ndef test_late(request): request.getfixturevalue('perf')(shop.work)\n"
    result = repository.run(late, *AGAINST, "-k", "call or late", subprocess=True)
    result.stdout.fnmatch_lines(["unmeasured: test_it.py::test_late work: it was known * at run time only: *"])


def test_a_test_that_the_base_does_not_have_is_new(repository: Project) -> None:
    more = TESTS + "\ndef test_more(perf): perf(shop.work)\n"
    result = repository.run(more, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=4)
    assert times(repository)["test_more work"] == "new"
    result.stdout.fnmatch_lines(["new: test_it.py::test_more work: HEAD does not have it"])
    # It always will be, so it is no failure.
    assert repository.run(more, *AGAINST, "--perf-strict", "-k", "more", subprocess=True).ret == 0


def test_so_is_one_of_a_file_that_the_base_does_not_have(repository: Project) -> None:
    repository.file("test_new.py", "import shop\ndef test_more(perf): perf(shop.work)\n")
    repository.run(TESTS, *AGAINST, "test_new.py", subprocess=True).assert_outcomes(passed=1)
    assert set(times(repository).values()) == {"new"}


def test_a_base_that_does_not_import_leaves_its_tests_unmeasured(repository: Project) -> None:
    commit(repository.pytester.path, {"shop.py": "import nothing_of_the_kind\n"})
    repository.file("shop.py", SHOP)
    result = repository.run(TESTS, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=3)
    assert set(times(repository).values()) == {"unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *: the process of HEAD *: *No module named 'nothing_of_the_kind'"])


def test_what_only_the_base_has_is_missing(repository: Project) -> None:
    """A test that was removed from its file, and one whose file was."""
    gone = "import shop\n\ndef test_gone(perf):\n    perf(shop.work)\n\ndef test_plain(): pass\n"
    commit(repository.pytester.path, {"test_more.py": gone})
    (repository.pytester.path / "test_more.py").unlink()
    fewer = TESTS.partition("def test_timer")[0]
    result = repository.run(fewer, *AGAINST, "--perf-strict", subprocess=True)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["missing: *test_it.py::test_timer*: HEAD has it, and it is not collected here", "against HEAD *2 missing*"]
    )
    result.stdout.fnmatch_lines(["missing: *test_more.py::test_gone*"])
    assert result.ret == 0


def test_so_is_what_only_the_configuration_calls_a_perf_test(repository: Project) -> None:
    plain = "\ndef test_plain():\n    shop.work()\n"
    repository.file("test_it.py", "import pytest\nimport shop\n" + TESTS + plain)
    entry = '[tool.perfbudget.budgets]\n"test_it.py::test_plain" = { p95_ms = 50 }\n'
    commit(repository.pytester.path, {"pyproject.toml": entry})
    result = repository.run(TESTS, *AGAINST, "-k", "call", pyproject="[tool.perfbudget]\n", subprocess=True)
    result.stdout.fnmatch_lines(["missing: test_it.py::test_plain: HEAD has it, and it is not collected here"])


def test_what_was_not_asked_for_is_not(repository: Project) -> None:
    result = repository.run(TESTS, *AGAINST, "-k", "body", subprocess=True)
    result.stdout.no_fnmatch_line("*missing*")


def test_a_module_that_the_base_skips_is_not_a_new_one(repository: Project) -> None:
    skipping = "import pytest\nimport shop\npytest.importorskip('not_there')\n"
    repository.file("test_skip.py", skipping + "def test_call(perf): perf(shop.work)\n")
    commit(repository.pytester.path, {})
    repository.file("test_skip.py", "import shop\ndef test_call(perf): perf(shop.work)\n")
    result = repository.run(TESTS, *AGAINST, "test_skip.py", subprocess=True)
    assert times(repository) == {"test_call work": "unmeasured"}
    result.stdout.fnmatch_lines(["unmeasured: *: the process of HEAD does not collect it: it is skipped"])

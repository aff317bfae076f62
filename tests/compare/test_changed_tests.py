"""A test of the same name that is another one."""

from __future__ import annotations

import pytest
from programs import AGAINST, SLOWER, TESTS, TURNS
from repositories import commit
from scripting import Project, times

CHANGED = TESTS.replace('name="step")', 'name="step")\n    assert True')


def test_it_is_compared_all_the_same_and_said(repository: Project) -> None:
    repository.file("shop.py", SLOWER)
    result = repository.run(CHANGED, *AGAINST, "-k", "call", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "  the test, or a fixture of it, is not the one of HEAD: perhaps it does more",
            '  tests_from = "head" in [[]tool.perfbudget.duet[]] runs the head\'s on both',
            "changed: test_it.py::test_call step: *, or a fixture of it, is not the one of HEAD, compared all the same; *",
        ]
    )


@pytest.mark.parametrize(
    ("change", "is_changed"),
    [
        (("range(2)", "range(3)"), True),
        (("FEW = 2", "FEW = 3"), True),
        (("return 5", "return 6"), True),
        (("PRICE = 7", "PRICE = 8"), True),
        (("OTHER = 1", "OTHER = 2"), False),
        (("# many", "# some"), False),
        (("'A kind'", "'Another'"), False),
        (("def client(): return 1", "def client(): return 2"), False),
    ],
    ids=[
        "a fixture",
        "a value that it names",
        "a function that it calls",
        "of its class",
        "another value",
        "a comment",
        "a docstring",
        "a fixture of the product",
    ],
)
def test_so_is_one_whose_fixture_is_another(repository: Project, change: tuple[str, str], is_changed: bool) -> None:
    """Or a test that does more would look like slower code."""
    own = (repository.pytester.path / "conftest.py").read_text("utf-8")
    files = {
        "conftest.py": f"{own}\nfrom product import client\nFEW = 2\nOTHER = 1\n"
        "def number():\n    return 5  # many\nclass Kind:\n    'A kind'\n"
        "@pytest.fixture\ndef some(client):\n    return [*range(2), FEW, number(), Kind()]\n",
        "product.py": "import pytest\n@pytest.fixture\ndef client(): return 1\n",
        "test_it.py": "import pytest\nfrom scripted import advance\nimport shop\nclass TestIt:\n    PRICE = 7\n"
        "    def test_call(self, perf, some): perf(shop.work)\n",
    }
    commit(repository.pytester.path, files)
    for name, text in files.items():
        repository.file(name, text.replace(*change))
    tests = files["test_it.py"].partition("advance\n")[2].replace(*change)
    result = repository.run(tests, *AGAINST, subprocess=True)
    result.assert_outcomes(passed=1)
    assert ("changed: " in result.stdout.str()) is is_changed


def test_it_can_be_left_out_of_the_gate(repository: Project) -> None:
    repository.file("shop.py", SLOWER)
    pyproject = '[tool.perfbudget.duet]\nchanged_tests = "skip"\n'
    result = repository.run(CHANGED, *AGAINST, "--perf-strict", pyproject=pyproject, subprocess=True)
    result.assert_outcomes(passed=1, failed=2)
    assert times(repository)["test_call step"] == "changed"
    result.stdout.fnmatch_lines(["changed: test_it.py::test_call step: *, not gated; +*"])


def test_a_comment_or_another_limit_changes_nothing(repository: Project) -> None:
    tests = TESTS.replace("shop.work()\n", "shop.work()  # once\n").replace("perf_budget\n", "perf_budget(p95_ms=9)\n")
    result = repository.run(tests, *AGAINST, "-k", "body", subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("changed: *")


def test_the_heads_tests_can_run_on_both(repository: Project) -> None:
    """A test that the base does not have is compared then."""
    repository.file("shop.py", SLOWER)
    more = TESTS + "\ndef test_more(perf): perf(shop.work)\n"
    pyproject = '[tool.perfbudget.duet]\ntests_from = "head"\n'
    result = repository.run(more, *AGAINST, "-k", "more", pyproject=pyproject, subprocess=True)
    result.assert_outcomes(failed=1)
    assert times(repository) == {"test_more work": "regressed"}


def test_a_parameter_that_is_a_path_into_the_working_tree_is_the_same_test(repository: Project) -> None:
    tests = (
        "from pathlib import Path\nimport shop\n"
        "@pytest.mark.parametrize('path', [Path(__file__).parent / 'shop.py'], ids=str)\n"
        "def test_path(perf, path): perf(shop.work)\n"
    )
    repository.file("test_it.py", "import pytest\nfrom scripted import advance\n" + tests)
    commit(repository.pytester.path, {})
    for mode in ("", TURNS):
        repository.file("shop.py", SLOWER)
        result = repository.run(tests, *AGAINST, pyproject=mode, subprocess=True)
        result.assert_outcomes(failed=1)
        assert set(times(repository).values()) == {"regressed"}

"""`--perf-policy=base`: perf tests that a pull request changes so that they measure less."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from programs import SEQUENTIAL
from repositories import Repository
from scripting import CONFTEST, TWO_WORKERS

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.core.loosening import by_label

SHOP = """
import scripted
KNOWN = {}

def work(n):
    scripted.advance(n / 100)

def sort(n):
    work(n)

def cached(n):
    if n not in KNOWN:
        work(n)
    return KNOWN.get(n)
"""
SLOWER = SHOP.replace("    work(n)\n\ndef cached", "    work(2 * n)\n\ndef new_work(n):\n    work(n)\n\ndef cached")
TESTS = """
from shop import work

def test_less(perf):
    perf(work, 100, name="step")

def test_same(perf):
    perf(work, 100, name="step")
"""
BASE = {"pytest.ini": "[pytest]\npythonpath = .\n", "conftest.py": CONFTEST, "shop.py": SHOP}


def propose(repository: Repository, base: dict[str, str], head: dict[str, str], *arguments: str) -> pytest.RunResult:
    """Commit a base, and judge a pull request by the base's policy."""
    (repository.pytester.path / "test_it.py").unlink()
    for name, text in {**BASE, **base}.items():
        repository.file(name, text)
    repository.commit()
    for name, text in head.items():
        repository.file(name, text)
    return repository.against_base(*(arguments or ("--perf-policy=base",)), "--perf-only")


def said(repository: Repository) -> dict[str, str]:
    """Return the words about each test that fails the session, or the verdict that fails the test itself."""
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    return {
        one["test"].removeprefix("tests/"): one["headline"] if one["kind"] == "loosened" else one["kind"]
        for one in found
        if one["severity"] == "failure"
    }


@pytest.mark.usefixtures("brief")
def test_a_changed_test_that_measures_less_fails_the_session_and_any_other_change_passes(
    repository: Repository,
) -> None:
    base, head = {"test_shop.py": TESTS}, TESTS.replace("100", "50", 1).replace("(work, 100", "(work, 2 * 50")
    result = propose(repository, base, {"test_shop.py": head})
    assert result.ret == 1
    result.assert_outcomes(passed=2)
    assert said(repository) == {
        "test_shop.py::test_less": (
            "changed so that the test measures less: with the code of HEAD, step takes 500 us instead of 1 ms, "
            f"so the session fails: a reviewer accepts this {by_label('')}"
        )
    }
    assert repository.against_base("--perf-policy=head", "--perf-only").ret == 0  # accepted by the label


SMALLER_FIXTURE = "import pytest\n@pytest.fixture\ndef orders(): return {}\n"
BY_ORDERS = "from shop import work\n\ndef test_it(perf, orders):\n    perf(work, orders, name='step')\n"
BY_HELPER = "from helper import size\n" + BY_ORDERS.replace("orders", "size()").replace(", size()):", "):")
BY_DATA = BY_ORDERS.replace(", orders):", "):").replace(
    "orders", "int((Path(__file__).parent / 'data.txt').read_text())"
)
PLAIN = BY_ORDERS.replace(", orders", "").replace("work,", "work, 100,")
CASES = BY_ORDERS.replace(
    "def", "import pytest\n@pytest.mark.parametrize('orders', [pytest.param({}, id='many')])\ndef"
)
WARM = "import pytest, shop\n@pytest.fixture\ndef warm():\n    {}\n"
INHERITED = "from shop import work\n\nclass Base:\n    n = {}\n    def test_it(self, perf):\n        perf(work, self.n, name='step')\n"
VARIANTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "body": ({"test_body.py": PLAIN}, {"test_body.py": PLAIN.replace("100", "50")}),
    "fixture": (
        {"fixture/conftest.py": SMALLER_FIXTURE.format(100), "fixture/test_fixture.py": BY_ORDERS},
        {"fixture/conftest.py": SMALLER_FIXTURE.format(50)},
    ),
    "helper": (
        {"helper.py": "def size(): return 100\n", "test_helper.py": BY_HELPER},
        {"helper.py": "def size(): return 50\n"},
    ),
    "data": (
        {"data/data.txt": "100", "data/test_data.py": f"from pathlib import Path\n{BY_DATA}"},
        {"data/data.txt": "50"},
    ),
    "case": ({"test_case.py": CASES.format(100)}, {"test_case.py": CASES.format(50)}),
    "skip": (
        {"test_skip.py": PLAIN},
        {"test_skip.py": PLAIN.replace("    perf", "    import pytest; pytest.skip('slow')\n    perf")},
    ),
    "patch": (
        {"patch/test_patch.py": PLAIN},
        {"patch/conftest.py": "import pytest, shop\n@pytest.fixture(autouse=True)\ndef fast(monkeypatch):\n"
         "    monkeypatch.setattr('shop.scripted.advance', lambda ms, own=shop.scripted.advance: own(ms / 2))\n"},
    ),
    "stub": ({"test_stub.py": PLAIN}, {"test_stub.py": PLAIN.replace("shop", "stub"), "stub.py": "def work(n): pass\n"}),
    "moved_name": (
        {"test_moved_name.py": PLAIN},
        {"test_moved_name.py": PLAIN.replace("100", "50") + PLAIN.replace("test_it", "test_new").replace("from", "#")},
    ),
    "warm": (
        {"test_warm.py": WARM.format("pass") + PLAIN.replace("perf)", "perf, warm)").replace("work", "cached")},
        {"test_warm.py": WARM.format("shop.KNOWN[100] = 1")
         + PLAIN.replace("perf)", "perf, warm)").replace("work", "cached")},
    ),
    "inherited": (
        {"test_inherited.py": f"{INHERITED.format(100)}class TestOwn(Base): pass\n"},
        {"test_inherited.py": f"{INHERITED.format(50)}class TestOwn(Base): pass\n"},
    ),
    "imported_fixture": (
        {"test_imported_fixture.py": f"from many import orders\n{BY_ORDERS}"},
        {"test_imported_fixture.py": f"from few import orders\n{BY_ORDERS}def test_new(orders): assert orders\n"},
    ),
    "imported_effect": (
        {"test_imported_effect.py": PLAIN},
        {"test_imported_effect.py": f"import patched\n{PLAIN}def test_new(): pass\n"},
    ),
    "slower_code": (
        {"test_slower_code.py": PLAIN.replace("work", "sort")},
        {"test_slower_code.py": PLAIN.replace("work", "sort").replace("100", "50")},
    ),
    "new_code": (
        {"test_new_code.py": PLAIN},
        {"test_new_code.py": PLAIN.replace("work, 100", "new_work, 100").replace("work\n", "new_work\n")},
    ),
}  # fmt: skip
"""Pull requests that keep the name of a test and measure less: the files of the base below `tests`, and those of each."""


def below_tests(side: int, *names: str) -> dict[str, str]:
    """Return the files of variants on a side: 0 stands for the base, 1 for the pull request."""
    return {f"tests/{name}": text for variant in names for name, text in VARIANTS[variant][side].items()}


def test_a_change_of_what_a_test_measures_is_found_in_its_file_its_helpers_and_its_data(repository: Repository) -> None:
    files = {**BASE, **below_tests(0, *VARIANTS), "tests/test_new_test.py": PLAIN, "tests/test_kept.py": PLAIN}
    repository.commit(files)
    root = repository.pytester.path
    for name, text in below_tests(1, *VARIANTS).items():
        repository.file(name, text)
    new_test = PLAIN.replace("import work", "import new_work, work") + "def test_new(perf): perf(new_work, 1)\n"
    repository.file("tests/test_new_test.py", f"import new_module\n{new_test}def test_other(): new_module.work()\n")
    repository.file("tests/other.txt", "no test names this file\n")
    repository.file("shop.py", SLOWER)
    changes = PerfTestChanges(BaseTests(find_base(root, "HEAD"), root))
    tests = [name for name in files if Path(name).name.startswith("test_")]
    found = [one for one in tests if changes.may_change(f"{one}::{'TestOwn::' * ('inherited' in one)}test_it")]
    assert found == [one for one in tests if "kept" not in one and "new_test" not in one]


@pytest.mark.parametrize("way", ["plain", "workers", "sequential"])
@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_many_means_of_measuring_less_fail_the_session(repository: Repository, way: str) -> None:
    names = ["helper"] if way != "plain" else ["helper", "patch", "skip", "moved_name", "slower_code", "new_code"]
    repository.arguments = TWO_WORKERS if way == "workers" else ()
    base, head = below_tests(0, *names), below_tests(1, *names)
    if way == "sequential":
        base["pyproject.toml"] = SEQUENTIAL
    result = propose(repository, base, {**head, "shop.py": SLOWER})
    assert result.ret == 1
    found = {test.partition("test_")[2].partition(".")[0]: text for test, text in said(repository).items()}
    words = {"skip": "the test was skipped"}
    assert {name: text.startswith(words.get(name, "changed so that")) for name, text in found.items()} == {
        name: True
        for name in names
        if name != "new_code"  # measures as much as before, with the code of the pull request
    }


COSTLY = SHOP.replace(
    "    scripted.advance(n / 100)\n", "    scripted.advance(n / 100)\n    for _ in range(5_000): pass\n", 1
)
COPY = "def quick" + COSTLY.partition("def work")[2].partition("\n\n")[0] + "\n"
PATCHED = f"{CONFTEST}\nimport scripted, shop\n{COPY}shop.work = quick\n"
OTHER = {
    "conftest": {"conftest.py": PATCHED},
    "copy": {"tests/fast.py": f"import scripted\n{COPY}", "tests/test_it.py": PLAIN.replace("shop import work", "fast import quick as work")},
}  # fmt: skip


@pytest.mark.parametrize("means", ["conftest", pytest.param("copy", marks=pytest.mark.slow)])
@pytest.mark.usefixtures("brief")
def test_a_changed_test_that_measures_a_fast_copy_of_slower_code_fails_the_session(
    repository: Repository, means: str
) -> None:
    slower = COSTLY.replace("n / 100", "n / 50", 1)
    result = propose(repository, {"shop.py": COSTLY, "tests/test_it.py": PLAIN}, {**OTHER[means], "shop.py": slower})
    assert result.ret == 1
    assert re.match(
        "changed so that the test measures other code: with the code of HEAD, step does not run shop:work "
        r"any more, \d+% of its time before, so the session fails: ",
        said(repository)["test_it.py::test_it"],
    )


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_changed_test_that_measures_other_code_where_nothing_is_slower_is_listed_for_the_reviewer(
    repository: Repository,
) -> None:
    """Nothing can hide: the code before is the same in both commits."""
    result = propose(repository, {"shop.py": COSTLY, "tests/test_it.py": PLAIN}, OTHER["conftest"])
    assert result.ret == 0
    assert said(repository) == {}
    result.stdout.fnmatch_lines(
        [
            "for the reviewer: tests/test_it.py::test_it*: changed so that the test measures other code: with the code of *"
        ]
    )


@pytest.mark.usefixtures("brief")
def test_another_helper_with_the_same_code_under_test_passes(repository: Repository) -> None:
    base = {"shop.py": COSTLY, "tests/helper.py": "def size(): return 100\n", "tests/test_helper.py": BY_HELPER}
    head = {"tests/helper.py": "def size(): return other()\ndef other(): return 100\n"}
    assert propose(repository, base, head).ret == 0
    assert said(repository) == {}


NEW_BESIDE_OLD = f"{COSTLY}\ndef dear(n):\n    scripted.advance(n / 50)\n    for _ in range(5_000): pass\n"
NAMED = PLAIN.replace("work", "dear")


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_test_of_a_new_function_with_less_to_do_fails_the_session_although_the_old_one_is_as_fast_as_ever(
    repository: Repository,
) -> None:
    """The numbers are equal on each side: the old function for 100 orders, and the new one, twice as slow, for 50."""
    base, head = {"shop.py": COSTLY, "tests/test_it.py": PLAIN}, NAMED.replace("100", "50")
    result = propose(repository, base, {"shop.py": NEW_BESIDE_OLD, "tests/test_it.py": head})
    assert result.ret == 1
    assert re.fullmatch(
        "changed so that the test measures other code: with the code of the pull request, step does not run shop:work "
        r"any more, \d+% of its time before, and HEAD does not run the changed test, so the numbers of both say nothing "
        r"\(let the old code call the new, or compare both versions of the test: git diff HEAD -- tests/test_it.py\), "
        "so the session fails: .*",
        said(repository)["test_it.py::test_it"],
    )


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_test_that_only_calls_a_new_function_instead_is_listed_and_compared(repository: Repository) -> None:
    base = {"shop.py": COSTLY, "tests/test_it.py": PLAIN}
    as_fast = NEW_BESIDE_OLD.replace("n / 50", "n / 100")
    result = propose(repository, base, {"shop.py": as_fast, "tests/test_it.py": NAMED})
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["for the reviewer: tests/test_it.py::test_it*: changed so that the test measures other*"]
    )
    repository.file("shop.py", NEW_BESIDE_OLD)
    result = repository.against_base("--perf-policy=base", "--perf-only")
    assert said(repository) == {"test_it.py::test_it": "regressed"}


BY_CONFTEST = CONFTEST + "import shop\nassert shop.work\n"
PATCHES = CONFTEST + "import shop\nshop.core = lambda n: shop.scripted.advance(n / 100)\nassert shop.core\n"
SORTS = PLAIN.replace("work", "sort")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("conftest", "fails"),
    [(PATCHES, True), (f"{CONFTEST}from shop import core\n", False)],
    ids=["patches", "imports"],
)
@pytest.mark.usefixtures("brief")
def test_a_conftest_that_runs_with_neither_commits_code_fails_the_session_if_it_may_patch_the_code(
    repository: Repository, conftest: str, *, fails: bool
) -> None:
    base = {"conftest.py": BY_CONFTEST if fails else CONFTEST + "from shop import work\n", "tests/test_it.py": SORTS}
    renamed = SHOP.replace("work", "core").replace("def sort", "def extra(): pass\nextra()\ndef sort")
    slower = renamed.replace("n / 100", "n / 50") if fails else renamed
    result = propose(repository, base, {"conftest.py": conftest, "shop.py": slower})
    assert result.ret == int(fails)
    found = said(repository).get("test_it.py::test_it", "")
    assert found.startswith("changed, and whether the test measures less is not known: ") is fails
    assert ("git diff HEAD -- conftest.py" in found) is fails
    if not fails:
        result.stdout.fnmatch_lines(
            ["this pull request weakens its gate: *changed, and whether the test measures less*"]
        )


TWO = "from shop import sort, work\n\ndef test_it(perf):\n    perf(work, 100, name='step')\n\ndef test_sort(perf):\n    perf(sort, 100, name='step')\n"
TWO_SPEEDS = SHOP.replace("    work(n)\n\ndef cached", "    scripted.advance(n / 50)\n\ndef cached")


def exchanged(text: str) -> str:
    return re.sub(r"\b(work|sort)\b", lambda one: {"work": "sort", "sort": "work"}[one[0]], text)


@pytest.mark.slow
@pytest.mark.parametrize("more", ["", "\ndef more(): return 1\n"], ids=["alone", "with other code"])
@pytest.mark.usefixtures("brief")
def test_functions_that_exchange_their_names_pass_if_nothing_else_has_changed(
    repository: Repository, more: str
) -> None:
    base, head = {"shop.py": TWO_SPEEDS, "tests/test_it.py": TWO}, {"shop.py": exchanged(TWO_SPEEDS) + more}
    result = propose(repository, base, {**head, "tests/test_it.py": exchanged(TWO)})
    assert result.ret == int(bool(more))
    if not more:
        result.stdout.fnmatch_lines(["for the reviewer: *changed by names only, *: work -> sort"])

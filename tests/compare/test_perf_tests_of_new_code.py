"""`--perf-policy=base`: perf tests that a pull request changes so that they need its new code, which the base lacks."""

from __future__ import annotations

import json

import pytest
from repositories import Repository, break_searches
from scripting import CONFTEST

from pytest_perfbudget.checkout.base_tests import BaseTests
from pytest_perfbudget.checkout.perf_test_changes import PerfTestChanges
from pytest_perfbudget.checkout.revision import find_base

SHOP = """
import scripted

def work(n):
    scripted.advance(n / 100)
"""
NEW = """
class Cart:
    size = {size}

def compute(n):
    work(n)
"""
"""Code that only the pull request has; its tests take their size from there, where the base's tests have 100."""
PLAIN = "from shop import work\n\ndef test_it(perf):\n    perf(work, 100, name='step')\n"
SIZED = PLAIN.replace("100", "SIZE")
FIXTURE = "import pytest\nfrom shop import Cart\n\n@pytest.fixture\ndef cart(): return Cart()\n\n"
PATCH = """
import pytest, scripted, shop

@pytest.fixture(autouse=True)
def patched(monkeypatch):
    share = shop.Cart.size / 100
    monkeypatch.setattr("shop.scripted.advance", lambda ms, own=scripted.advance: own(ms * share))
"""
PULL_REQUEST: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "fixture": (
        {"test_fixture.py": PLAIN},
        {"test_fixture.py": FIXTURE + PLAIN.replace("perf)", "perf, cart)").replace("100", "cart.size")},
    ),
    "constant": ({"test_constant.py": PLAIN}, {"test_constant.py": f"import shop\nSIZE = shop.Cart.size\n{SIZED}"}),
    "autouse": ({"test_autouse.py": PLAIN}, {"conftest.py": PATCH}),
    "helper": (
        {"sizes.py": "SIZE = 100\n", "test_helper.py": f"from sizes import SIZE\n{SIZED}"},
        {"sizes.py": "from shop import Cart\nSIZE = Cart.size\n"},
    ),
    "function": (
        {"test_function.py": PLAIN},
        {"test_function.py": f"from shop import Cart\n{PLAIN}".replace("work", "compute").replace("100", "Cart.size")},
    ),
}
"""The means by which a test needs the new code: the files of the base and of the pull request, below a folder each."""


def propose(repository: Repository, base: dict[str, str], head: dict[str, str]) -> dict[str, str]:
    """Commit a base, judge a pull request by the base's policy, and return what fails by the name of the test's file."""
    settings = {"pytest.ini": "[pytest]\npythonpath = . tests/helper\n", "conftest.py": CONFTEST}
    (repository.pytester.path / "test_it.py").unlink()
    repository.commit({**settings, "shop.py": SHOP, **base})
    for name, text in head.items():
        repository.file(name, text)
    result = repository.against_base("--perf-policy=base", "--perf-only")
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    failed = {one["test"].split("test_")[1]: one for one in found if one["severity"] == "failure"}
    assert result.ret == (1 if failed else 0)
    return {name.partition(".")[0]: f"{one['kind']}: {one['headline']}" for name, one in failed.items()}


def with_new_code(repository: Repository, *, size: int, slower: float = 1) -> dict[str, str]:
    """Propose all changes of `PULL_REQUEST` at once."""
    base, head = (
        {f"tests/{means}/{name}": text for means, files in PULL_REQUEST.items() for name, text in files[side].items()}
        for side in (0, 1)
    )
    code = SHOP.replace("n / 100", f"{slower} * n / 100") + NEW.format(size=size)
    return propose(repository, base, {**head, "shop.py": code})


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_and_measure_as_much_as_before_pass(repository: Repository) -> None:
    """The base's code does not run them, and the head's code runs the tests of both commits."""
    assert with_new_code(repository, size=100) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_and_measure_less_of_slower_code_fail_the_session(repository: Repository) -> None:
    failed = with_new_code(repository, size=50, slower=2)
    start = (
        "loosened: changed so that the test measures less: with the code of the pull request, step takes 1 ms instead"
    )
    assert {name: text.startswith(f"{start} of 2 ms, ") for name, text in failed.items()} == dict.fromkeys(
        PULL_REQUEST, True
    )


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_see_slower_code(repository: Repository) -> None:
    failed = with_new_code(repository, size=100, slower=1.3)
    start = "regressed: 30 % slower than HEAD"
    assert {name: text.startswith(start) for name, text in failed.items()} == dict.fromkeys(PULL_REQUEST, True)


ASKING = "import shop\n" + PLAIN.replace("100", "getattr(shop, 'SIZE', 100)")


@pytest.mark.parametrize(("size", "slower"), [(50, 2), (100, 1)])
@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_test_that_measures_less_only_where_the_new_code_is_there_fails_the_session(
    repository: Repository, size: int, slower: float
) -> None:
    code = SHOP.replace("n / 100", f"{slower} * n / 100") + f"SIZE = {size}\n"
    failed = propose(repository, {"tests/test_it.py": PLAIN}, {"shop.py": code, "tests/test_it.py": ASKING})
    start = (
        "loosened: changed so that the test measures less: with the code of the pull request, step takes 1 ms instead"
    )
    assert {name: text.startswith(start) for name, text in failed.items()} == ({"it": True} if size < 100 else {})


RENAMED = SHOP.replace("work", "compute")
ADAPTED = PLAIN.replace("work", "compute")
KEPT = {"shop.py": f"{RENAMED}\nwork = compute\n", "tests/test_it.py": ADAPTED}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_renamed_function_of_which_the_old_name_is_left_passes(repository: Repository) -> None:
    assert propose(repository, {"tests/test_it.py": PLAIN}, KEPT) == {}


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ({"tests/test_it.py": ADAPTED}, {"work": "compute"}),
        ({"tests/test_it.py": ADAPTED.replace("shop", "store")}, {"work": "compute", "shop": "store"}),
        ({"tests/test_it.py": ADAPTED, "tests/conftest.py": "import shop\nshop.compute\n"}, {"work": "compute"}),
        ({"tests/test_it.py": ADAPTED.replace("100", "50")}, {}),
        ({"tests/test_it.py": ADAPTED.replace("100", "10 // 10")}, {}),
        ({"tests/test_it.py": ADAPTED.replace("100", "100, 1")}, {}),
        ({"tests/test_it.py": ADAPTED, "tests/conftest.py": "import shop\nshop.work\nshop.compute\n"}, {}),
        ({"tests/test_it.py": PLAIN.replace("perf(work", "perf(compute")}, {}),  # one `work` of two
        ({"tests/test_it.py": PLAIN, "tests/conftest.py": "import store\nstore.store\n"}, {}),  # two names become one
        ({"tests/test_it.py": PLAIN}, {}),
    ],
)
def test_a_test_that_differs_by_names_only_is_told_from_any_other_change(
    repository: Repository, head: dict[str, str], names: dict[str, str]
) -> None:
    plain = PLAIN.replace("100", "10 * 10") if any("//" in one for one in head.values()) else PLAIN
    repository.commit({"tests/test_it.py": plain, "tests/conftest.py": "import shop\nshop.work\n"})
    for name, text in head.items():
        repository.file(name, text)
    root = repository.pytester.path
    changes = PerfTestChanges(BaseTests(find_base(root, "HEAD"), root))
    assert changes.renames("tests/test_it.py::test_it") == names


RENAMING = {"shop.py": RENAMED, "tests/test_it.py": ADAPTED}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_renamed_function_passes_if_the_test_has_only_its_new_name(repository: Repository) -> None:
    assert propose(repository, {"tests/test_it.py": PLAIN}, RENAMING) == {}
    found = json.loads((repository.pytester.path / "report.json").read_text("utf-8"))["findings"]
    assert "changed by names only, which the pull request changes in the code as well: work -> compute" in {
        one["headline"] for one in found
    }


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_renamed_function_fails_the_session_if_git_cannot_tell_who_uses_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_searches(monkeypatch)
    failed = propose(repository, {"tests/test_it.py": PLAIN}, RENAMING)
    assert failed["it"].startswith("loosened: changed, and whether the test measures less is not known: ")
    assert "git grep: invalid number of threads" in failed["it"]


@pytest.mark.parametrize(
    ("head", "start"),
    [
        pytest.param({"shop.py": RENAMED.replace("n / 100", "1.3 * n / 100")}, "regressed: 30 % slower", id="slower"),
        pytest.param(
            {
                "shop.py": RENAMED.replace("n / 100", "2 * n / 100"),
                "tests/test_it.py": ADAPTED.replace("100", "50"),
            },
            "loosened: changed, and whether the test measures less is not known: ",
            id="less of slower code",
        ),
        pytest.param(
            {"shop.py": RENAMED + RENAMED.replace("compute", "work_slowly").replace("n / 100", "2 * n / 100")},
            "loosened: changed, and whether the test measures less is not known: ",
            id="a fast copy",
        ),
        pytest.param(
            {"shop.py": RENAMED.replace("(n)", "(n, unit)", 1), "tests/test_it.py": ADAPTED.replace("100", "100, 1")},
            "loosened: changed, and whether the test measures less is not known: ",
            id="another parameter",
        ),
    ],
)
@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_renamed_function_hides_no_slower_code(repository: Repository, head: dict[str, str], start: str) -> None:
    failed = propose(repository, {"tests/test_it.py": PLAIN}, {**RENAMING, **head})
    assert failed["it"].startswith(start)
    assert "cannot be there twice" not in failed["it"]

"""`--perf-policy=base`: perf tests that a pull request changes so that they need its new code, which the base lacks."""

from __future__ import annotations

import json

import pytest
from repositories import Repository
from scripting import CONFTEST

from pytest_perfbudget.core.loosening import by_label

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


@pytest.mark.usefixtures("brief")
def test_a_test_that_needs_new_code_is_compared_with_the_code_of_the_pull_request(repository: Repository) -> None:
    """The base's code does not run it, and the head's code runs the tests of both commits."""
    less = {
        "tests/test_less.py": PULL_REQUEST["constant"][1]["test_constant.py"].replace("Cart.size", "Cart.size // 2")
    }
    same = {"tests/test_same.py": PULL_REQUEST["fixture"][1]["test_fixture.py"]}
    base = dict.fromkeys((*less, *same), PLAIN)
    failed = propose(repository, base, {**less, **same, "shop.py": SHOP + NEW.format(size=100)})
    assert failed == {
        "less": "loosened: changed so that the test measures less: with the code of the pull request, step takes 500 us "
        f"instead of 1 ms, so the session fails: a reviewer accepts this {by_label('')}"
    }


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_and_measure_as_much_as_before_pass(repository: Repository) -> None:
    assert with_new_code(repository, size=100) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_and_measure_less_of_slower_code_fail_the_session(repository: Repository) -> None:
    failed = with_new_code(repository, size=50, slower=2)
    start = "loosened: changed so that the test measures less: with the code of the pull request, step takes 1 ms instead of 2 ms, "
    assert {name: text.startswith(start) for name, text in failed.items()} == dict.fromkeys(PULL_REQUEST, True)


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_tests_that_need_new_code_see_slower_code(repository: Repository) -> None:
    failed = with_new_code(repository, size=100, slower=1.3)
    start = "regressed: 30 % slower than HEAD"
    assert {name: text.startswith(start) for name, text in failed.items()} == dict.fromkeys(PULL_REQUEST, True)


RENAMED = SHOP.replace("work", "compute")
ADAPTED = PLAIN.replace("work", "compute")
KEPT = {"shop.py": f"{RENAMED}\nwork = compute\n", "tests/test_it.py": ADAPTED}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_renamed_function_of_which_the_old_name_is_left_passes(repository: Repository) -> None:
    assert propose(repository, {"tests/test_it.py": PLAIN}, KEPT) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("brief")
def test_a_test_that_runs_with_the_code_of_neither_commit_fails_the_session(repository: Repository) -> None:
    head = {"shop.py": RENAMED, "tests/test_it.py": ADAPTED}
    failed = propose(repository, {"tests/test_it.py": PLAIN}, head)
    assert failed["it"].startswith("loosened: changed, and whether the test measures less is not known: ")
    assert "cannot be there twice" not in failed["it"]

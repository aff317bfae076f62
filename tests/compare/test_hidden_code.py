"""The code of a pull request that may be slower while its tests measure other code."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from repositories import Repository, break_searches

from pytest_perfbudget.checkout.hidden_code import HiddenCode
from pytest_perfbudget.checkout.revision import find_base
from pytest_perfbudget.errors import GitError

PRICE = "def price(): return {}\n"


@pytest.mark.parametrize(
    ("head", "may_hide"),
    [
        pytest.param({}, False, id="nothing has changed"),
        pytest.param({"shop.py": PRICE.format(2)}, True, id="changed"),
        pytest.param({"shop.py": None, "store.py": PRICE.format(2)}, True, id="moved to other code"),
        pytest.param({"shop.py": None, "store.py": "class Shop:\n    " + PRICE.format(2)}, True, id="a method"),
        pytest.param({"shop.py": None, "tests/fakes.py": PRICE.format(2)}, False, id="moved to the tests"),
        pytest.param({"shop.py": None}, False, id="removed"),
        pytest.param({"store.py": "def other(): return 2\n"}, False, id="other code"),
        pytest.param({"store.py": PRICE.format(2)}, False, id="a namesake beside it"),
        pytest.param({"store.py": "def ("}, False, id="no Python"),
    ],
)
def test_code_that_the_pull_request_changes_or_moves_may_be_slower(
    repository: Repository, head: dict[str, str | None], may_hide: bool
) -> None:
    folder = repository.pytester.path
    repository.file("shop.py", PRICE.format(1))
    repository.commit()
    for name, text in head.items():
        if text is None:
            (folder / name).unlink()
        else:
            repository.file(name, text)
    code = HiddenCode(find_base(folder, "HEAD"), [PurePosixPath("tests")])
    assert code.may_have("shop:price", "shop.py") == may_hide


@pytest.mark.parametrize(
    ("changed", "ran", "may_hide"),
    [
        ("core.py", ["shop.py", "core.py"], True),
        ("settings.py", ["shop.py"], True),
        ("rates.json", ["shop.py"], True),
        ("other.py", ["shop.py", "core.py"], False),
        ("README.md", ["shop.py"], False),
        ("other.json", ["shop.py"], False),
        ("tests/settings.py", ["shop.py"], False),
    ],
)
def test_an_unchanged_function_may_be_slower_by_what_it_uses(
    repository: Repository, changed: str, ran: list[str], *, may_hide: bool
) -> None:
    """Such as a function that it calls, a constant of a module that it imports, or a file of data."""
    shop = "import settings\nRATES = open('rates.json')\ndef price(): return settings.ROUNDS\n"
    repository.commit({"shop.py": shop, "core.py": "", changed: "1\n"})
    repository.file(changed, "2\n")
    code = HiddenCode(find_base(repository.pytester.path, "HEAD"), [PurePosixPath("tests")])
    assert code.may_have("shop:price", "shop.py", ran) == may_hide


@pytest.mark.parametrize(
    ("changed", "is_code"), [("shop.py", True), ("rates.json", True), ("README.md", False), ("tests/test_it.py", False)]
)
def test_documents_and_tests_are_no_code(repository: Repository, changed: str, *, is_code: bool) -> None:
    repository.commit({changed: "1\n"})
    repository.file(changed, "2\n")
    assert HiddenCode(find_base(repository.pytester.path, "HEAD"), [PurePosixPath("tests")]).changes_code is is_code


CODE = "def price(): return 1\n"
API = "from shop import price\ndef serve(): return price()\n"
RENAMED = {"shop.py": CODE.replace("price", "cost"), "api.py": API.replace("price", "cost")}
METHODS = "class Basket:\n    def price(self): return 1\n\nclass Shelf:\n    def price(self): return Basket().price()\n"
NAMES = {"price": "cost"}


def with_new(code: str, file: str = "shop.py") -> dict[str, str]:
    """Return the renamed code with new code beside it."""
    return {**RENAMED, file: RENAMED.get(file, "") + code}


@pytest.mark.parametrize(
    ("head", "names", "is_renamed"),
    [
        pytest.param(RENAMED, NAMES, True, id="renamed"),
        pytest.param({"shop.py": None, "store.py": CODE, "api.py": API.replace("shop", "store")}, {"shop": "store"}, True, id="moved"),
        pytest.param({**RENAMED, "shop.py": "cost = 1\n"}, NAMES, False, id="no function any more"),
        pytest.param({**RENAMED, "shop.py": f"{RENAMED['shop.py']}{CODE}"}, NAMES, False, id="old one kept"),
        pytest.param(with_new("def tax(): return cost()\n"), NAMES, True, id="another new one"),
        pytest.param(with_new("class Tax:\n    def of(self): return self.of()\n", "tax.py"), NAMES, True, id="new file"),
        pytest.param(
            with_new("def tax(): return 1\nstep = lambda: tax()\n"), NAMES, False, id="a new one in use"
        ),
        pytest.param(with_new("def tax(): return 1\nget = 'tax'\n"), NAMES, False, id="a new one by its name as text"),
        pytest.param(
            with_new("import atexit\n@atexit.register\ndef tax(): return 1\n"), NAMES, False, id="a new one that registers"
        ),
        pytest.param(with_new("class Tax(Base): pass\n"), NAMES, False, id="a new class with a base"),
        pytest.param(with_new("def __getattr__(name): return 1\n"), NAMES, False, id="a new one that Python calls"),
        pytest.param(with_new("class Shelf:\n    def other(self): return 1\n"), NAMES, False, id="a new method of a known name"),
        pytest.param({**RENAMED, "quick.py": "def other(): return 2\ndef more(): return 1\n"}, NAMES, True, id="beside other code"),
        pytest.param(
            {"quick.py": "def fast(): return 1\ndef slow(): return 2\n"}, {"other": "fast"}, False, id="one of two without callers"
        ),
        pytest.param({"quick.py": "def fast(): return 1\n"}, {"other": "fast"}, True, id="the only one without callers"),
        pytest.param({**RENAMED, "slow.py": RENAMED["shop.py"]}, NAMES, True, id="a namesake"),
        pytest.param(
            {"shop.py": RENAMED["shop.py"], "slow.py": RENAMED["shop.py"], "api.py": RENAMED["api.py"].replace("shop", "slow")},
            NAMES, False, id="a namesake in use",
        ),
        pytest.param(
            {**RENAMED, "api.py": f"{RENAMED['api.py']}step = lambda: cost()\n"}, NAMES, False, id="a lambda"
        ),
        pytest.param(
            {**RENAMED, "api.py": RENAMED["api.py"] + "from slow import dear\n",
             "slow.py": "# coding: latin-1\n# \xe9\ndef dear(): return 1\n".encode("latin-1")},
            NAMES, False, id="another encoding",
        ),
        pytest.param(
            {"old/__init__.py": None, "old/a.py": None, "new/__init__.py": "", "new/a.py": "A = 1\n"},
            {"old": "new"}, True, id="a package",
        ),
        pytest.param(
            {"hollow/__init__.py": None, "empty/__init__.py": ""}, {"hollow": "empty"}, True, id="an empty package"
        ),
        pytest.param(
            {"space/b.py": None, "room/b.py": "B = 1\n"}, {"space": "room"}, True, id="a folder without __init__.py"
        ),
        pytest.param({"methods.py": METHODS.replace("price", "cost", 1).replace(").price", ").cost")}, NAMES, True, id="a method"),
        pytest.param({"methods.py": METHODS.replace("price", "cost", 1).replace("Basket().price()", "1")}, NAMES, False, id="a method that is not called any more"),
        pytest.param({**RENAMED, "api.py": "def serve(): return 1\n"}, NAMES, False, id="not called any more"),
        pytest.param({"shop.py": CODE.replace("1", "2")}, {"price": "other"}, False, id="another function of the base"),
        pytest.param(RENAMED, {}, False, id="no name"),
    ],
)  # fmt: skip
def test_a_renamed_function_hides_nothing_if_nothing_uses_what_is_new_beside_it(
    repository: Repository, head: dict[str, str | bytes | None], names: dict[str, str], *, is_renamed: bool
) -> None:
    assert hidden_code(repository, head).is_only_renamed(names) is is_renamed


@pytest.mark.parametrize(
    ("head", "is_renamed"),
    [
        pytest.param({"both.py": "def fair(): return 1\ndef dear(): return fair()\n"}, True, id="everywhere"),
        pytest.param({"both.py": "def fair(): return 1\ndef dear(): return 2\n"}, False, id="and other code"),
        pytest.param(
            {"both.py": "def fair(): return 1\ndef dear(): return fair()\n", "rates.json": "2"}, False, id="and data"
        ),
        pytest.param(
            {"both.py": "def fair(): return 1\ndef dear(): return fair()\n", "README.md": "2"},
            True,
            id="and a document",
        ),
    ],
)
def test_functions_that_exchange_their_names_hide_nothing_if_nothing_else_changes(
    repository: Repository, head: dict[str, str | bytes | None], *, is_renamed: bool
) -> None:
    names = {"fair": "dear", "dear": "fair"}
    assert hidden_code(repository, head).is_renamed_throughout(names) is is_renamed


def test_functions_that_exchange_their_names_but_not_in_a_file_that_uses_them_may_hide_slower_code(
    repository: Repository,
) -> None:
    repository.file("user.py", "import both\ndef use(): return both.fair()\n")
    head: dict[str, str | bytes | None] = {"both.py": "def fair(): return 1\ndef dear(): return fair()\n"}
    assert not hidden_code(repository, head).is_renamed_throughout({"fair": "dear", "dear": "fair"})


def test_code_that_git_cannot_search_is_not_taken_for_code_without_the_names(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = hidden_code(repository, {"both.py": "def fair(): return 1\ndef dear(): return fair()\n"})
    break_searches(monkeypatch)
    with pytest.raises(GitError, match=r"^git grep: "):
        code.is_renamed_throughout({"fair": "dear", "dear": "fair"})


def hidden_code(repository: Repository, head: dict[str, str | bytes | None]) -> HiddenCode:
    """Commit the base, and return the code of a pull request."""
    folder = repository.pytester.path
    packages = {"old/__init__.py": "", "old/a.py": "A = 1\n", "space/b.py": "B = 1\n", "hollow/__init__.py": ""}
    both = "def dear(): return 1\ndef fair(): return dear()\n"
    files = {
        "shop.py": CODE,
        "api.py": API,
        "quick.py": "def other(): return 1\n",
        "methods.py": METHODS,
        "both.py": both,
    }
    repository.commit({**files, "rates.json": "1", "README.md": "1", **packages})
    for name, text in head.items():
        if text is None:
            (folder / name).unlink()
        elif isinstance(text, bytes):
            (folder / name).write_bytes(text)
        else:
            repository.file(name, text)
    return HiddenCode(find_base(folder, "HEAD"), [PurePosixPath("tests")])

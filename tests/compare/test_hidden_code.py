"""The code of a pull request that may be slower while its tests measure other code."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from repositories import Repository

from pytest_perfbudget.checkout.hidden_code import HiddenCode
from pytest_perfbudget.checkout.revision import find_base

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


@pytest.mark.parametrize(
    ("head", "names", "is_renamed"),
    [
        pytest.param(RENAMED, {"price": "cost"}, True, id="renamed"),
        pytest.param({"shop.py": None, "store.py": CODE, "api.py": API.replace("shop", "store")}, {"shop": "store"}, True, id="moved"),
        pytest.param({**RENAMED, "shop.py": "cost = 1\n"}, {"price": "cost"}, False, id="no function any more"),
        pytest.param({**RENAMED, "shop.py": f"{RENAMED['shop.py']}{CODE}"}, {"price": "cost"}, False, id="old one kept"),
        pytest.param({**RENAMED, "slow.py": CODE.replace("price", "dear")}, {"price": "cost"}, False, id="another new one"),
        pytest.param({**RENAMED, "slow.py": RENAMED["shop.py"]}, {"price": "cost"}, False, id="a namesake"),
        pytest.param(
            {**RENAMED, "api.py": f"{RENAMED['api.py']}step = lambda: cost()\n"}, {"price": "cost"}, False, id="a lambda"
        ),
        pytest.param(
            {**RENAMED, "slow.py": "# coding: latin-1\n# \xe9\ndef dear(): return 1\n".encode("latin-1")},
            {"price": "cost"}, False, id="another encoding",
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
        pytest.param({**RENAMED, "api.py": "def serve(): return 1\n"}, {"price": "cost"}, False, id="not called any more"),
        pytest.param({"shop.py": CODE.replace("1", "2")}, {"price": "other"}, False, id="another function of the base"),
        pytest.param(RENAMED, {}, False, id="no name"),
    ],
)  # fmt: skip
def test_a_renamed_function_hides_nothing_if_nothing_new_stands_beside_it(
    repository: Repository, head: dict[str, str | bytes | None], names: dict[str, str], *, is_renamed: bool
) -> None:
    folder = repository.pytester.path
    packages = {"old/__init__.py": "", "old/a.py": "A = 1\n", "space/b.py": "B = 1\n", "hollow/__init__.py": ""}
    repository.commit({"shop.py": CODE, "api.py": API, "quick.py": "def other(): return 1\n", **packages})
    for name, text in head.items():
        if text is None:
            (folder / name).unlink()
        elif isinstance(text, bytes):
            (folder / name).write_bytes(text)
        else:
            repository.file(name, text)
    assert HiddenCode(find_base(folder, "HEAD"), [PurePosixPath("tests")]).is_only_renamed(names) is is_renamed

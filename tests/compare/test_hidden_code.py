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

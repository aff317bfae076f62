"""Files of data outside of the folder of tests that a test may read."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from repositories import commit

from pytest_perfbudget.checkout.test_inputs import inputs_among, is_of_code

CHANGED = ["data/orders.json", "samples/2024/big.csv", "shop/rates.json", "shop.py", "pyproject.toml", "uv.lock"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("orders json", ["data/orders.json"]),
        ("data", ["data/orders.json"]),
        ("samples", ["samples/2024/big.csv"]),
        ("pyproject uv shop", ["shop/rates.json"]),
        ("other", []),
    ],
)
def test_a_test_names_data_by_its_own_name_or_that_of_a_folder(words: str, found: list[str]) -> None:
    assert inputs_among(CHANGED, words.split()) == found


@pytest.mark.parametrize(
    ("file", "code", "is_of_it"),
    [
        ("data/orders.json", "", False),
        ("data/orders.json", "open('data/orders.json')", True),
        ("data/orders.json", "DATA = HERE / 'data'", True),
        ("orders.json", "open('other.json')", False),
        ("shop/rates.json", "", True),
    ],
)
def test_data_belongs_to_the_code_if_it_lies_in_a_package_or_the_code_names_it(
    tmp_path: Path, file: str, code: str, *, is_of_it: bool
) -> None:
    tests = f"open({file!r})"
    commit(tmp_path, {file: "", "api.py": code, "shop/__init__.py": "", "tests/test_it.py": tests})
    assert is_of_code(tmp_path, file, [PurePosixPath("tests")]) is is_of_it
